/** What the suite is played against: a server of ours and a client of ours that echo. */
import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import {
  type Close,
  connect,
  type ConnectionOptions,
  HandshakeError,
  serve,
  WebSocket,
  type WebSocketErrorEvent,
} from "../../mod.ts";
import type { Case } from "./case.ts";
import { type Outcome, play } from "./driver.ts";
import { Wire } from "./wire.ts";

/** Which side is under test. */
export type Role = "server" | "client";

/** What is under test: a client is `connect()`, or the standard's `WebSocket`. */
export type SubjectName = Role | "WebSocket";

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
export async function run(theCase: Case, subject: SubjectName): Promise<Outcome> {
  if (subject === "server") return await againstServer(theCase);
  return await againstClient(theCase, subject === "client" ? byConnect : byWebSocket);
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

/** Connects, and sends back what comes. Resolves when the connection is there. */
type Dial = (url: string, options: ConnectionOptions) => Promise<{ closed: Promise<Close> }>;

const byConnect: Dial = (url, options) =>
  connect(url, options, { message: (socket, message) => socket.send(message) });

/** By the face of the standard, of which a case learns as much as a page does. */
const byWebSocket: Dial = (url, options) =>
  new Promise((resolve, reject) => {
    const socket = new WebSocket(url, [], options);
    socket.binaryType = "arraybuffer";
    let error: Error | undefined;
    const closed = new Promise<Close>((tell) => {
      // The standard does not tell who began; in every case it is the peer.
      socket.onclose = ({ code, reason, wasClean }) =>
        tell({ code, reason, wasClean, initiator: "remote", error });
    });
    socket.onerror = (event) => {
      ({ error } = event as WebSocketErrorEvent);
      if (error instanceof HandshakeError) reject(error);
    };
    socket.onopen = () => resolve({ closed });
    socket.onmessage = ({ data }) => socket.send(data as string | ArrayBuffer);
  });

async function againstClient(theCase: Case, dial: Dial): Promise<Outcome> {
  const listener = createServer({ allowHalfOpen: true });
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  const { port } = listener.address() as { port: number };
  try {
    const dialled = once(listener, "connection") as Promise<[Socket]>;
    const connected = dial(`ws://127.0.0.1:${port}/`, optionsFor(theCase));
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
