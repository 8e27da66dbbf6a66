/** Topics over real sockets: with serve(), and with acceptor() on a `node:http` server. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { acceptor, connect, type Connection, type Message, serve } from "../../mod.ts";
import type { SlowSubscriberEvent } from "../../src/topics/options.ts";
import { test } from "../harness.ts";

async function take(socket: Connection, count: number): Promise<Message[]> {
  const messages: Message[] = [];
  if (count === 0) return messages;
  for await (const message of socket) if (messages.push(message) === count) break;
  return messages;
}

function patterned(size: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(size);
  for (let i = 0; i < size; i++) bytes[i] = (i * 31 + seed) & 0xff;
  return bytes;
}

test("fifty subscribers get every message, whole and in order, subscribed in open()", async () => {
  const server = await serve({ port: 0 }, { open: (socket) => socket.subscribe("all") });
  const sockets = await Promise.all(Array.from({ length: 50 }, () => connect(server.url)));
  assert.equal(server.subscriberCount("all"), 50);
  const sent: Message[] = [];
  for (const size of [0, 1, 125, 126, 1000, 65535, 65536, 3]) {
    const message = size % 2 === 0 ? patterned(size, size) : "é".repeat(size >> 1) + "x";
    assert.equal(server.publish("all", message).receivers, 50);
    sent.push(message);
  }
  for (const got of await Promise.all(sockets.map((socket) => take(socket, sent.length)))) {
    assert.deepEqual(got, sent);
  }
  for (let i = 0; i < 20; i++) {
    server.publish("all", `turn ${i}`);
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  for (const got of await Promise.all(sockets.map((socket) => take(socket, 20)))) {
    assert.deepEqual(got, Array.from({ length: 20 }, (_, i) => `turn ${i}`));
  }
  await Promise.all(sockets.map((socket) => socket.close()));
  await Promise.all([...server.connections].map((socket) => socket.closed));
  assert.equal(server.subscriberCount("all"), 0);
  assert.equal(server.dropped, 0);
  await server.shutdown();
});

test("a chat: what one says goes to all others, with the application's own data", async () => {
  let names = 0;
  const server = await serve<{ name: string }>({
    port: 0,
    upgrade: () => ({ data: { name: `guest ${++names}` } }),
  }, {
    open: (socket) => socket.subscribe("room"),
    message(socket, text) {
      server.publish("room", `${socket.data.name}: ${text}`, { except: socket });
    },
  });
  const [first, second] = [await connect(server.url), await connect(server.url)];
  first.send("hello");
  assert.deepEqual(await take(second, 1), ["guest 1: hello"]);
  second.send("hi");
  assert.deepEqual(await take(first, 1), ["guest 2: hi"]);
  await first.close();
  await second.close();
  await server.shutdown();
});

test("a subscriber that stops reading delays nobody; what it lost is counted to the last message", async () => {
  const events: SlowSubscriberEvent<undefined>[] = [];
  const server = await serve({
    port: 0,
    sendHighWaterMark: 256 * 1024,
    subscriptions: { whenSlow: "drop-oldest", maxWaiting: 5 },
    limit: (event) => void (event.kind === "slow-subscriber" && events.push(event)),
  }, { open: (socket) => socket.subscribe("feed") });
  const slow = await connect(server.url, { receiveQueue: { messages: 1 } });
  const [slowEnd] = server.connections;
  const fast = await connect(server.url);
  const size = 64 * 1024;
  let published = 0;
  while (slowEnd!.dropped < 10) {
    server.publish("feed", patterned(size, published));
    const [got] = await take(fast, 1);
    assert.deepEqual(got, patterned(size, published));
    published++;
  }
  assert.ok(slowEnd!.bufferedAmount < 1024 * 1024);
  const { dropped } = slowEnd!;
  assert.equal(server.dropped, dropped);
  assert.equal(events[0]!.socket, slowEnd);
  assert.equal(events[0]!.whenSlow, "drop-oldest");
  const seeds = (await take(slow, published - dropped)).map((message) => (message as Uint8Array)[0]);
  // The first ones, in order, and the last five.
  const kept = published - dropped - 5;
  const expected = Array.from({ length: published }, (_, i) => i).filter((i) =>
    i < kept || i >= published - 5
  );
  assert.deepEqual(seeds, expected.map((i) => i & 0xff));
  server.publish("feed", "caught up");
  assert.deepEqual(await take(slow, 1), ["caught up"]);
  await Promise.all([slow.close(), fast.close()]);
  await server.shutdown();
});

test("a subscriber that stops reading, and for whom all is kept, is closed with 1013 at maxBufferedAmount", async () => {
  const server = await serve({
    port: 0,
    sendHighWaterMark: 64 * 1024,
    maxBufferedAmount: 1024 * 1024,
    closeTimeout: 60_000,
  }, { open: (socket) => socket.subscribe("feed") });
  const slow = await connect(server.url, { receiveQueue: { messages: 1 } });
  const [slowEnd] = server.connections;
  let accepted = 0;
  for (;;) {
    const { receivers } = server.publish("feed", patterned(64 * 1024, accepted));
    assert.ok(slowEnd!.bufferedAmount <= 1024 * 1024);
    if (receivers === 0) break;
    accepted++;
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  const messages: Message[] = [];
  for await (const message of slow) messages.push(message);
  // It was counted once as lost when it was refused, and those that waited were accepted.
  assert.equal(messages.length + slowEnd!.dropped, accepted + 1);
  assert.equal((await slow.closed).code, 1013);
  await server.shutdown();
});

test("an acceptor shuts down as a server does: 1001 to everyone, 503 to who comes after", async () => {
  const http = createServer();
  const accept = acceptor({}, { open: (socket) => socket.subscribe("a") });
  http.on("upgrade", accept);
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  const url = `ws://127.0.0.1:${(http.address() as { port: number }).port}/`;
  const socket = await connect(url);
  assert.throws(() => accept.shutdown({ deadline: -1 }), RangeError);
  const ended = accept.shutdown();
  assert.equal(accept.shutdown(), ended);
  assert.equal((await socket.closed).code, 1001);
  await ended;
  assert.equal(accept.connections.size, 0);
  await assert.rejects(connect(url), { status: 503 });
  http.close();
  await once(http, "close");
});

test("an acceptor has topics of its own", async () => {
  const http = createServer();
  const accept = acceptor({ path: "/chat" }, { open: (socket) => socket.subscribe("a") });
  http.on("upgrade", accept);
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  const { port } = http.address() as { port: number };
  const sockets = [
    await connect(`ws://127.0.0.1:${port}/chat`),
    await connect(`ws://127.0.0.1:${port}/chat`),
  ];
  assert.equal(accept.subscriberCount("a"), 2);
  assert.equal(accept.connections.size, 2);
  const [first] = accept.connections;
  assert.equal(accept.publish("a", "to one", { except: first! }).receivers, 1);
  assert.equal(accept.publish("a", "to all").receivers, 2);
  assert.deepEqual(await Promise.all([take(sockets[0]!, 1), take(sockets[1]!, 2)]), [["to all"], [
    "to one",
    "to all",
  ]]);
  first!.abort();
  assert.equal(accept.subscriberCount("a"), 1);
  assert.equal(accept.dropped, 0);
  await Promise.all(sockets.map((socket) => socket.close()));
  http.close();
  await once(http, "close");
});
