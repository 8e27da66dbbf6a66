/** WebSockets Standard, WebSocketStream: opening, messages, backpressure. */
import assert from "node:assert/strict";
import { connect, type Connection, type Message, WebSocketStream, WebSocketStreamError } from "../../mod.ts";
import { test } from "../harness.ts";
import { RawServer } from "../raw_peer.ts";
import { echo, rawWebSocketServer, resolvers, serving, thrownBy, unusable } from "./support.ts";

async function rejection(promise: Promise<unknown>): Promise<WebSocketStreamError> {
  try {
    await promise;
  } catch (error) {
    return error as WebSocketStreamError;
  }
  throw new Error("it did not reject");
}

test("WebSocketStream: opened gives the streams, the subprotocol and the extensions", async () => {
  await serving(echo, async (url) => {
    const socket = new WebSocketStream(url, { protocols: ["a", "b"] });
    assert.equal(socket.url, url);
    const opened = await socket.opened;
    assert.deepEqual(Object.keys(opened).sort(), ["extensions", "protocol", "readable", "writable"]);
    assert.equal(opened.protocol, "b");
    assert.equal(opened.extensions, "");
    assert.ok(opened.readable instanceof ReadableStream);
    assert.ok(opened.writable instanceof WritableStream);
    assert.equal(await socket.opened, opened);
    socket.close();
    await socket.closed;
  }, { protocols: ["b"] });
});

test("WebSocketStream: text is a string, bytes are a Uint8Array, and what is no bytes is made a string", async () => {
  await serving(echo, async (url) => {
    const socket = new WebSocketStream(url);
    const { readable, writable } = await socket.opened;
    const writer = writable.getWriter();
    const reader = readable.getReader();
    const bytes = Uint8Array.of(9, 1, 2, 3);
    for (
      const [chunk, expected] of [
        ["", ""],
        ["é世😀", "é世😀"],
        ["\uD800", "\uFFFD"],
        [bytes, bytes],
        [bytes.buffer, bytes],
        [new DataView(bytes.buffer, 1, 2), Uint8Array.of(1, 2)],
        [new Uint8Array(0), new Uint8Array(0)],
        [undefined, "undefined"],
        [{}, "[object Object]"],
        [7, "7"],
      ] as const
    ) {
      await writer.write(chunk as string);
      assert.deepEqual(await reader.read(), { done: false, value: expected });
    }
    socket.close();
    await socket.closed;
    assert.deepEqual(await reader.read(), { done: true, value: undefined });
  });
});

test("WebSocketStream: a symbol cannot be written", async () => {
  await serving(echo, async (url) => {
    const socket = new WebSocketStream(url);
    const { writable } = await socket.opened;
    await assert.rejects(writable.getWriter().write(Symbol("a") as unknown as string), TypeError);
    socket.close();
    assert.equal((await socket.closed).closeCode, 1005);
  });
});

test("WebSocketStream: URLs and subprotocols are checked as WebSocket checks them", () => {
  for (const url of ["", "test", "/path", "ftp://127.0.0.1/", "ws://127.0.0.1/#", "ws://foo bar/"]) {
    const error = thrownBy(() => new WebSocketStream(url));
    assert.ok(error instanceof DOMException);
    assert.equal(error.name, "SyntaxError", url);
  }
  for (const protocols of [["a", "A"], [""], ["a b"]]) {
    assert.equal(thrownBy(() => new WebSocketStream("ws://127.0.0.1:1/", { protocols })).name, "SyntaxError");
  }
  const wrong = ["a", null, 1] as unknown as string[][];
  for (const protocols of wrong) {
    assert.throws(() => new WebSocketStream("ws://127.0.0.1:1/", { protocols }), TypeError);
  }
  for (const [options, error] of unusable) {
    assert.throws(() => new WebSocketStream("ws://127.0.0.1:1/", options), error, JSON.stringify(options));
  }
  assert.throws(() => new (WebSocketStream as unknown as { new (): unknown })(), TypeError);
  const socket = new WebSocketStream(new URL("http://127.0.0.1:1/a"));
  assert.equal(socket.url, "ws://127.0.0.1:1/a");
});

test("WebSocketStream: when the connection cannot be had, both promises reject with a WebSocketError and its cause", async () => {
  await using server = await RawServer.listen(async (peer) => {
    await peer.until("\r\n\r\n");
    peer.write("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
  });
  const socket = new WebSocketStream(`ws://127.0.0.1:${server.port}/`);
  const error = await rejection(socket.opened);
  assert.ok(error instanceof WebSocketStreamError);
  assert.ok(error instanceof DOMException);
  assert.equal(error.name, "WebSocketError");
  assert.equal(error.closeCode, 1006);
  assert.equal(error.reason, "");
  assert.match(error.message, /403/);
  assert.equal((error.cause as Error).name, "HandshakeError");
  assert.equal(await rejection(socket.closed), error);
});

test("WebSocketStream: a server that chooses none of the subprotocols fails the connection", async () => {
  await using server = await rawWebSocketServer(() => {});
  const socket = new WebSocketStream(`ws://127.0.0.1:${server.port}/`, { protocols: ["a"] });
  assert.equal((await rejection(socket.opened)).name, "WebSocketError");
});

test("WebSocketStream: a signal ends the opening handshake, both promises rejecting with its reason", async () => {
  const requested = resolvers<void>();
  await using server = await RawServer.listen(async (peer) => {
    await peer.until("\r\n\r\n");
    requested.resolve();
  });
  const controller = new AbortController();
  const { signal } = controller;
  const socket = new WebSocketStream(`ws://127.0.0.1:${server.port}/`, {
    signal,
    handshakeTimeout: 3_600_000,
  });
  await requested.promise;
  controller.abort();
  assert.equal(await rejection(socket.opened), signal.reason);
  assert.equal(await rejection(socket.closed), signal.reason);
  const late = new WebSocketStream(`ws://127.0.0.1:${server.port}/`, { signal: AbortSignal.abort("enough") });
  assert.equal(await rejection(late.opened), "enough");
  assert.equal(await rejection(late.closed), "enough");
});

test("WebSocketStream: a signal that is aborted after the opening handshake changes nothing", async () => {
  await serving(echo, async (url) => {
    const controller = new AbortController();
    const socket = new WebSocketStream(url, { signal: controller.signal });
    const { readable, writable } = await socket.opened;
    controller.abort();
    await writable.getWriter().write("a");
    assert.equal((await readable.getReader().read()).value, "a");
    socket.close({ closeCode: 1000 });
    assert.equal((await socket.closed).closeCode, 1000);
  });
});

test("WebSocketStream: messages that are not read wait in the connection, and the peer feels it", async () => {
  const chunk = "x".repeat(64 * 1024);
  const stuck = resolvers<void>();
  let read = 0;
  let ahead = 0;
  await serving(async (connection: Connection) => {
    // The reader begins when this side has had to wait: then the buffers between are full, and reading alone frees them.
    for (let sent = 1; sent <= 2000; sent++) {
      if (connection.send(chunk)) continue;
      stuck.resolve();
      await connection.drained();
      ahead = Math.max(ahead, sent - read);
    }
    await connection.close();
  }, async (url) => {
    const socket = new WebSocketStream(url);
    const { readable } = await socket.opened;
    await stuck.promise;
    for (const reader = readable.getReader();;) {
      const { done, value } = await reader.read();
      if (done) break;
      assert.equal(value.length, chunk.length);
      read++;
      await new Promise((resolve) => setImmediate(resolve));
    }
    assert.equal(read, 2000);
    assert.deepEqual(await socket.closed, { closeCode: 1000, reason: "" });
  });
  assert.ok(ahead > 0 && ahead < 1000, `${ahead} messages were on their way at once`);
});

test("WebSocketStream: a write is done when the next may come: no more than sendHighWaterMark waits", async () => {
  const received: number[] = [];
  await serving(async (connection) => {
    await new Promise((resolve) => setTimeout(resolve, 50));
    for await (const message of connection) received.push(message.length);
  }, async (url) => {
    const connection = await connect(url, { sendHighWaterMark: 100_000 });
    const writer = (await WebSocketStream.from(connection).opened).writable.getWriter();
    const chunk = new Uint8Array(256 * 1024);
    // More than the buffers of the system hold.
    for (let i = 0; i < 200; i++) {
      await writer.write(chunk);
      assert.ok(connection.bufferedAmount <= 100_000);
    }
    await writer.close();
  }, { receiveQueue: { messages: 1 } });
  assert.deepEqual(received, Array.from({ length: 200 }, () => 256 * 1024));
});

test("WebSocketStream.from: the server's side pipes what it reads to where it came from", async () => {
  await serving((connection) => {
    const socket = WebSocketStream.from(connection);
    assert.match(socket.url, /^ws:.*\/path$/);
    void socket.opened.then(({ readable, writable }) => readable.pipeTo(writable)).catch(() => {});
  }, async (url) => {
    const client = await connect(`${url}path`);
    const messages = client[Symbol.asyncIterator]();
    for (let i = 0; i < 200; i++) {
      const message: Message = i % 2 === 0 ? `text ${i}` : Uint8Array.of(i);
      client.send(message);
      assert.deepEqual((await messages.next()).value, message);
    }
    await client.close();
  });
});

test("WebSocketStream.from: messages that came before it are not lost, and callbacks are refused", async () => {
  await serving(async (connection) => {
    connection.send("a");
    connection.send("b");
    await connection.close(3001, "over");
  }, async (url) => {
    const client = await connect(url);
    await client.closed;
    const socket = WebSocketStream.from(client);
    assert.equal(socket.url, "");
    const received: Message[] = [];
    await (await socket.opened).readable.pipeTo(
      new WritableStream({ write: (chunk) => void received.push(chunk) }),
    );
    assert.deepEqual(received, ["a", "b"]);
    assert.deepEqual(await socket.closed, { closeCode: 3001, reason: "over" });
  });
  const errors: unknown[] = [];
  await serving({ open: (connection) => void WebSocketStream.from(connection) }, async (url) => {
    await (await connect(url)).closed;
  }, { error: (error) => errors.push(error) });
  assert.ok(errors[0] instanceof TypeError);
});
