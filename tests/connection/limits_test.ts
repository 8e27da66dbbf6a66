/** Every limit: what happens when it is reached, and that it becomes known in each of the ways that docs/LIMITS.md lists. */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { readFileSync } from "node:fs";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { createServer } from "node:http";
import { once } from "node:events";
import { join } from "node:path";
import {
  acceptor,
  type Close,
  connect,
  type ConnectionHandler,
  type LimitEvent,
  serve,
  type ServeOptions,
} from "../../mod.ts";
import { Admission } from "../../src/server/admission.ts";
import { connectionSettings } from "../../src/connection/options.ts";
import { LIMIT_NAMES, type LimitName } from "../../src/connection/limits.ts";
import { projectRoot } from "../fixtures.ts";
import { test } from "../harness.ts";
import { dial, exchange, type RawPeer, RawServer, REQUEST, request } from "../raw_peer.ts";

type Event = LimitEvent<unknown>;

/** What became known of limits while a test ran. */
class Witness {
  readonly hooked: Event[] = [];
  readonly published: Event[] = [];
  readonly closes: Close[] = [];
  #wake: () => void = () => {};

  readonly #listen = (event: unknown): void => {
    this.published.push(event as Event);
    this.#wake();
  };

  constructor() {
    subscribe("woshou:limit", this.#listen);
  }

  readonly hook = (event: { kind: string }): void => {
    if (event.kind === "limit") this.hooked.push(event as Event);
    this.#wake();
  };

  /** Waits until the condition holds; looked at whenever something has become known. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => (this.#wake = resolve));
  }

  /** Adds what closes to the record. */
  closed(close: Close): void {
    this.closes.push(close);
    this.#wake();
  }

  [Symbol.dispose](): void {
    unsubscribe("woshou:limit", this.#listen);
  }
}

/** A masked frame whose key is zero. */
function frame(firstByte: number, payload = "", announced = payload.length): string {
  const length = announced < 126
    ? String.fromCharCode(0x80 | announced)
    : `\xfe${String.fromCharCode(announced >> 8, announced & 0xff)}`;
  return String.fromCharCode(firstByte) + length + "\0\0\0\0" + payload;
}

const PING = frame(0x89);
const PONG = frame(0x8a);

interface ConnectionCase {
  readonly limit: LimitName;
  readonly what: string;
  readonly options: ServeOptions;
  readonly handler?: ConnectionHandler;
  /** What the peer does behind its opening handshake. */
  readonly provoke: (peer: RawPeer) => void;
  /** Our Close frame's code, `undefined` where none is sent on account of the limit. */
  readonly code: number | undefined;
  /** Whether the connection's error names the limit. */
  readonly named: boolean;
}

const silent = { heartbeat: false } as const;

const CASES: readonly ConnectionCase[] = [
  {
    limit: "maxMessageSize",
    what: "a header announces more",
    options: { maxMessageSize: 100, ...silent },
    provoke: (peer) => peer.write(frame(0x82, "", 101)),
    code: 1009,
    named: true,
  },
  {
    limit: "maxMessageSize",
    what: "a message decompresses to more",
    options: { maxMessageSize: 100, compression: true, ...silent },
    // 101 times "a" (RFC 1951), in a frame whose RSV1 says that it is compressed (RFC 7692, section 6).
    provoke: (peer) => peer.write(frame(0xc1, "\x4a\x4c\xa4\x03\x00\x00")),
    code: 1009,
    named: true,
  },
  {
    limit: "maxFragments",
    what: "there are more of them",
    options: { maxFragments: 2, ...silent },
    provoke: (peer) => peer.write(frame(0x01) + frame(0x00) + frame(0x00)),
    code: 1008,
    named: true,
  },
  {
    limit: "maxControlFrames",
    what: "pings",
    options: { maxControlFrames: 3, ...silent },
    // So many that one of the seconds in which they come has too many, wherever it begins.
    provoke: (peer) => peer.write(PING.repeat(7)),
    code: 1008,
    named: true,
  },
  {
    limit: "maxControlFrames",
    what: "pongs",
    options: { maxControlFrames: 3, ...silent },
    provoke: (peer) => peer.write(PONG.repeat(7)),
    code: 1008,
    named: true,
  },
  {
    limit: "maxBufferedAmount",
    what: "more is sent than the peer reads",
    options: { maxBufferedAmount: 1000, ...silent },
    handler: {
      open(socket) {
        socket.send("x".repeat(600));
        try {
          socket.send("x".repeat(600));
        } catch {
          // That it throws is tests/connection/connection_test.ts's to see.
        }
      },
    },
    provoke: () => {},
    code: 1013,
    named: true,
  },
  {
    limit: "heartbeat",
    what: "no pong",
    options: { heartbeat: { interval: 10, timeout: 10 } },
    provoke: () => {},
    code: undefined,
    named: true,
  },
  {
    limit: "idleTimeout",
    what: "no message",
    options: { idleTimeout: 40, ...silent },
    provoke: () => {},
    code: 1000,
    named: false,
  },
  {
    limit: "closeTimeout",
    what: "the peer does not close",
    options: { closeTimeout: 40, ...silent },
    handler: { open: (socket) => void socket.close() },
    provoke: () => {},
    code: 1000,
    named: true,
  },
];

for (const { limit, what, options, handler, provoke, code, named } of CASES) {
  test(`${limit}, ${what}: counted, told to the hook and the channel, and the connection ends`, async () => {
    using witness = new Witness();
    const server = await serve({ ...options, port: 0, limit: witness.hook }, {
      ...handler,
      close: (_, close) => witness.closed(close),
    });
    const peer = await dial(server.port);
    try {
      peer.write(request({ "Sec-WebSocket-Extensions": "permessage-deflate" }));
      await peer.until("\r\n\r\n");
      provoke(peer);
      if (code !== undefined) await peer.until(`${String.fromCharCode(code >> 8, code & 0xff)}`);
      if (limit === "idleTimeout") peer.write(frame(0x88, "\x03\xe8"));
      // The peer goes too, unless it is for staying that it is dropped.
      if (limit !== "heartbeat" && limit !== "closeTimeout") peer.end();
      await witness.until(() => witness.closes.length === 1 && witness.hooked.length > 0);
      deepEqual(witness.hooked.map((event) => [event.limit, event.remoteAddress]), [[limit, "127.0.0.1"]]);
      const [event] = witness.hooked;
      equal(event!.socket?.readyState, "closed");
      match(event!.message, /^[A-Z].*\.$/);
      deepEqual(witness.published, witness.hooked);
      equal(server.limitsReached[limit], 1);
      equal(Object.values(server.limitsReached).reduce((sum, each) => sum + each), 1, "and no other");
      const error = witness.closes[0]!.error as { limit?: string; message: string } | undefined;
      equal(error?.limit, named ? limit : undefined);
      // The message says which option to change.
      if (named) ok(error?.message.includes(limit), error?.message);
    } finally {
      await peer.destroy();
      await server.shutdown();
    }
  });
}

test("receiveQueue: counted and told to the channel each time, and not to the hook; nothing is lost", async () => {
  using witness = new Witness();
  let take!: () => void;
  const mayTake = new Promise<void>((resolve) => (take = resolve));
  const taken: unknown[] = [];
  const options = { port: 0, receiveQueue: { messages: 2 }, limit: witness.hook };
  const server = await serve(options, async (socket) => {
    await mayTake;
    for await (const message of socket) if (taken.push(message) === 6) break;
  });
  const socket = await connect(server.url);
  for (let i = 0; i < 6; i++) socket.send(String(i));
  await witness.until(() => witness.published.length > 0);
  take();
  await socket.closed;
  deepEqual(taken, ["0", "1", "2", "3", "4", "5"]);
  ok(witness.published.every(({ limit }) => limit === "receiveQueue"));
  equal(server.limitsReached.receiveQueue, witness.published.length);
  deepEqual(witness.hooked, []);
  await server.shutdown();
});

interface RefusalCase {
  readonly limit: LimitName;
  readonly options: ServeOptions;
  readonly request: string;
  /** `undefined` where the connection is dropped without an answer. */
  readonly status: number | undefined;
}

const REFUSALS: readonly RefusalCase[] = [
  {
    limit: "maxHeadSize",
    options: { maxHeadSize: 100 },
    request: request({ "X": "x".repeat(100) }),
    status: 431,
  },
  {
    limit: "maxHeadSize",
    options: { maxHeadSize: 100 },
    request: request({}, `GET /${"x".repeat(100)} HTTP/1.1`),
    status: 414,
  },
  { limit: "maxHeaders", options: { maxHeaders: 5 }, request: request({ "X": "x" }), status: 431 },
  { limit: "handshakeTimeout", options: { handshakeTimeout: 400 }, request: "GET / HT", status: 408 },
  { limit: "handshakeTimeout", options: { handshakeTimeout: 400 }, request: "", status: undefined },
  {
    limit: "handshakeTimeout",
    options: { handshakeTimeout: 400, upgrade: () => new Promise(() => {}) },
    request: REQUEST,
    status: 503,
  },
];

for (const { limit, options, request: text, status } of REFUSALS) {
  test(`${limit}: refused with ${status ?? "nothing"}, counted, told to the hook and the channel`, async () => {
    using witness = new Witness();
    const server = await serve({ ...options, port: 0, limit: witness.hook }, {});
    const response = await exchange(server.port, text);
    equal(response.split(" ", 2)[1], status?.toString());
    await witness.until(() => witness.hooked.length > 0);
    deepEqual(witness.hooked.map((event) => [event.limit, event.socket]), [[limit, undefined]]);
    deepEqual(witness.published, witness.hooked);
    equal(server.limitsReached[limit], 1);
    await server.shutdown();
  });
}

for (
  const [limit, status, code] of [
    ["maxConnections", 503, "connections-exhausted"],
    ["maxConnectionsPerAddress", 429, "address-exhausted"],
  ] as const
) {
  test(`${limit}: one more is refused before it has asked, and admitted when another has gone`, async () => {
    using witness = new Witness();
    const refusals: string[] = [];
    const server = await serve({
      port: 0,
      [limit]: 2,
      limit: witness.hook,
      refused: (refusal) => void refusals.push(refusal.code),
    }, {});
    const first = await connect(server.url);
    const second = await dial(server.port);
    // An opening handshake counts too, once the server knows of it.
    second.write("GET / ");
    const third = await dial(server.port);
    const response = await third.untilEnd();
    await third.destroy();
    match(response, new RegExp(`^HTTP/1\\.1 ${status} `));
    match(response, /\r\nRetry-After: \d+\r\n/);
    match(response, new RegExp(`\\(${code}; `));
    deepEqual(refusals, [code]);
    await witness.until(() => witness.hooked.length > 0);
    deepEqual(witness.hooked.map((event) => [event.limit, event.remoteAddress]), [[limit, "127.0.0.1"]]);
    equal(server.limitsReached[limit], 1);
    await second.destroy();
    await first.close();
    // Both have gone as soon as the server knows; until then another attempt is refused.
    for (;;) {
      try {
        const again = await connect(server.url);
        await again.close();
        break;
      } catch (error) {
        match(String(error), new RegExp(String(status)));
      }
    }
    await server.shutdown();
  });
}

test("compression.memoryBudget: beyond it a connection is accepted without compression, until another has gone", async () => {
  using witness = new Witness();
  // The client's window alone: 2 ** 15 bytes.
  const compression = { memoryBudget: 32768 };
  const server = await serve({ port: 0, compression, limit: witness.hook }, {
    message: (socket, message) => socket.send(message),
    close: (_, close) => witness.closed(close),
  });
  const first = await connect(server.url, { compression: { mode: "context-takeover", windowBits: 15 } });
  match(first.extensions, /^permessage-deflate/);
  const second = await connect(server.url, { compression: { mode: "context-takeover" } });
  equal(second.extensions, "");
  await witness.until(() => witness.hooked.length > 0);
  deepEqual(witness.hooked.map((event) => event.limit), ["compression.memoryBudget"]);
  second.send("as it is");
  for await (const message of second) {
    equal(message, "as it is");
    break;
  }
  const modest = await connect(server.url, { compression: true });
  match(modest.extensions, /client_no_context_takeover/, "who keeps nothing needs no budget");
  await first.close();
  await witness.until(() => witness.closes.length === 1);
  const third = await connect(server.url, { compression: { mode: "context-takeover" } });
  match(third.extensions, /^permessage-deflate/);
  equal(server.limitsReached["compression.memoryBudget"], 1);
  await server.shutdown();
});

test("an acceptor counts connections too", async () => {
  const accept = acceptor({ maxConnections: 1 }, {});
  const server = createServer().on("upgrade", accept);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  const socket = await connect(`ws://127.0.0.1:${port}/`);
  match(await exchange(port, REQUEST), /^HTTP\/1\.1 503 /);
  equal(accept.limitsReached.maxConnections, 1);
  await socket.close();
  const closed = once(server, "close");
  server.close();
  server.closeAllConnections?.();
  await closed;
});

test("a client tells the channel, and its close says which limit it was", async () => {
  using witness = new Witness();
  await using raw = await RawServer.listen(async (peer) => {
    await peer.until("\r\n\r\n");
    const key = /sec-websocket-key: (\S+)/i.exec(peer.received)![1]!;
    const digest = await crypto.subtle.digest(
      "SHA-1",
      new TextEncoder().encode(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"),
    );
    const accept = btoa(String.fromCharCode(...new Uint8Array(digest)));
    peer.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
    );
    peer.write("\x82\x7e\x00\xff");
    await peer.until("\x88");
    peer.end();
  });
  const socket = await connect(`ws://127.0.0.1:${raw.port}/`, { maxMessageSize: 254 });
  const { error } = await socket.closed;
  equal((error as { limit?: string; message: string }).limit, "maxMessageSize");
  deepEqual(witness.published.map(({ limit, remoteAddress }) => [limit, remoteAddress]), [
    ["maxMessageSize", "127.0.0.1"],
  ]);
});

test("what the limit hook throws goes to the error hook", async () => {
  let resolve!: (error: unknown) => void;
  const promise = new Promise<unknown>((settle) => (resolve = settle));
  const server = await serve({
    port: 0,
    maxHeaders: 1,
    limit() {
      throw new Error("from the hook");
    },
    error: resolve,
  }, {});
  await exchange(server.port, REQUEST);
  equal(((await promise) as Error).message, "from the hook");
  await server.shutdown();
});

/** Rows of a table of docs/LIMITS.md: the option and its default. */
function documented(): Map<string, string> {
  const text = readFileSync(join(projectRoot, "docs", "LIMITS.md"), "utf8");
  return new Map(
    [...text.matchAll(/^\| `([^`]+)` +\| ([^|]+) \|/gm)].map(([, name, value]) => [name!, value!.trim()]),
  );
}

test("docs/LIMITS.md lists every limit, and its default", () => {
  const rows = documented();
  deepEqual([...rows.keys()].sort(), [...LIMIT_NAMES].sort());
  const settings = connectionSettings({ compression: true });
  const { receiveQueue, heartbeat } = settings;
  equal(rows.get("receiveQueue"), `${receiveQueue.messages} messages, ${receiveQueue.bytes} bytes`);
  equal(rows.get("heartbeat"), `${heartbeat!.interval} + ${heartbeat!.timeout}`);
  equal(rows.get("compression.memoryBudget"), String(settings.compression!.memoryBudget));
  for (
    const name of [
      "maxMessageSize",
      "maxFragments",
      "maxControlFrames",
      "maxBufferedAmount",
      "idleTimeout",
      "closeTimeout",
    ] as const
  ) equal(rows.get(name), String(settings[name]), name);
  const most = Number(rows.get("maxConnections"));
  const admission = new Admission({});
  equal(admission.enter("192.0.2.1", most), undefined);
  ok(admission.enter("192.0.2.1", most + 1) !== undefined);
});
