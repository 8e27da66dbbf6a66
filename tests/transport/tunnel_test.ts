/** TLS through a tunnel keeps the contract of every transport, and believes nobody more. */
import { deepEqual, equal, rejects } from "node:assert/strict";
import { adapter } from "../../src/transport/detect.ts";
import { connectThrough, type TunnelOptions } from "../../src/transport/node.ts";
import { type Listener, type Transport, TransportError } from "../../src/transport/transport.ts";
import { tls } from "../fixtures.ts";
import { runtime, test } from "../harness.ts";
import { RawServer } from "../raw_peer.ts";
import { Relay } from "../relay.ts";
import { endingCases } from "./ending_cases.ts";
import { denoTlsFaults } from "./faults.ts";
import { streamCases } from "./stream_cases.ts";
import type { Subject } from "./support.ts";

const OURS = { cert: tls.cert, key: tls.key };
const NO_NOTICE = "node:tls of Deno, inside TLS, may end without a close_notify";
const EARLY_DRAIN = "node:tls of Deno, inside TLS, takes what is lost to a reset for sent";
const denoFaults: Readonly<Record<string, string>> = runtime === "deno"
  ? {
    "closeWrite() from inside end() closes both (server)": NO_NOTICE,
    "a reset by the peer is a close() with its error (client)": EARLY_DRAIN,
  }
  : {};

async function listen(options: { highWaterMark?: number }, secure = OURS): Promise<{
  listener: Listener;
  accepted: Promise<Transport>;
}> {
  let accept!: (transport: Transport) => void;
  const accepted = new Promise<Transport>((resolve) => accept = resolve);
  const { listen } = await adapter();
  const listener = await listen({ hostname: "127.0.0.1", port: 0, tls: secure, ...options, accept });
  return { listener, accepted };
}

function through(port: number, secure: boolean): TunnelOptions["through"] {
  return { hostname: "127.0.0.1", port, ...(secure ? { tls: { ca: tls.ca } } : {}) };
}

function subject(name: string, secure: boolean, faults: Subject["faults"] & object): Subject {
  return {
    name,
    encrypted: true,
    faults,
    open: async (options) => {
      const { listener, accepted } = await listen(options);
      const relay = await Relay.listen(listener.port, secure ? OURS : undefined);
      const client = await connectThrough({
        hostname: "127.0.0.1",
        port: listener.port,
        tls: { ca: tls.ca },
        through: through(relay.port, secure),
        open: () => Promise.resolve(),
        ...options,
      });
      return {
        client,
        server: await accepted,
        close: async () => {
          await relay[Symbol.asyncDispose]();
          await listener.close();
        },
      };
    },
  };
}

const subjects: Subject[] = [
  subject("TLS through a tunnel", false, denoTlsFaults),
  {
    ...subject("TLS through a tunnel inside TLS", true, { ...denoTlsFaults, ...denoFaults }),
    missing: runtime === "bun" ? "Bun does not count what waits there" : undefined,
  },
];

for (const each of subjects) {
  streamCases(each);
  endingCases(each);
}

/** Through a relay to a listener with this certificate. */
async function dialled(
  secure: typeof OURS,
  options: Partial<TunnelOptions>,
  use: (connecting: Promise<Transport>, accepted: Promise<Transport>) => Promise<void>,
): Promise<void> {
  const { listener, accepted } = await listen({}, secure);
  await using relay = await Relay.listen(listener.port);
  await use(
    connectThrough({
      hostname: "localhost",
      port: listener.port,
      tls: { ca: tls.ca },
      through: through(relay.port, false),
      open: () => Promise.resolve(),
      ...options,
    }),
    accepted,
  );
  await listener.close();
}

async function dropped(transport: Transport): Promise<void> {
  await new Promise<void>((resolve) => {
    transport.attach({ data: () => {}, drain: () => {}, end: () => {}, close: () => resolve() });
    transport.abort();
  });
}

/** Waits until the peer has let go of it. */
async function letGo(transport: Transport): Promise<void> {
  await new Promise<void>((resolve) => {
    transport.attach({
      data: () => {},
      drain: () => {},
      end: () => transport.closeWrite(),
      close: () => resolve(),
    });
  });
}

const codeOf = (error: unknown): string => error instanceof TransportError ? error.code : String(error);

test("TLS through a tunnel: the name behind it is verified, as is its authority", async () => {
  const other = { cert: tls.otherCert, key: tls.otherKey };
  const cases: [secure: typeof OURS, options: Partial<TunnelOptions>, code: string | undefined][] = [
    [OURS, {}, undefined],
    [OURS, { hostname: "127.0.0.1" }, undefined],
    [OURS, { hostname: "::1" }, undefined],
    [OURS, { hostname: "10.0.0.1" }, "certificate-rejected"],
    [OURS, { hostname: "other.example" }, "certificate-rejected"],
    [OURS, { tls: {} }, "certificate-rejected"],
    [other, {}, "certificate-rejected"],
    [other, { hostname: "other.example" }, undefined],
    [other, { tls: { ca: tls.ca, serverName: "other.example" } }, undefined],
    [OURS, { tls: { ca: [tls.ca], ...OURS } }, undefined],
  ];
  for (const [secure, options, code] of cases) {
    await dialled(secure, options, async (connecting, accepted) => {
      const result = await connecting.then((transport) => transport, codeOf);
      if (typeof result !== "string") await dropped(result);
      deepEqual(typeof result === "string" ? result : undefined, code, JSON.stringify(options.hostname));
      await dropped(await accepted);
    });
  }
});

test("TLS through a tunnel: what open() rejects with is what the caller gets, and nothing stays open", async () => {
  const refusal = new Error("no tunnel");
  await dialled(OURS, { open: () => Promise.reject(refusal) }, async (connecting, accepted) => {
    await rejects(connecting, refusal);
    await letGo(await accepted);
  });
});

test("TLS through a tunnel: a signal gives up before, while it is opened and during the TLS handshake", async () => {
  const reason = new Error("changed my mind");
  await rejects(
    connectThrough({
      hostname: "localhost",
      port: 1,
      tls: {},
      through: through(1, false),
      open: () => Promise.resolve(),
      signal: AbortSignal.abort(reason),
    }),
    reason,
  );
  const controller = new AbortController();
  await dialled(OURS, {
    signal: controller.signal,
    open: () => Promise.resolve(controller.abort(reason)),
  }, async (connecting, accepted) => {
    await rejects(connecting, reason);
    await dropped(await accepted);
  });
  await using silent = await RawServer.listen((peer) => {
    void peer.until("\x16").then(() => late.abort(reason));
  });
  const late = new AbortController();
  await rejects(
    connectThrough({
      hostname: "localhost",
      port: silent.port,
      tls: {},
      through: through(silent.port, false),
      open: () => Promise.resolve(),
      signal: late.signal,
    }),
    reason,
  );
});

test("TLS through a tunnel: a host that ends the connection, or speaks no TLS", async () => {
  for (
    const [answer, code] of [["", "connection-reset"], ["HTTP/1.1 400 Bad Request\r\n\r\n", "tls-failed"]]
  ) {
    await using server = await RawServer.listen(async (peer) => {
      await peer.until("\x16");
      peer.write(answer!);
      peer.end();
    });
    const connecting = connectThrough({
      hostname: "localhost",
      port: server.port,
      tls: {},
      through: through(server.port, false),
      open: () => Promise.resolve(),
    });
    equal(await connecting.then(() => undefined, codeOf), code);
  }
});
