/** What the suite is played against: a server of ours and a client of ours that echo. */
import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { type Close, connect, type ConnectionOptions, HandshakeError, serve } from "../../mod.ts";
import type { Case } from "./case.ts";
import { type Outcome, play } from "./driver.ts";
import { Wire } from "./wire.ts";

/** Which side is under test. */
export type Role = "server" | "client";

const MEGABYTE = 1024 * 1024;

// A peer that hangs is dropped, and the case has failed.
const HANGS_AFTER = 30_000;

const options: ConnectionOptions = {
  maxMessageSize: 32 * MEGABYTE,
  maxBufferedAmount: 64 * MEGABYTE,
  heartbeat: false,
  // No deadline may do what the peer is to do by itself.
  closeTimeout: 2 * HANGS_AFTER,
};

/** Messages of every size are compressed where a case is about that. */
function optionsFor({ compression }: Case): ConnectionOptions {
  if (compression === undefined) return options;
  return { ...options, compression: { mode: compression.mode, threshold: 0 } };
}

/** Plays a case against the side that is under test. */
export async function run(theCase: Case, role: Role): Promise<Outcome> {
  return await (role === "server" ? againstServer(theCase) : againstClient(theCase));
}

async function againstServer(theCase: Case): Promise<Outcome> {
  let tell!: (close: Close) => void;
  const ended = new Promise<Close>((resolve) => (tell = resolve));
  const server = await serve({ ...optionsFor(theCase), port: 0 }, {
    message: (socket, message) => socket.send(message),
    close: (_socket, close) => tell(close),
  });
  try {
    return await over(await Wire.dial(server.port, theCase.compression?.asked), theCase, "server", ended);
  } finally {
    await server.shutdown();
  }
}

async function againstClient(theCase: Case): Promise<Outcome> {
  const listener = createServer({ allowHalfOpen: true });
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  const { port } = listener.address() as { port: number };
  try {
    const dialled = once(listener, "connection") as Promise<[Socket]>;
    const connected = connect(`ws://127.0.0.1:${port}/`, optionsFor(theCase), {
      message: (socket, message) => socket.send(message),
    });
    const wire = await Wire.accept((await dialled)[0], theCase.compression?.asked);
    try {
      const { closed } = await connected;
      return await over(wire, theCase, "client", closed);
    } catch (error) {
      if (!(error instanceof HandshakeError)) throw error;
      await wire.destroy();
      return { behavior: "FAILED", detail: error.message };
    }
  } finally {
    listener.close();
    await once(listener, "close");
  }
}

async function over(wire: Wire, theCase: Case, role: Role, ended: Promise<Close>): Promise<Outcome> {
  const timer = setTimeout(() => wire.expire(HANGS_AFTER), HANGS_AFTER);
  try {
    return await play(theCase, wire, role, ended);
  } finally {
    clearTimeout(timer);
    await wire.destroy();
  }
}
