/** What becomes of what is sent while no connection is open. */
import assert from "node:assert/strict";
import { ConnectionClosedError, type Message, serve } from "../../mod.ts";
import { reconnecting, reconnectingBy } from "../../src/reconnecting/reconnecting.ts";
import { test } from "../harness.ts";
import { scripted, TestClock } from "./support.ts";

test("what is sent while nothing is open waits, in order, and goes out when a connection opens", async () => {
  const server = await scripted([], {});
  const echoed: Message[] = [];
  const client = reconnectingBy(new TestClock(), server.url, {
    open: (socket) => {
      socket.send("first of all");
      assert.equal(client.send("d"), false, "not before the hook has settled");
    },
  });
  const bytes = new Uint8Array([1, 2]);
  assert.equal(client.send("a"), false);
  assert.equal(client.send(bytes), false);
  bytes.fill(9);
  assert.equal(client.send(new Uint8Array([3]).buffer), false);
  assert.deepEqual(client.unsent.length, 3);
  const drained = client.drained();
  for await (const _ of client) {
    await drained;
    assert.equal(client.send("e"), true);
    assert.deepEqual(client.unsent, []);
    break;
  }
  for (const message of server.messages) {
    echoed.push(typeof message === "string" ? message : String([...message]));
  }
  assert.deepEqual(echoed, ["first of all", "a", "1,2", "3", "d", "e"]);
  assert.equal(client.send("late"), false);
  assert.equal(client.lost, 1);
  await assert.rejects(client.drained(), ConnectionClosedError);
  await server.shutdown();
});

test("what is sent while open has not settled waits for it, though nothing waits before it", async () => {
  const server = await scripted([]);
  const client = reconnectingBy(new TestClock(), server.url, {
    open: async (socket) => {
      assert.equal(client.send("second"), false);
      assert.equal(client.socket, undefined);
      await socket.ping();
      socket.send("first");
    },
  });
  for await (const _ of client) {
    await client.drained();
    break;
  }
  assert.deepEqual(server.messages, ["first", "second"]);
  await server.shutdown();
});

test("what is sent between two connections goes out over the second", async () => {
  const server = await scripted([(socket) => void socket.close(1012)]);
  const client = reconnectingBy(new TestClock(), server.url, {});
  let turns = 0;
  for await (const socket of client) {
    if (++turns === 1) {
      for await (const _ of socket);
      assert.equal(client.send("kept"), false);
    } else {
      await client.drained();
      break;
    }
  }
  assert.deepEqual(server.messages, ["kept"]);
  await server.shutdown();
});

test("the queue has limits in bytes and messages; beyond them send() throws and nothing is dropped", async () => {
  const client = reconnecting("ws://localhost/", { maxQueuedBytes: 10, maxQueuedMessages: 3 });
  client.send("世界");
  client.send(new Uint8Array(4));
  assert.throws(() => client.send("a"), ConnectionClosedError);
  assert.throws(() => client.send("a".repeat(11)), RangeError);
  assert.throws(() => client.send(7 as unknown as string), TypeError);
  client.send("");
  assert.throws(() => client.send(""), { name: "ConnectionClosedError", message: /3 messages of 10 bytes/ });
  const drained = assert.rejects(client.drained(), ConnectionClosedError);
  await client.close();
  await drained;
  assert.deepEqual(client.unsent, ["世界", new Uint8Array(4), ""]);
});

test("a queue larger than the buffer goes out at the peer's pace, and later messages stay behind it", async () => {
  const count = 64;
  const all = deferred();
  const received: number[] = [];
  const server = await serve({ port: 0 }, {
    message: async (_, message) => {
      await new Promise((resolve) => setTimeout(resolve, 0));
      received.push((message as Uint8Array)[0]!);
      if (received.length === count + 1) all.resolve();
    },
  });
  const client = reconnecting(server.url, {
    sendHighWaterMark: 1000,
    maxBufferedAmount: 1024 * 1024,
    maxQueuedBytes: 1024 * 1024,
  });
  for (let i = 0; i < count; i++) client.send(new Uint8Array(16_000).fill(i));
  for await (const _ of client) {
    assert.ok(client.unsent.length > 0);
    client.send(new Uint8Array([count]));
    await all.promise;
    break;
  }
  assert.deepEqual(received, Array.from({ length: count + 1 }, (_, i) => i));
  await server.shutdown();
});

function deferred(): { promise: Promise<void>; resolve: () => void } {
  let resolve!: () => void;
  const promise = new Promise<void>((settle) => (resolve = settle));
  return { promise, resolve };
}

test("messages that a broken connection did not take are kept for the next one", async () => {
  const received: Message[] = [];
  let connections = 0;
  const server = await serve({ port: 0 }, {
    open: (socket) => {
      if (++connections === 1) socket.abort();
    },
    message: (_, message) => void received.push(message),
  });
  const client = reconnectingBy(new TestClock(), server.url, {
    open: async (socket) => {
      if (connections === 1) await socket.closed;
    },
  });
  client.send("a");
  client.send("b");
  let turns = 0;
  for await (const socket of client) {
    if (socket.readyState !== "open" && ++turns === 1) continue;
    await client.drained();
    break;
  }
  assert.deepEqual(received, ["a", "b"]);
  await server.shutdown();
});

test("a message that does not fit the buffer beside a streamed one goes out behind it", async () => {
  const server = await scripted([]);
  const begun = deferred();
  const gate = deferred();
  const client = reconnectingBy(new TestClock(), server.url, {
    maxBufferedAmount: 1000,
    maxQueuedBytes: 1000,
    open: (socket) => {
      void socket.sendStream((async function* () {
        yield "a".repeat(500);
        begun.resolve();
        await gate.promise;
        yield "b".repeat(500);
      })());
    },
  });
  client.send("c".repeat(990));
  for await (const _ of client) {
    await begun.promise;
    assert.equal(client.unsent.length, 1);
    assert.equal(client.send("d"), false);
    gate.resolve();
    await client.drained();
    assert.equal(client.send("e"), true);
    break;
  }
  assert.deepEqual(server.messages, ["a".repeat(500) + "b".repeat(500), "c".repeat(990), "d", "e"]);
  assert.equal(server.opened.length, 1);
  await server.shutdown();
});

test("messages that fill the buffer, or find it filled, wait for room and do not break the connection", async () => {
  for (const size of [1000, 100, 1]) {
    const server = await scripted([]);
    const client = reconnectingBy(new TestClock(), server.url, {
      maxBufferedAmount: 1000,
      maxQueuedBytes: 1000,
      open: (socket) => void socket.send("first".padEnd(900)),
    });
    const messages = Array.from({ length: 1000 / size }, (_, i) => String(i % 10).padEnd(size, "."));
    for (const message of messages) client.send(message);
    for await (const socket of client) {
      await Promise.race([client.drained(), socket.closed]);
      break;
    }
    assert.deepEqual(server.messages, ["first".padEnd(900), ...messages]);
    assert.equal(server.opened.length, 1);
    await server.shutdown();
  }
});

test("what waits for room when the connection ends is kept for the next one", async () => {
  const server = await scripted([]);
  const begun = deferred();
  const client = reconnectingBy(new TestClock(), server.url, {
    maxBufferedAmount: 1000,
    maxQueuedBytes: 1000,
    open: (socket) => {
      if (server.opened.length > 1) return;
      socket.sendStream((async function* () {
        yield "a";
        begun.resolve();
        await new Promise(() => {});
      })()).catch(() => {});
    },
  });
  client.send("b".repeat(1000));
  let turns = 0;
  for await (const socket of client) {
    if (++turns === 1) {
      await begun.promise;
      socket.abort();
      continue;
    }
    await client.drained();
    break;
  }
  assert.deepEqual(server.messages, ["b".repeat(1000)]);
  assert.equal(turns, 2);
  await server.shutdown();
});
