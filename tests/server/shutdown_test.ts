/** Graceful shutdown of a server. */
import assert from "node:assert/strict";
import { type Close, connect, type ConnectionHandler, HandshakeError, serve } from "../../mod.ts";
import { test } from "../harness.ts";
import { dial, exchange, REQUEST } from "../raw_peer.ts";

const echo: ConnectionHandler = { message: (socket, message) => socket.send(message) };

test("while it shuts down, a server refuses handshakes with 503 and Retry-After, and then gives back its port", async () => {
  const server = await serve({ port: 0 }, echo);
  const peer = await dial(server.port);
  peer.write(REQUEST);
  await peer.until("\r\n\r\n");
  const ended = server.shutdown({ deadline: 60_000 });
  await peer.until("\x88\x02\x03\xe9");
  const refused = await exchange(server.port, REQUEST);
  assert.match(refused, /^HTTP\/1\.1 503 /);
  assert.match(refused, /\r\nRetry-After: 60\r\n/);
  assert.match(refused, /server-shutting-down/);
  await assert.rejects(
    connect(server.url),
    (error: unknown) => error instanceof HandshakeError && error.status === 503,
  );
  peer.write("\x88\x80\x37\xfa\x21\x3d");
  await ended;
  await peer.untilEnd();
  await peer.destroy();
  await assert.rejects(connect(server.url), { step: "connect", reason: "connection-refused" });
});

test("a handshake that upgrade() is deciding about when the shutdown begins is refused", async () => {
  let decide!: () => void;
  let asked!: () => void;
  const decided = new Promise<void>((resolve) => (decide = resolve));
  const asking = new Promise<void>((resolve) => (asked = resolve));
  let requests = 0;
  const server = await serve({
    port: 0,
    async upgrade() {
      if (++requests === 1) return;
      asked();
      await decided;
    },
  }, echo);
  // A connection that is open keeps the server from ending before the decision.
  const open = await dial(server.port);
  open.write(REQUEST);
  await open.until("\r\n\r\n");
  const peer = await dial(server.port);
  peer.write(REQUEST);
  await asking;
  const ended = server.shutdown();
  decide();
  assert.match(await peer.untilEnd(), /^HTTP\/1\.1 503 /);
  await peer.destroy();
  await open.destroy();
  await ended;
});

test("handshakes under way when the shutdown begins are refused, with no connection open too", async () => {
  const asked: (() => void)[] = [];
  const server = await serve({
    port: 0,
    upgrade: () => new Promise<void>(() => asked.shift()?.()),
  }, echo);
  const deciding = await dial(server.port);
  const reached = new Promise<void>((resolve) => asked.push(resolve));
  deciding.write(REQUEST);
  await reached;
  const half = await dial(server.port);
  half.write(REQUEST.slice(0, 30));
  const silent = await dial(server.port);
  // What was written before has been read when a later one is answered.
  assert.match(await exchange(server.port, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"), /^HTTP\/1\.1 426 /);
  const ended = server.shutdown({ deadline: 60_000 });
  for (const peer of [deciding, half]) {
    assert.match(await peer.untilEnd(), /^HTTP\/1\.1 503 [^]*\(server-shutting-down; /);
    await peer.destroy();
  }
  assert.equal(await silent.untilEnd(), "");
  await silent.destroy();
  await ended;
});

test("a response to an ordinary request is waited for", async () => {
  let asked!: () => void;
  let answer!: (response: Response) => void;
  const asking = new Promise<void>((resolve) => (asked = resolve));
  const server = await serve({
    port: 0,
    fetch() {
      asked();
      return new Promise<Response>((resolve) => (answer = resolve));
    },
  }, echo);
  const peer = await dial(server.port);
  peer.write("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
  await asking;
  const ended = server.shutdown();
  await new Promise((resolve) => setTimeout(resolve, 20));
  answer(new Response("the page"));
  assert.match(await peer.untilEnd(), /^HTTP\/1\.1 200 [^]*the page$/);
  await peer.destroy();
  await ended;
});

test("a deadline of Infinity is none", async () => {
  const closes: Close[] = [];
  const server = await serve({ port: 0 }, { close: (_, close) => void closes.push(close) });
  const peer = await dial(server.port);
  peer.write(REQUEST);
  await peer.until("\r\n\r\n");
  const ended = server.shutdown({ deadline: Infinity });
  await peer.until("\x88\x02\x03\xe9");
  await new Promise((resolve) => setTimeout(resolve, 20));
  peer.write("\x88\x80\x37\xfa\x21\x3d");
  await peer.untilEnd();
  await peer.destroy();
  await ended;
  assert.deepEqual(closes.map(({ code, wasClean }) => [code, wasClean]), [[1005, true]]);
});

test("a signal that is aborted before the server listens rejects with its reason, and frees the port", async () => {
  const controller = new AbortController();
  const reason = new Error("changed my mind");
  const serving = serve({ port: 0, signal: controller.signal }, echo);
  controller.abort(reason);
  await assert.rejects(serving, reason);
});

test("what was sent before the shutdown arrives before the close, streamed messages to their end", async () => {
  let release!: () => void;
  const released = new Promise<void>((resolve) => (release = resolve));
  const server = await serve({ port: 0 }, {
    open(socket) {
      socket.send("first");
      void socket.sendStream((async function* () {
        yield "a streamed ";
        await released;
        yield "message";
      })());
      socket.send("last");
    },
  });
  const socket = await connect(server.url);
  const messages = socket[Symbol.asyncIterator]();
  assert.equal((await messages.next()).value, "first");
  const ended = server.shutdown();
  const [served] = server.connections;
  assert.equal(served!.readyState, "closing");
  assert.equal(served!.send("too late"), false);
  await assert.rejects(served!.drained(), /the connection is closing \(1001 was sent\)/);
  release();
  assert.equal((await messages.next()).value, "a streamed message");
  assert.equal((await messages.next()).value, "last");
  assert.ok((await messages.next()).done);
  assert.equal((await socket.closed).code, 1001);
  await ended;
});

test("at the deadline those who did not end are dropped", async () => {
  const closes: Close[] = [];
  const server = await serve({ port: 0 }, { close: (_, close) => void closes.push(close) });
  const peer = await dial(server.port);
  peer.write(REQUEST);
  await peer.until("\r\n\r\n");
  await server.shutdown({ deadline: 30 });
  assert.equal(closes.length, 1);
  assert.equal(closes[0]!.code, 1006);
  await peer.destroy();
});

test("with jitter every connection is told to close all the same", async () => {
  const server = await serve({ port: 0 }, echo);
  const sockets = await Promise.all(Array.from({ length: 8 }, () => connect(server.url)));
  await server.shutdown({ jitter: 20 });
  for (const socket of sockets) {
    const close = await socket.closed;
    assert.equal(close.code, 1001);
    assert.ok(close.wasClean);
  }
});

test("a deadline or jitter that is no number is refused at the call", async () => {
  const server = await serve({ port: 0 }, echo);
  assert.throws(() => void server.shutdown({ deadline: -1 }), RangeError);
  assert.throws(() => void server.shutdown({ jitter: NaN }), RangeError);
  await server.shutdown();
});
