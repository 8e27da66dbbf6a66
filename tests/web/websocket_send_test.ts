/** WebSockets Standard, send() and bufferedAmount of WebSocket. */
import assert from "node:assert/strict";
import { connect, type Connection, type Message, WebSocket } from "../../mod.ts";
import { test } from "../harness.ts";
import type { RawPeer } from "../raw_peer.ts";
import { echo, logOf, next, rawWebSocketServer, resolvers, serving, standard, thrownBy } from "./support.ts";

/** Runs with a server that keeps what it receives; `use` gets a function that waits for this many messages. */
async function receiving(
  use: (url: string, messages: (count: number) => Promise<Message[]>) => Promise<void>,
): Promise<void> {
  const received: Message[] = [];
  let wake = (): void => {};
  await serving({
    message: (_, message) => {
      received.push(message);
      wake();
    },
  }, (url) =>
    use(url, async (count) => {
      while (received.length < count) await new Promise<void>((resolve) => (wake = resolve));
      return received;
    }));
}

standard("while connecting it throws an InvalidStateError, and counts nothing", async (Face) => {
  const socket = new Face("ws://127.0.0.1:1/");
  for (const data of ["a", new ArrayBuffer(1), new Uint8Array(1), new Blob(["a"])]) {
    const error = thrownBy(() => socket.send(data));
    assert.ok(error instanceof DOMException);
    assert.equal(error.name, "InvalidStateError");
    assert.equal(error.code, 11);
  }
  assert.equal(socket.bufferedAmount, 0);
  await next(socket, "close");
});

standard("without an argument it throws a TypeError, in any state", async (Face) => {
  const socket = new Face("ws://127.0.0.1:1/");
  const send = socket.send as () => void;
  assert.throws(() => send.call(socket), TypeError);
  await next(socket, "close");
  assert.throws(() => send.call(socket), TypeError);
});

standard(
  "strings, buffers, views and blobs arrive as they were at the call, in the order of the calls",
  async (Face) => {
    await receiving(async (url, messages) => {
      const socket = new Face(url);
      await next(socket, "open");
      const bytes = Uint8Array.of(9, 1, 2, 3, 4, 5, 6, 7, 8, 9);
      socket.send(new Blob([bytes]));
      socket.send("after the blob");
      socket.send(bytes.buffer);
      socket.send(new DataView(bytes.buffer, 1, 4));
      socket.send(new Uint16Array(bytes.buffer, 2, 2));
      socket.send(bytes.subarray(1, 3));
      bytes.fill(0);
      socket.send(new Blob(["second ", "blob"]));
      socket.send(new Blob([]));
      socket.send("");
      socket.send("last");
      assert.deepEqual(await messages(10), [
        Uint8Array.of(9, 1, 2, 3, 4, 5, 6, 7, 8, 9),
        "after the blob",
        Uint8Array.of(9, 1, 2, 3, 4, 5, 6, 7, 8, 9),
        Uint8Array.of(1, 2, 3, 4),
        Uint8Array.of(2, 3, 4, 5),
        Uint8Array.of(1, 2),
        new TextEncoder().encode("second blob"),
        new Uint8Array(0),
        "",
        "last",
      ]);
      socket.close();
      await next(socket, "close");
    });
  },
  ["deno"],
);

standard("lone surrogates are sent as U+FFFD; what is no message becomes a string", async (Face) => {
  await receiving(async (url, messages) => {
    const socket = new Face(url);
    await next(socket, "open");
    const values = ["a\uD800b", "\uDC00", null, undefined, 1.5, true, {}, [1, 2]];
    for (const value of values) socket.send(value as string);
    assert.deepEqual(await messages(8), [
      "a\uFFFDb",
      "\uFFFD",
      "null",
      "undefined",
      "1.5",
      "true",
      "[object Object]",
      "1,2",
    ]);
    assert.throws(() => socket.send(Symbol("a") as unknown as string), TypeError);
    socket.close();
    await next(socket, "close");
  });
});

test("WebSocket: shared memory is sent as bytes", async () => {
  await receiving(async (url, messages) => {
    const socket = new WebSocket(url);
    await next(socket, "open");
    const shared = new SharedArrayBuffer(3);
    new Uint8Array(shared).set([1, 2, 3]);
    socket.send(shared);
    socket.send(new Uint8Array(shared, 1));
    assert.deepEqual(await messages(2), [Uint8Array.of(1, 2, 3), Uint8Array.of(2, 3)]);
    socket.close();
    await next(socket, "close");
  });
});

standard("close() waits for the blobs that were sent before it", async (Face) => {
  await receiving(async (url, messages) => {
    const socket = new Face(url);
    await next(socket, "open");
    socket.send(new Blob(["a"]));
    socket.send(new Blob(["b"]));
    socket.send("c");
    socket.close(1000);
    assert.equal(socket.readyState, 2);
    assert.equal((await next(socket, "close")).wasClean, true);
    const received = await messages(3);
    assert.deepEqual(
      received.map((message) => typeof message === "string" ? message : new TextDecoder().decode(message)),
      [
        "a",
        "b",
        "c",
      ],
    );
  });
}, ["node"]);

standard("bufferedAmount counts the payload that this task has sent, in bytes of UTF-8", async (Face) => {
  await serving(echo, async (url) => {
    const socket = new Face(url);
    await next(socket, "open");
    let expected = 0;
    for (
      const [data, size] of [
        ["", 0],
        ["12345", 5],
        ["é世😀", 9],
        ["\uD800", 3],
        ["x".repeat(70_000), 70_000],
        [new ArrayBuffer(10), 10],
        [new Uint16Array(4), 8],
        [new Uint8Array(9).subarray(1, 3), 2],
        [new Blob(["é"]), 2],
        ["behind the blob", 15],
      ] as const
    ) {
      socket.send(data as string);
      expected += size;
      assert.equal(socket.bufferedAmount, expected);
    }
    while (socket.bufferedAmount > 0) await new Promise((resolve) => setTimeout(resolve, 1));
    socket.close();
    await next(socket, "close");
    assert.equal(socket.bufferedAmount, 0);
  });
}, ["bun", "deno"]);

test("WebSocket: bufferedAmount is the same until the task ends, however fast the network is", async () => {
  await serving(echo, async (url) => {
    const socket = new WebSocket(url);
    await next(socket, "open");
    for (let round = 0; round < 3; round++) {
      socket.send("12345");
      for (let turn = 0; turn < 50; turn++) await null;
      assert.equal(socket.bufferedAmount, 5);
      await next(socket, "message");
      assert.equal(socket.bufferedAmount, 0);
    }
    socket.close();
    await next(socket, "close");
  });
});

standard("bufferedAmount after close() only grows, and the end does not reset it", async (Face) => {
  await serving(echo, async (url) => {
    const socket = new Face(url);
    await next(socket, "open");
    socket.close();
    socket.send("abc");
    assert.equal(socket.bufferedAmount, 3);
    socket.send(new ArrayBuffer(5));
    socket.send(new Blob(["1234567"]));
    assert.equal(socket.bufferedAmount, 15);
    await next(socket, "close");
    assert.equal(socket.bufferedAmount, 15);
    socket.send("é");
    assert.equal(socket.bufferedAmount, 17);
    await new Promise((resolve) => setTimeout(resolve, 5));
    assert.equal(socket.bufferedAmount, 17);
  });
}, ["deno", "node"]);

standard("a connection that never was counts what is sent after close() as well", async (Face) => {
  const socket = new Face("ws://127.0.0.1:1/");
  await next(socket, "close");
  socket.send("abc");
  assert.equal(socket.bufferedAmount, 3);
}, ["deno", "node"]);

test("WebSocket: bufferedAmount is exact while a peer does not read, and zero when it has", async () => {
  const gate = resolvers<void>();
  await serving(async (connection) => {
    await gate.promise;
    for await (const message of connection) if (message === "z") break;
    await connection.closed;
  }, async (url) => {
    const socket = new WebSocket(url);
    await next(socket, "open");
    for (let i = 0; i < 15; i++) socket.send("x".repeat(1024 * 1024));
    for (let i = 0; i < 1000; i++) socket.send("y".repeat(10));
    const total = 15 * 1024 * 1024 + 10_000;
    assert.equal(socket.bufferedAmount, total);
    let amount = total;
    // Until the buffers of the system are full, it falls, and never rises.
    for (let calm = 0; calm < 20;) {
      await new Promise((resolve) => setTimeout(resolve, 1));
      const now = socket.bufferedAmount;
      assert.ok(now <= amount);
      calm = now === amount ? calm + 1 : 0;
      amount = now;
    }
    assert.ok(amount >= 10_000, `${amount}`);
    socket.send("z");
    assert.equal(socket.bufferedAmount, amount + 1);
    gate.resolve();
    while (socket.bufferedAmount > 0) await new Promise((resolve) => setTimeout(resolve, 1));
    socket.close();
    await next(socket, "close");
    assert.equal(socket.bufferedAmount, 0);
  }, { receiveQueue: { messages: 1 } });
});

test("WebSocket: what waited when the connection broke still counts", async () => {
  const peers = resolvers<RawPeer>();
  await using server = await rawWebSocketServer((peer) => {
    peer.pause();
    peers.resolve(peer);
  });
  const socket = new WebSocket(`ws://127.0.0.1:${server.port}/`, [], { heartbeat: false });
  await next(socket, "open");
  for (let i = 0; i < 15; i++) socket.send("x".repeat(1024 * 1024));
  assert.equal(socket.bufferedAmount, 15 * 1024 * 1024);
  void (await peers.promise).destroy();
  assert.equal((await next(socket, "close")).code, 1006);
  const left = socket.bufferedAmount;
  assert.ok(left > 0);
  socket.send("abc");
  assert.equal(socket.bufferedAmount, left + 3);
});

test("WebSocket: more than maxBufferedAmount fails the connection, at once or behind a Blob", async () => {
  for (const before of [undefined, new Blob(["a"])]) {
    await serving((connection: Connection) => connection.closed, async (url) => {
      const socket = new WebSocket(url, [], { maxBufferedAmount: 1000 });
      const log = logOf(socket as globalThis.WebSocket);
      const error = new Promise<Error>((resolve) => socket.onerror = (event) => resolve(event.error));
      await next(socket, "open");
      if (before !== undefined) socket.send(before);
      socket.send("x".repeat(1001));
      await next(socket, "close");
      assert.deepEqual(log, ["open 1", "error 3", 'close 1006 "" false 3']);
      assert.match((await error).message, /maxBufferedAmount/);
      assert.equal(socket.bufferedAmount, before === undefined ? 1001 : 1002);
    });
  }
});

test("WebSocket: empty messages behind a Blob are not free either", async () => {
  await serving((connection: Connection) => connection.closed, async (url) => {
    const socket = new WebSocket(url, [], { maxBufferedAmount: 1000 });
    await next(socket, "open");
    const error = new Promise<Error>((resolve) => socket.onerror = (event) => resolve(event.error));
    socket.send(new Blob(["a"]));
    for (let i = 0; i < 100; i++) socket.send("");
    await next(socket, "close");
    assert.match((await error).message, /maxBufferedAmount/);
  });
});

test("WebSocket.from: what waits behind a Blob has the limit of the connection itself", async () => {
  for (const [maxBufferedAmount, size] of [[1000, 1001], [32 * 1024 * 1024, 17 * 1024 * 1024]] as const) {
    const ended = resolvers<string | undefined>();
    await serving(async (connection) => {
      const socket = WebSocket.from(connection);
      let reason: string | undefined;
      socket.onerror = ({ message }) => reason = message;
      socket.send(new Blob(["a"]));
      socket.send(new Uint8Array(size));
      socket.close();
      await next(socket, "close");
      ended.resolve(reason);
    }, async (url) => {
      const client = await connect(url, { maxMessageSize: 32 * 1024 * 1024 });
      let received = 0;
      for await (const message of client) received += message.length;
      const reason = await ended.promise;
      if (size < maxBufferedAmount) assert.deepEqual([received, reason], [1 + size, undefined]);
      else assert.match(reason!, /maxBufferedAmount/);
    }, { maxBufferedAmount });
  }
});

test("WebSocket: a Blob that cannot be read fails the connection", async () => {
  await serving((connection: Connection) => connection.closed, async (url) => {
    const socket = new WebSocket(url);
    await next(socket, "open");
    const blob = Object.defineProperty(new Blob(["abc"]), "arrayBuffer", {
      value: () => Promise.reject(new Error("the file is gone")),
    });
    const error = new Promise<Error>((resolve) => socket.onerror = (event) => resolve(event.error));
    socket.send(blob);
    socket.send("d");
    assert.equal((await next(socket, "close")).code, 1006);
    assert.equal((await error).message, "the file is gone");
    assert.equal(socket.bufferedAmount, 4);
  });
});

test("WebSocket: a connection that ends while a Blob is read takes what waits with it", async () => {
  const accepted: Connection[] = [];
  await serving({ open: (connection) => accepted.push(connection) }, async (url) => {
    const socket = new WebSocket(url);
    await next(socket, "open");
    const reading = resolvers<ArrayBuffer>();
    const blob = Object.defineProperty(new Blob(["abc"]), "arrayBuffer", { value: () => reading.promise });
    socket.send(blob);
    socket.send("de");
    void accepted[0]!.close();
    await next(socket, "close");
    reading.resolve(new ArrayBuffer(3));
    await new Promise((resolve) => setTimeout(resolve, 1));
    assert.equal(socket.bufferedAmount, 5);
  });
});

test("WebSocket: what is sent after the peer's Close frame, before its messages were delivered, is not sent", async () => {
  await serving((connection) => {
    connection.send("a");
    void connection.close();
  }, async (url) => {
    const socket = new WebSocket(url);
    const log = logOf(socket as globalThis.WebSocket);
    let amount = 0;
    socket.onmessage = () => {
      socket.send("too late");
      amount = socket.bufferedAmount;
    };
    await next(socket, "close");
    assert.deepEqual(log, ["open 1", "message a 1", 'close 1000 "" true 3']);
    assert.equal(amount, 8);
    assert.equal(socket.bufferedAmount, 8);
  });
});
