/** WebSockets over HTTP/2, as a client of node:http2 sees them. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer as createHttp1 } from "node:http";
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  createSecureServer,
  createServer,
  type Http2SecureServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type IncomingHttpStatusHeader,
  type ServerHttp2Stream,
} from "node:http2";
import { connect as connectTcp, type Socket } from "node:net";
import process from "node:process";
import {
  type Acceptor,
  acceptor,
  type AcceptorOptions,
  type Connection,
  type ConnectionHandler,
  type Http2Server as AnyHttp2Server,
  type Http2Stream,
  route,
} from "../../mod.ts";
import { answeringOn } from "../../src/server/answering.ts";
import type { Transport } from "../../src/transport/transport.ts";
import { tls } from "../fixtures.ts";
import { runtime, skip, test } from "../harness.ts";

const SETTINGS = { settings: { enableConnectProtocol: true } };
const echo: ConnectionHandler = { message: (socket, message) => socket.send(message) };
const HI = "\x81\x82\x37\xfa\x21\x3d\x5f\x93";
const CLOSE = "\x88\x80\x37\xfa\x21\x3d";

const REQUEST = {
  ":method": "CONNECT",
  ":protocol": "websocket",
  ":scheme": "http",
  ":path": "/",
  ":authority": "localhost",
  "sec-websocket-version": "13",
};

type ResponseHeaders = IncomingHttpHeaders & IncomingHttpStatusHeader;

/** A stream of the client: what it receives, and how it ends. */
class Stream {
  readonly stream: ClientHttp2Stream;
  readonly headers: Promise<ResponseHeaders>;
  readonly closed: Promise<number>;
  received = "";
  ended = false;

  constructor(session: ClientHttp2Session, headers: Record<string, string | string[]> = {}) {
    const stream = session.request({ ...REQUEST, ...headers }, { endStream: false });
    this.stream = stream;
    this.headers = new Promise((resolve, reject) => {
      stream.once("response", resolve);
      stream.once("close", () => reject(new Error(`the stream closed with ${stream.rstCode}`)));
    });
    this.headers.catch(() => {});
    stream.on("data", (chunk: Uint8Array) => this.received += Buffer.from(chunk).toString("latin1"));
    stream.on("end", () => this.ended = true);
    stream.on("error", () => {});
    this.closed = new Promise((resolve) => stream.once("close", () => resolve(stream.rstCode ?? -1)));
  }

  write(text: string): void {
    this.stream.write(Buffer.from(text, "latin1"));
  }

  async until(text: string): Promise<void> {
    while (!this.received.includes(text)) {
      if (this.stream.destroyed) assert.fail(`the stream ended before ${JSON.stringify(text)}`);
      await moment();
    }
  }
}

function moment(milliseconds = 5): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

interface Scene<Data> {
  readonly session: ClientHttp2Session;
  readonly accept: Acceptor<Data>;
  readonly port: number;
}

/** A server with these options, and a client's session on it. */
async function serving<Data = undefined>(
  options: AcceptorOptions<Data>,
  use: (scene: Scene<Data>) => Promise<void>,
  handler: ConnectionHandler<Data> = echo as ConnectionHandler<Data>,
  server: Http2Server | Http2SecureServer = createServer(SETTINGS),
): Promise<void> {
  const accept = acceptor(options, handler);
  accept.http2(server);
  await listening(server, async (session, port) => {
    try {
      await use({ session, accept, port });
    } finally {
      await accept.shutdown({ deadline: 100 });
    }
  });
}

async function listening(
  server: Http2Server | Http2SecureServer,
  use: (session: ClientHttp2Session, port: number) => Promise<void>,
): Promise<void> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  const session = await dial(server, port);
  try {
    await use(session, port);
  } finally {
    session.destroy();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  }
}

async function dial(server: Http2Server | Http2SecureServer, port: number): Promise<ClientHttp2Session> {
  const secure = server.listenerCount("secureConnection") > 0;
  const session = connect(`${secure ? "https" : "http"}://localhost:${port}`, { ca: tls.ca });
  session.on("error", () => {});
  // A client must have seen the setting before it sends an extended CONNECT.
  await once(session, "remoteSettings");
  return session;
}

test("RFC 8441: a WebSocket opens, echoes, and ends with both Close frames, END_STREAM and no error", async () => {
  await serving({}, async ({ session, accept }) => {
    const stream = new Stream(session);
    const headers = await stream.headers;
    assert.equal(headers[":status"], 200);
    for (const name of ["upgrade", "connection", "sec-websocket-accept", "sec-websocket-protocol"]) {
      assert.equal(headers[name], undefined, name);
    }
    stream.write(HI);
    await stream.until("\x81\x02hi");
    assert.equal(accept.connections.size, 1);
    stream.write(CLOSE);
    await stream.until("\x88\x00");
    // This side of the stream has not ended.
    assert.equal(await stream.closed, 0);
    assert.equal(stream.ended, true);
    while (accept.connections.size > 0) await moment();
    const next = new Stream(session);
    assert.equal((await next.headers)[":status"], 200);
  });
});

test("over TLS: upgrade() and the connection know the request", async () => {
  const seen: unknown[] = [];
  const options: AcceptorOptions<string> = {
    protocols: ["chat"],
    upgrade: (request) => {
      const { method, url, headers, remoteAddress } = request;
      seen.push([method, url, headers.get("cookie"), headers.get("x"), remoteAddress]);
      const added = new Headers({ "x-served": "yes", "keep-alive": "timeout=5" });
      added.append("set-cookie", "c=3");
      added.append("set-cookie", "d=4");
      return { data: "known", headers: added };
    },
  };
  const handler: ConnectionHandler<string> = {
    open(socket) {
      seen.push([socket.data, socket.protocol, socket.remoteAddress]);
      seen.push([socket.request!.url, socket.request!.headers.get("cookie")]);
    },
  };
  const server = createSecureServer({ ...SETTINGS, cert: tls.cert, key: tls.key });
  await serving(
    options,
    async ({ session }) => {
      const stream = new Stream(session, {
        ":scheme": "https",
        ":path": "/chat?a=1",
        "sec-websocket-protocol": "chat, other",
        "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
        cookie: ["a=1", "b=2"],
        x: "y",
      });
      const headers = await stream.headers;
      assert.equal(headers["sec-websocket-protocol"], "chat");
      // undici insists on it.
      assert.equal(headers["sec-websocket-accept"], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
      assert.equal(headers["x-served"], "yes");
      assert.equal(headers["keep-alive"], undefined);
      assert.deepEqual(headers["set-cookie"], ["c=3", "d=4"]);
      while (seen.length < 3) await moment();
    },
    handler,
    server,
  );
  const url = "https://localhost/chat?a=1";
  assert.deepEqual(seen, [
    ["GET", url, "a=1; b=2", "y", "127.0.0.1"],
    ["known", "chat", "127.0.0.1"],
    [url, "a=1; b=2"],
  ]);
});

test("every refusal is a response of HTTP/2, and is seen by the hook", async () => {
  const refused: string[] = [];
  const options: AcceptorOptions = {
    path: "/",
    refused: ({ code }, { response }) => void refused.push(`${code} ${response.split("\r\n")[0]}`),
    protocols: ["chat"],
    upgrade: ({ headers }) => {
      if (headers.has("x-throw")) throw new Error("expected");
      if (!headers.has("x-no")) return undefined;
      return new Response("no!", { status: 401, headers: { "www-authenticate": "Basic", upgrade: "x" } });
    },
    error: () => {},
  };
  const rows: [headers: Record<string, string | string[]>, status: number, code: string][] = [
    [{ ":path": "/other" }, 404, "path-not-found"],
    [{ ":protocol": "connect-udp" }, 501, "protocol-unsupported"],
    [{ "sec-websocket-version": "8" }, 400, "version-unsupported"],
    [{ origin: "http://evil.example" }, 403, "origin-not-allowed"],
    [{ ":authority": "localhost:99999" }, 400, "host-invalid"],
    [{ ":path": "/a/../" }, 400, "request-target-invalid"],
    [{ "sec-websocket-protocol": "other" }, 400, "subprotocol-unsupported"],
    [{ "x-no": "1" }, 401, "refused-by-application"],
    [{ "x-throw": "1" }, 500, "upgrade-failed"],
  ];
  await serving(options, async ({ session, accept }) => {
    for (const [changes, status, code] of rows) {
      const stream = new Stream(session, { accept: "application/json", ...changes });
      const headers = await stream.headers;
      assert.equal(headers[":status"], status, code);
      assert.equal(headers["upgrade"], undefined, code);
      assert.equal(await stream.closed, 0, code);
      if (code === "refused-by-application") assert.equal(stream.received, "no!");
      else assert.equal(JSON.parse(stream.received).code, code);
      assert.equal(headers["content-length"], String(stream.received.length), code);
      if (code === "version-unsupported") assert.equal(headers["sec-websocket-version"], "13");
    }
    assert.deepEqual(refused, rows.map(([, status, code]) => `${code} HTTP/2 ${status}`));
    assert.equal(accept.connections.size, 0);
    const good = new Stream(session);
    assert.equal((await good.headers)[":status"], 200);
  });
});

test("CONNECT without :protocol is refused once: 405", async () => {
  const server = createServer(SETTINGS, (_, response) => response.end("page"));
  await serving(
    {},
    async ({ session }) => {
      const stream = session.request({ ":method": "CONNECT", ":authority": "localhost:1" });
      const [headers] = await once(stream, "response") as [ResponseHeaders];
      assert.equal(headers[":status"], 405);
      assert.equal(headers["allow"], "GET");
      stream.destroy();
      const page = session.request({ ":path": "/" });
      let text = "";
      page.on("data", (chunk: Uint8Array) => text += Buffer.from(chunk).toString());
      await once(page, "end");
      assert.equal(text, "page");
    },
    echo,
    server,
  );
});

test("limits hold for streams: maxConnections, maxConnectionsPerAddress, and places that become free", async () => {
  for (const options of [{ maxConnections: 2 }, { maxConnectionsPerAddress: 2 }]) {
    await serving({ ...options, refused: () => {} }, async ({ session, accept }) => {
      const [first, second] = [new Stream(session), new Stream(session)];
      await Promise.all([first.headers, second.headers]);
      const third = new Stream(session);
      assert.equal((await third.headers)[":status"], "maxConnections" in options ? 503 : 429);
      await third.closed;
      first.stream.close(8);
      second.write(CLOSE);
      while (accept.connections.size > 0) await moment();
      await moment(20);
      assert.equal((await new Stream(session).headers)[":status"], 200);
    });
  }
});

test("handshakeTimeout is also for a decision, and a peer that leaves meanwhile is noticed", async () => {
  const signals: AbortSignal[] = [];
  const options: AcceptorOptions = {
    handshakeTimeout: 150,
    refused: () => {},
    upgrade: ({ signal }) => {
      signals.push(signal);
      return new Promise(() => {});
    },
  };
  await serving(options, async ({ session }) => {
    const late = new Stream(session);
    late.write(HI.repeat(10_000));
    assert.equal((await late.headers)[":status"], 503);
    const leaving = new Stream(session);
    while (signals.length < 2) await moment();
    leaving.stream.close(8);
    while (!signals[1]!.aborted) await moment();
    const ending = new Stream(session);
    ending.stream.end();
    while (signals.length < 3 || !signals[2]!.aborted) await moment();
  });
});

test("abort() and a lost session: RST_STREAM with CANCEL, and 1006", async () => {
  const sockets: Connection[] = [];
  await serving({}, async ({ session, accept }) => {
    const [first, second, third] = [new Stream(session), new Stream(session), new Stream(session)];
    await Promise.all([first.headers, second.headers, third.headers]);
    while (sockets.length < 3) await moment();
    const [a, b, c] = sockets as [Connection, Connection, Connection];
    a.abort();
    assert.equal(await first.closed, 8);
    second.stream.close(8);
    assert.equal((await b.closed).code, 1006);
    session.destroy();
    assert.equal((await c.closed).code, 1006);
    assert.equal(accept.connections.size, 0);
  }, { open: (socket) => void sockets.push(socket) });
});

test("a stream that is not read does not hold up another one, and its peer has to wait", async () => {
  let release = (): void => {};
  const held = new Promise<void>((resolve) => release = resolve);
  let received = 0;
  const handler: ConnectionHandler = async (socket) => {
    if (socket.request!.url.endsWith("/slow")) await held;
    for await (const message of socket) {
      received += (message as string).length;
      socket.send("got it");
    }
  };
  const server = createServer(SETTINGS);
  await serving(
    { receiveQueue: { bytes: 70_000, messages: 10 } },
    async ({ session, port }) => {
      // Bun's client sends nothing on any stream while one of them waits.
      const another = runtime === "bun" ? await dial(server, port) : session;
      const slow = new Stream(session, { ":path": "/slow" });
      const quick = new Stream(another, { ":path": "/quick" });
      await Promise.all([slow.headers, quick.headers]);
      // A text of 60,000 characters, masked with zeros.
      const text = `\x81\xfe\xea\x60\0\0\0\0${"x".repeat(60_000)}`;
      for (let i = 0; i < 50; i++) slow.write(text);
      await moment(100);
      assert.ok(slow.stream.writableLength > 1_000_000, String(slow.stream.writableLength));
      quick.write(HI);
      await quick.until("got it");
      release();
      while (received < 50 * 60_000 + 2) await moment();
      another.destroy();
    },
    handler,
    server,
  );
});

test("a client that does not read makes send() return false, and drained() waits for it", async () => {
  const told: number[] = [];
  const handler: ConnectionHandler = async (socket) => {
    const part = new Uint8Array(100_000);
    let sent = 1;
    while (socket.send(part)) sent++;
    told.push(socket.bufferedAmount);
    await socket.drained();
    told.push(sent * (part.length + 10));
  };
  await serving({}, async ({ session }) => {
    const stream = new Stream(session);
    stream.stream.pause();
    await stream.headers;
    while (told.length < 1) await moment();
    await moment(50);
    assert.ok(told.length === 1 && told[0]! > 0);
    stream.stream.resume();
    while (told.length < 2) await moment();
    while (stream.received.length < told[1]!) await moment();
  }, handler);
});

test("shutdown(): 1001 and the end of each stream, 503 for more, while the session stays", async () => {
  await serving({ refused: () => {} }, async ({ session, accept }) => {
    const stream = new Stream(session);
    await stream.headers;
    const over = accept.shutdown({ deadline: 1000 });
    await stream.until("\x88\x02\x03\xe9");
    stream.write(CLOSE);
    assert.equal(await stream.closed, 0);
    await over;
    assert.equal((await new Stream(session).headers)[":status"], 503);
    assert.equal(session.destroyed, false);
  });
});

test("several acceptors, routes, and other listeners on one server: each takes its own, and one answers the rest", async () => {
  const server = createServer(SETTINGS, (_, response) => response.end());
  const say = (text: string): ConnectionHandler => ({ open: (socket) => void socket.send(text) });
  const first = acceptor({ path: "/a", refused: () => {}, handshakeTimeout: 100 }, say("first"));
  const second = acceptor({}, [
    route("/rooms/:id", { upgrade: ({ params }) => ({ data: params.id }) }, {
      open: (socket) => void socket.send(`room ${socket.data}`),
    }),
  ]);
  first.http2(server);
  second.http2(server);
  server.on("stream", (stream: ServerHttp2Stream, headers) => {
    if (headers[":path"] !== "/theirs") return;
    setTimeout(() => {
      stream.respond({ ":status": 200 });
      stream.end("theirs");
    }, 20);
  });
  await listening(server, async (session) => {
    for (const [path, text] of [["/a", "first"], ["/rooms/7", "room 7"], ["/theirs", "theirs"]] as const) {
      const stream = new Stream(session, { ":path": path });
      assert.equal((await stream.headers)[":status"], 200);
      await stream.until(text);
    }
    const unknown = new Stream(session, { ":path": "/unknown" });
    assert.equal((await unknown.headers)[":status"], 404);
    const reset = new Stream(session, { ":path": "/unknown" });
    await moment(20);
    reset.stream.close(2);
    await moment(150);
    await Promise.all([first.shutdown({ deadline: 50 }), second.shutdown({ deadline: 50 })]);
  });
});

test("what your own code knows of a request reaches upgrade() and the handler", async () => {
  const seen: unknown[] = [];
  const accept = acceptor<string, { user: string }>({
    upgrade: (_, { user }) => {
      seen.push(user);
      return { data: user };
    },
    error: (error) => void seen.push((error as Error).message),
  }, { open: (socket) => void seen.push(socket.data) });
  const server = createServer(SETTINGS);
  accept.http2(server, async (headers, stream) => {
    await moment();
    if (headers["cookie"] !== "user=ann") throw new Error("no session");
    seen.push(typeof stream.respond);
    return { user: "ann" };
  });
  await listening(server, async (session) => {
    assert.equal((await new Stream(session, { cookie: "user=ann" }).headers)[":status"], 200);
    while (seen.length < 3) await moment();
    assert.equal((await new Stream(session, { "x-context": "ann" }).headers)[":status"], 500);
    await accept.shutdown({ deadline: 100 });
  });
  assert.deepEqual(seen, ["function", "ann", "ann", "no session"]);
});

test("a request that has ended already, and frames that come with it", async () => {
  const closes: unknown[] = [];
  const handler: ConnectionHandler = {
    message: (socket, message) => socket.send(message),
    close: (_, { code }) => void closes.push(code),
  };
  await serving({}, async ({ session, accept }) => {
    const early = new Stream(session);
    early.write(HI + HI + CLOSE);
    early.stream.end();
    await early.until("\x81\x02hi\x81\x02hi\x88\x00");
    const ended = new Stream(session);
    ended.stream.end();
    await ended.closed;
    while (accept.connections.size > 0 || closes.length < 2) await moment();
  }, handler);
  assert.deepEqual(closes, [1005, 1006]);
});

test("a server without the setting, one of HTTP/1.1, and anything else: a TypeError that says what to do", () => {
  const accept = acceptor({}, echo);
  for (const options of [{}, { settings: {} }, { settings: { enableConnectProtocol: false } }]) {
    assert.throws(
      () => accept.http2(createServer(options)),
      (error) => error instanceof TypeError && /enableConnectProtocol: true/.test(error.message),
    );
  }
  const other = /server\.on\("upgrade", accept\)/;
  for (const server of [createHttp1(), {}, undefined]) {
    assert.throws(
      () => accept.http2(server as unknown as AnyHttp2Server),
      (error) => error instanceof TypeError && other.test(error.message),
    );
  }
});

test("a WebSocket that is dropped while its client does not read gets RST_STREAM, and the server goes on", async () => {
  const sockets: Connection[] = [];
  await serving({}, async ({ session, port }) => {
    const slow = new Stream(session);
    slow.stream.pause();
    await slow.headers;
    while (sockets.length < 1) await moment();
    for (let i = 0; i < 20; i++) sockets[0]!.send(new Uint8Array(20_000));
    await moment(50);
    sockets[0]!.abort();
    await moment(50);
    slow.stream.resume();
    assert.equal(await slow.closed, 8);
    const other = await new Promise<ClientHttp2Session>((resolve) => {
      const another = connect(`http://localhost:${port}`);
      another.once("remoteSettings", () => resolve(another));
    });
    assert.equal((await new Stream(other).headers)[":status"], 200);
    other.destroy();
  }, { open: (socket) => void sockets.push(socket) });
});

const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");
const DATA_FRAME = 0;
const HEADERS_FRAME = 1;
const RST_STREAM_FRAME = 3;
const SETTINGS_FRAME = 4;
const GOAWAY_FRAME = 7;
const WINDOW_UPDATE_FRAME = 8;
const END_STREAM = 1;
const END_HEADERS = 4;

function rawFrame(type: number, flags: number, stream: number, payload: Uint8Array): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** Literal header fields that are not indexed (RFC 7541, section 6.2.2). */
function headerBlock(headers: Record<string, string>): Buffer {
  return Buffer.concat(
    Object.entries(headers).flatMap(([name, value]) => [
      Buffer.from([0, name.length]),
      Buffer.from(name),
      Buffer.from([value.length]),
      Buffer.from(value),
    ]),
  );
}

const together = "an extended CONNECT together with the end of its session does not end the process";
const register = runtime === "node" && process.versions.node.startsWith("20.")
  ? (title: string) =>
    skip(title, "on Node 20 a session does not close after an error of its peer, nor its server")
  : test;
register(together, async () => {
  const block = headerBlock(REQUEST);
  const endings = [
    rawFrame(GOAWAY_FRAME, 0, 0, new Uint8Array([0, 0, 0, 1, 0, 0, 0, 2])),
    rawFrame(WINDOW_UPDATE_FRAME, 0, 0, new Uint8Array(3)),
    rawFrame(WINDOW_UPDATE_FRAME, 0, 1, new Uint8Array(4)),
  ];
  await serving({}, async ({ session, accept, port }) => {
    for (const ending of endings) {
      const socket = connectTcp(port, "127.0.0.1");
      socket.on("error", () => {});
      socket.write(
        Buffer.concat([
          PREFACE,
          rawFrame(SETTINGS_FRAME, 0, 0, new Uint8Array(0)),
          rawFrame(HEADERS_FRAME, END_HEADERS, 1, block),
          ending,
        ]),
      );
      socket.resume();
      await moment(50);
      socket.destroy();
    }
    assert.equal((await new Stream(session).headers)[":status"], 200);
    while (accept.connections.size > 1) await moment();
  });
});

interface SeenFrame {
  readonly type: number;
  readonly flags: number;
  readonly payload: Buffer;
}

/** A client that sees frames as they are: node:http2 takes RST_STREAM without an error for an end. */
class RawStream {
  readonly #socket: Socket;
  readonly frames: SeenFrame[] = [];
  #rest = Buffer.alloc(0);

  constructor(port: number, headers: Record<string, string> = {}) {
    this.#socket = connectTcp(port, "127.0.0.1");
    this.#socket.on("error", () => {});
    this.#socket.on("data", (chunk: Uint8Array) => this.#read(chunk));
    this.#socket.write(
      Buffer.concat([
        PREFACE,
        rawFrame(SETTINGS_FRAME, 0, 0, new Uint8Array(0)),
        rawFrame(HEADERS_FRAME, END_HEADERS, 1, headerBlock({ ...REQUEST, ...headers })),
      ]),
    );
  }

  #read(chunk: Uint8Array): void {
    let bytes = Buffer.concat([this.#rest, chunk]);
    while (bytes.length >= 9 && bytes.length >= 9 + bytes.readUIntBE(0, 3)) {
      const end = 9 + bytes.readUIntBE(0, 3);
      if (bytes.readUInt32BE(5) === 1) {
        this.frames.push({ type: bytes[3]!, flags: bytes[4]!, payload: bytes.subarray(9, end) });
      }
      bytes = bytes.subarray(end);
    }
    this.#rest = bytes;
  }

  write(text: string): void {
    this.#socket.write(rawFrame(DATA_FRAME, 0, 1, Buffer.from(text, "latin1")));
  }

  /** Waits for RST_STREAM, and answers whether END_STREAM came before it, and its error code. */
  async end(): Promise<{ ended: boolean; code: number }> {
    let reset: SeenFrame | undefined;
    while ((reset = this.frames.find(({ type }) => type === RST_STREAM_FRAME)) === undefined) await moment();
    this.#socket.destroy();
    const before = this.frames.slice(0, this.frames.indexOf(reset));
    return {
      ended: before.some(({ type, flags }) => type <= HEADERS_FRAME && (flags & END_STREAM) !== 0),
      code: reset.payload.readUInt32BE(0),
    };
  }
}

test("END_STREAM comes before RST_STREAM, whoever closes, and behind a refusal", async () => {
  const sockets: Connection[] = [];
  const options: AcceptorOptions = {
    refused: () => {},
    upgrade: ({ url }) => url.endsWith("/no") ? new Response(null, { status: 401 }) : undefined,
  };
  await serving(options, async ({ port }) => {
    const closing = new RawStream(port);
    while (sockets.length < 1) await moment();
    closing.write(CLOSE);
    assert.deepEqual(await closing.end(), { ended: true, code: 0 });
    const closed = new RawStream(port);
    while (sockets.length < 2) await moment();
    void sockets[1]!.close(4000);
    while (!closed.frames.some(({ payload }) => payload[0] === 0x88)) await moment();
    closed.write(CLOSE);
    assert.deepEqual(await closed.end(), { ended: true, code: 0 });
    assert.deepEqual(await new RawStream(port, { ":path": "/no" }).end(), { ended: true, code: 0 });
  }, { open: (socket) => void sockets.push(socket) });
});

test("a refusal over HTTP/2 is none with 2xx, and arrives without a body as well", async () => {
  const errors: string[] = [];
  const options: AcceptorOptions = {
    refused: () => {},
    error: (error) => void errors.push((error as Error).message),
    upgrade: ({ url }) => new Response(null, { status: Number(new URL(url).pathname.slice(1)) }),
  };
  await serving(options, async ({ session }) => {
    for (const status of [401, 404, 302, 304]) {
      const stream = new Stream(session, { ":path": `/${status}` });
      assert.equal((await stream.headers)[":status"], status);
      assert.equal(await stream.closed, 0);
      assert.equal(stream.received, "");
    }
    assert.deepEqual(errors, []);
    for (const status of [200, 204]) {
      assert.equal((await new Stream(session, { ":path": `/${status}` }).headers)[":status"], 500);
    }
    assert.match(errors[0]!, /status 200, which accepts it there/);
    assert.equal(errors.length, 2);
  });
});

test("a closing that the server begins ends with END_STREAM and no error too", async () => {
  const sockets: Connection[] = [];
  await serving({}, async ({ session }) => {
    for (const size of [0, 200_000]) {
      const stream = new Stream(session);
      await stream.headers;
      while (sockets.length < 1) await moment();
      const socket = sockets.pop()!;
      if (size > 0) socket.send(new Uint8Array(size));
      const closed = socket.close(4000);
      await stream.until("\x88\x02\x0f\xa0");
      stream.write(CLOSE);
      assert.equal(await stream.closed, 0);
      assert.equal(stream.ended, true);
      assert.equal((await closed).wasClean, true);
    }
  }, { open: (socket) => void sockets.push(socket) });
});

test("a stream that somebody else has answered becomes no WebSocket, and the hook is told", async () => {
  const errors: string[] = [];
  const opened: unknown[] = [];
  const accept = acceptor<undefined, undefined>(
    { refused: () => {}, error: (error) => void errors.push((error as Error).message) },
    { open: (socket) => void opened.push(socket) },
  );
  const server = createServer(SETTINGS);
  accept.http2(server, (_, stream) => {
    stream.respond({ ":status": 401 });
    return undefined;
  });
  await listening(server, async (session) => {
    const stream = new Stream(session);
    assert.equal((await stream.headers)[":status"], 401);
    await stream.closed;
    assert.equal(stream.received, "");
    await accept.shutdown({ deadline: 50 });
  });
  assert.match(errors[0]!, /somebody else has answered/);
  assert.deepEqual(opened, []);
});

test("headers whose names objects have are sent as they are", async () => {
  const options: AcceptorOptions = { upgrade: () => ({ headers: [["constructor", "x"], ["valueof", "y"]] }) };
  await serving(options, async ({ session }) => {
    const headers = await new Stream(session).headers;
    assert.deepEqual([headers["constructor"], headers["valueof"]], ["x", "y"]);
  });
});

test("headers that node:http2 does not send end the stream: nobody waits for an answer that cannot come", () => {
  let aborted = 0;
  const stream = {
    headersSent: false,
    destroyed: false,
    respond() {
      throw new TypeError("invalid");
    },
  };
  const ready = answeringOn(stream as unknown as Http2Stream).ready({
    status: 403,
    headers: [],
    body: new Uint8Array(0),
  });
  assert.throws(() => ready.send({ abort: () => aborted++ } as unknown as Transport), TypeError);
  assert.equal(aborted, 1);
});
