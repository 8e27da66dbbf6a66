/** A server of ours and a client of ours over real sockets. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import {
  type Close,
  connect,
  type Connection,
  ConnectionClosedError,
  type ConnectionHandler,
  type Message,
  ProtocolError,
  serve,
  type ServeOptions,
  type Server,
} from "../../mod.ts";
import { tls } from "../fixtures.ts";
import { skip, test } from "../harness.ts";
import { dial, REQUEST } from "../raw_peer.ts";

const echo: ConnectionHandler = { message: (socket, message) => socket.send(message) };

async function pairOver(
  handler: ConnectionHandler,
  use: (socket: Connection, server: Server) => Promise<void>,
  options: ServeOptions = {},
): Promise<void> {
  const server = await serve({ port: 0, ...options }, handler);
  const socket = await connect(server.url);
  try {
    await use(socket, server);
  } finally {
    await socket.close();
    await server.shutdown();
  }
}

async function take(socket: Connection, count: number): Promise<Message[]> {
  const messages: Message[] = [];
  for await (const message of socket) if (messages.push(message) === count) break;
  return messages;
}

function patterned(size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  for (let i = 0; i < size; i++) bytes[i] = (i * 31 + (i >>> 8)) & 0xff;
  return bytes;
}

test("text and bytes of every size come back as they went", async () => {
  await pairOver(echo, async (socket) => {
    for (const size of [0, 1, 125, 126, 127, 65535, 65536, 1024 * 1024]) {
      const bytes = patterned(size);
      const text = "é".repeat(size >> 1) + "x".repeat(size & 1);
      socket.send(bytes);
      socket.send(text);
      const [first, second] = await take(socket, 2);
      assert.ok(first instanceof Uint8Array && first.constructor === Uint8Array);
      assert.deepEqual(first, bytes);
      assert.equal(second, text);
    }
  });
});

test("views, buffers and bytes are sent as binary; what is neither throws", async () => {
  await pairOver(echo, async (socket) => {
    const bytes = Uint8Array.of(9, 1, 2, 3, 4, 9);
    socket.send(new DataView(bytes.buffer, 1, 4));
    socket.send(new Uint16Array(bytes.buffer, 2, 1));
    socket.send(bytes.slice().buffer);
    socket.send(bytes.subarray(1, 3));
    assert.deepEqual(await take(socket, 4), [
      Uint8Array.of(1, 2, 3, 4),
      Uint8Array.of(2, 3),
      bytes,
      Uint8Array.of(1, 2),
    ]);
    for (const wrong of [undefined, null, 7, {}, [1]]) {
      assert.throws(() => socket.send(wrong as unknown as string), TypeError);
    }
  });
});

test("what is sent is a copy: the caller may go on writing to its bytes", async () => {
  await pairOver(echo, async (socket) => {
    const bytes = Uint8Array.of(1, 2, 3);
    socket.send(bytes);
    bytes.fill(0);
    assert.deepEqual(await take(socket, 1), [Uint8Array.of(1, 2, 3)]);
  });
});

test("messages wait for a handler that begins late, in order, none lost", async () => {
  const server = await serve({ port: 0 }, async (socket) => {
    await new Promise((resolve) => setTimeout(resolve, 20));
    for await (const message of socket) socket.send(message);
  });
  const socket = await connect(server.url);
  const sent = Array.from({ length: 1000 }, (_, index) => `message ${index}`);
  for (const message of sent) socket.send(message);
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.deepEqual(await take(socket, sent.length), sent);
  await socket.close();
  await server.shutdown();
});

test("an asynchronous message callback is awaited before the next message comes, and open() before the first", async () => {
  const log: string[] = [];
  const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 1));
  const handler: ConnectionHandler = {
    async open() {
      await pause();
      log.push("open");
    },
    async message(socket, message) {
      log.push(`begin ${message}`);
      await pause();
      log.push(`end ${message}`);
      if (message === "3") void socket.close();
    },
    close: () => void log.push("close"),
  };
  await pairOver(handler, async (socket) => {
    for (const message of ["1", "2", "3"]) socket.send(message);
    await socket.closed;
  });
  assert.deepEqual(log, ["open", "begin 1", "end 1", "begin 2", "end 2", "begin 3", "end 3", "close"]);
});

test("RFC 6455, section 7.1.4: a closing handshake from either side is clean and tells who began", async () => {
  for (const beginner of ["client", "server"] as const) {
    const { promise: serverClose, resolve } = deferred<Close>();
    await pairOver({
      open: (socket) => void (beginner === "server" && socket.close(4001, "from the server")),
      close: (_, close) => resolve(close),
    }, async (socket) => {
      if (beginner === "client") void socket.close(4000, "from the client");
      const [near, far] = await Promise.all([socket.closed, serverClose]);
      const expected = beginner === "client" ? 4000 : 4001;
      assert.equal(near.code, expected);
      assert.equal(far.code, expected);
      assert.ok(near.wasClean && far.wasClean);
      assert.equal(near.initiator, beginner === "client" ? "local" : "remote");
      assert.equal(far.initiator, beginner === "client" ? "remote" : "local");
      assert.equal(near.reason, beginner === "client" ? "" : "from the server");
      assert.equal(far.reason, beginner === "client" ? "from the client" : "");
      assert.equal(socket.readyState, "closed");
      assert.deepEqual(await socket.closed, near);
    });
  }
});

test("a function's return closes with 1000; what it throws closes with 1011, is reported, and is not told to the peer", async () => {
  await pairOver(() => {}, async (socket) => {
    assert.equal((await socket.closed).code, 1000);
  });
  const errors: unknown[] = [];
  const secret = new Error("secret");
  await pairOver(() => Promise.reject(secret), async (socket) => {
    const close = await socket.closed;
    assert.equal(close.code, 1011);
    assert.equal(close.reason, "");
  }, { error: (error) => void errors.push(error) });
  assert.deepEqual(errors, [secret]);
});

test("what a callback throws closes with 1011, and stands in the close", async () => {
  const wrong = new Error("wrong");
  const { promise, resolve } = deferred<Close>();
  const handler: ConnectionHandler = {
    message: () => {
      throw wrong;
    },
    close: (_, close) => resolve(close),
  };
  await pairOver(handler, async (socket) => {
    socket.send("x");
    assert.equal((await socket.closed).code, 1011);
    assert.equal((await promise).error, wrong);
  }, { error: () => {} });
});

test("send() and drained() after the end say how the connection ended", async () => {
  await pairOver(echo, async (socket) => {
    const closed = socket.close(1000, "done");
    assert.equal(socket.readyState, "closing");
    assert.equal(socket.send("x"), false);
    await assert.rejects(socket.drained(), (error: unknown) => {
      assert.ok(error instanceof ConnectionClosedError);
      assert.match(error.message, /: the connection is closing \(1000 "done" was sent\)\.$/);
      return true;
    });
    await closed;
    assert.equal(socket.send("x"), false);
    await assert.rejects(socket.drained(), /this side closed the connection \(1000\)/);
    assert.equal(socket.lost, 2);
    assert.throws(() => socket.send(7 as unknown as string), TypeError);
  });
});

test("RFC 6455, section 7.4: close() refuses codes and reasons that must not be sent", async () => {
  await pairOver(echo, async (socket) => {
    for (const code of [0, 999, 1004, 1005, 1006, 1015, 2999, 5000, 1000.5, NaN]) {
      assert.throws(() => void socket.close(code), RangeError, String(code));
    }
    assert.throws(() => void socket.close(1000, "é".repeat(62)), RangeError);
    assert.equal(socket.readyState, "open");
    await socket.close(1000, "é".repeat(61));
  });
});

test("abort() drops the connection: 1006 on both sides", async () => {
  const { promise, resolve } = deferred<Close>();
  await pairOver({ close: (_, close) => resolve(close) }, async (socket) => {
    socket.abort();
    const near = await socket.closed;
    assert.equal(near.code, 1006);
    assert.equal(near.initiator, "local");
    assert.ok(!near.wasClean);
    assert.equal((await promise).code, 1006);
    socket.abort();
  });
});

test("a peer that vanishes ends the loop and resolves closed with 1006", async () => {
  const { promise, resolve } = deferred<Close>();
  const server = await serve({ port: 0 }, async (socket) => {
    for await (const _ of socket);
    resolve(await socket.closed);
  });
  const peer = await dial(server.port);
  peer.write(REQUEST);
  await peer.until("\r\n\r\n");
  await peer.destroy();
  const close = await promise;
  assert.equal(close.code, 1006);
  assert.equal(close.initiator, "remote");
  await server.shutdown();
});

test("RFC 6455, section 7.1.7: a peer that breaks the protocol is told the code and the rule", async () => {
  const { promise, resolve } = deferred<Close>();
  const server = await serve({ port: 0 }, { close: (_, close) => resolve(close) });
  const peer = await dial(server.port);
  peer.write(REQUEST + "\x81\x02hi");
  const received = await peer.untilEnd();
  assert.ok(received.includes("\x03\xeaA client's frame is not masked."), JSON.stringify(received));
  await peer.destroy();
  const { error, code } = await promise;
  assert.equal(code, 1006);
  assert.ok(error instanceof ProtocolError);
  assert.equal(error.statusCode, 1002);
  assert.equal(error.section, "RFC 6455, section 5.1");
  await server.shutdown();
});

test("a message beyond maxMessageSize closes with 1009", async () => {
  await pairOver(echo, async (socket) => {
    socket.send("x".repeat(1000));
    assert.equal((await take(socket, 1))[0]!.length, 1000);
    socket.send("x".repeat(1001));
    assert.equal((await socket.closed).code, 1009);
  }, { maxMessageSize: 1000 });
});

test("backpressure: send() says when to wait, drained() when to go on, and nothing is lost", async () => {
  const size = 256 * 1024;
  const count = 40;
  const { promise: finished, resolve } = deferred<number>();
  const { promise: started, resolve: start } = deferred<void>();
  const handler: ConnectionHandler = async (socket) => {
    await started;
    let received = 0;
    for await (const message of socket) {
      assert.equal(message.length, size);
      if (++received === count) break;
    }
    resolve(received);
    await socket.closed;
  };
  const server = await serve({ port: 0 }, handler);
  const socket = await connect(server.url, { sendHighWaterMark: 64 * 1024 });
  let refused = 0;
  for (let i = 0; i < count; i++) {
    if (socket.send(patterned(size))) continue;
    refused++;
    assert.ok(socket.bufferedAmount > 64 * 1024);
    start();
    await socket.drained();
    assert.ok(socket.bufferedAmount <= 64 * 1024);
  }
  assert.ok(refused > 0);
  assert.equal(await finished, count);
  await socket.close();
  await server.shutdown();
});

test("a peer that does not read costs no more than maxBufferedAmount: then send() throws and 1013 is sent", async () => {
  const limit = 256 * 1024;
  const { promise, resolve } = deferred<Close>();
  let thrown: unknown;
  const server = await serve({ port: 0, maxBufferedAmount: limit, closeTimeout: 100 }, {
    open(socket) {
      try {
        for (;;) {
          socket.send(new Uint8Array(64 * 1024));
          assert.ok(socket.bufferedAmount <= limit + 64);
        }
      } catch (error) {
        thrown = error;
      }
      assert.equal(socket.send("x"), false);
    },
    close: (_, close) => resolve(close),
  });
  const peer = await dial(server.port);
  peer.pause();
  peer.write(REQUEST);
  const close = await promise;
  assert.ok(thrown instanceof ConnectionClosedError && /maxBufferedAmount/.test(thrown.message));
  assert.equal(close.error, thrown);
  assert.equal(close.initiator, "local");
  await peer.destroy();
  await server.shutdown();
});

test("one message larger than maxBufferedAmount throws a RangeError, and the connection lives", async () => {
  const server = await serve({ port: 0 }, echo);
  const socket = await connect(server.url, { maxBufferedAmount: 100 });
  assert.throws(() => socket.send("x".repeat(101)), RangeError);
  socket.send("x".repeat(90));
  assert.equal((await take(socket, 1))[0]!.length, 90);
  await socket.close();
  await server.shutdown();
});

test("a connection is iterated by one way only: callbacks or loop", async () => {
  const { promise, resolve } = deferred<unknown>();
  await pairOver({
    open(socket) {
      try {
        socket[Symbol.asyncIterator]();
      } catch (error) {
        resolve(error);
      }
    },
  }, async () => {
    assert.ok(await promise instanceof TypeError);
  });
});

test("shutdown() sends 1001 to every connection, waits, and frees the port", async () => {
  const server = await serve({ port: 0 }, echo);
  const sockets = await Promise.all([connect(server.url), connect(server.url)]);
  sockets[0]!.send("x");
  await take(sockets[0]!, 1);
  assert.equal(server.connections.size, 2);
  await Promise.all([server.shutdown(), server.shutdown()]);
  for (const socket of sockets) assert.equal((await socket.closed).code, 1001);
  assert.equal(server.connections.size, 0);
  const again = await serve({ port: server.port }, echo);
  await again.shutdown();
});

test("shutdown() drops who does not answer the closing handshake within the deadline", async () => {
  const server = await serve({ port: 0 }, echo);
  const peer = await dial(server.port);
  peer.write(REQUEST);
  await peer.until("\r\n\r\n");
  const idle = await dial(server.port);
  await server.shutdown({ deadline: 50 });
  await peer.destroy();
  await idle.destroy();
});

test("a signal shuts the server down; await using does too", async () => {
  const controller = new AbortController();
  const server = await serve({ port: 0, signal: controller.signal }, echo);
  const socket = await connect(server.url);
  controller.abort();
  assert.equal((await socket.closed).code, 1001);
  await server.shutdown();
  await assert.rejects(serve({ port: 0, signal: controller.signal }, echo), { name: "AbortError" });
  const other = await serve({ port: 0 }, echo);
  await other[Symbol.asyncDispose]();
});

test("options out of range throw a RangeError that names the option", async () => {
  for (
    const options of [{ maxMessageSize: 0 }, { closeTimeout: -1 }, { handshakeTimeout: NaN }, {
      receiveQueue: { messages: 0 },
    }]
  ) {
    await assert.rejects(serve({ port: 0, ...options }, echo), RangeError);
  }
  await assert.rejects(connect("ws://127.0.0.1:1/", { maxHeaders: "9" as unknown as number }), /maxHeaders/);
});

test("a TLS server and client: wss, with the certificate verified", async () => {
  const server = await serve({ port: 0, tls: { cert: tls.cert, key: tls.key } }, {
    message: (socket, message) => socket.send(`${new URL(socket.request!.url).protocol} ${message}`),
  });
  assert.match(server.url, /^wss:\/\/127\.0\.0\.1:\d+\/$/);
  const socket = await connect(server.url, { tls: { ca: tls.ca } });
  socket.send("secret");
  assert.deepEqual(await take(socket, 1), ["https: secret"]);
  assert.equal((await socket.close()).code, 1000);
  await assert.rejects(connect(server.url), {
    name: "HandshakeError",
    step: "connect",
    reason: "certificate-rejected",
  });
  await server.shutdown();
});

if (process.platform === "win32") {
  skip("a Unix socket", "Windows has none");
} else {
  test("a Unix socket serves, and is dialled by its path", async () => {
    const folder = mkdtempSync(join(tmpdir(), "woshou-"));
    const path = join(folder, "socket");
    const server = await serve({ unix: path }, echo);
    assert.equal(server.url, `ws+unix:${path}`);
    const socket = await connect("ws://localhost/chat", { unix: path });
    socket.send("over a file");
    assert.deepEqual(await take(socket, 1), ["over a file"]);
    assert.equal(socket.remoteAddress, "");
    await socket.close();
    await server.shutdown();
    rmSync(folder, { recursive: true, force: true });
  });
}

function deferred<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve!: (value: T) => void;
  const promise = new Promise<T>((settle) => (resolve = settle));
  return { promise, resolve };
}
