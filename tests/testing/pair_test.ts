/** Two connections in memory, as people use them in tests of their own. */
import assert from "node:assert/strict";
import { ConnectionClosedError, type Message } from "../../mod.ts";
import { pair } from "../../src/testing/mod.ts";
import { test } from "../harness.ts";
import { noise, parseFrames } from "../protocol/frames.ts";

async function take(socket: AsyncIterable<Message>, count: number): Promise<Message[]> {
  const messages: Message[] = [];
  for await (const message of socket) if (messages.push(message) === count) break;
  return messages;
}

test("pair() gives two open connections at once; messages go both ways", async () => {
  const { client, server } = pair();
  assert.equal(client.readyState, "open");
  assert.equal(server.readyState, "open");
  client.send("hello");
  server.send(Uint8Array.of(1, 2, 3));
  assert.deepEqual(await take(server, 1), ["hello"]);
  assert.deepEqual(await take(client, 1), [Uint8Array.of(1, 2, 3)]);
  const [near, far] = await Promise.all([client.close(4000, "done"), server.closed]);
  assert.deepEqual([near.code, near.wasClean, near.initiator], [4000, true, "local"]);
  assert.deepEqual([far.code, far.reason, far.wasClean, far.initiator], [4000, "done", true, "remote"]);
});

test("RFC 6455, section 5.1: the client's end masks, the server's does not", async () => {
  await using ends = pair({ network: { record: true } });
  ends.client.send("to the server");
  ends.server.send("to the client");
  await Promise.all([take(ends.server, 1), take(ends.client, 1)]);
  assert.equal(parseFrames(ends.network.toServer.recorded, true).length, 1);
  assert.equal(parseFrames(ends.network.toClient.recorded, false).length, 1);
});

test("the server's end has the data, the subprotocol and the request it was given", async () => {
  const request = new Request("http://localhost/room?id=4");
  await using ends = pair({ data: { user: "Li" }, protocol: "chat.v2", request });
  const user: string = ends.server.data.user;
  assert.equal(user, "Li");
  assert.equal(ends.server.protocol, "chat.v2");
  assert.equal(ends.client.protocol, "chat.v2");
  assert.equal(ends.server.request, request);
  assert.equal(ends.client.request, undefined);
  await using plain = pair();
  assert.equal(plain.server.request?.url, "http://localhost/");
  assert.equal(plain.server.data, undefined);
  assert.equal(plain.server.protocol, "");
});

test("a handler has the server's end: its return closes with 1000, what it throws is reported", async () => {
  const { client } = pair({ handler: (socket) => void socket.send("hello and goodbye") });
  assert.deepEqual(await take(client, 2), ["hello and goodbye"]);
  assert.equal((await client.closed).code, 1000);
  const errors: unknown[] = [];
  const wrong = new Error("wrong");
  const second = pair({
    handler: {
      message: () => {
        throw wrong;
      },
    },
    error: (error) => void errors.push(error),
  });
  second.client.send("x");
  assert.equal((await second.client.closed).code, 1011);
  assert.equal((await second.server.closed).error, wrong);
  assert.deepEqual(errors, [wrong]);
});

test("the options of each end are its own; those out of range throw", async () => {
  await using ends = pair({ client: { maxMessageSize: 10 }, server: { maxMessageSize: 20 } });
  ends.client.send("x".repeat(20));
  assert.equal((await take(ends.server, 1))[0]!.length, 20);
  ends.server.send("x".repeat(11));
  assert.equal((await ends.server.closed).code, 1009);
  assert.throws(() => pair({ client: { maxMessageSize: 0 } }), RangeError);
  assert.throws(() => pair({ server: { closeTimeout: -1 } }), RangeError);
  assert.throws(() => pair({ network: { split: 0 } }), RangeError);
});

test("await using drops both ends, whatever the network does", async () => {
  const open = pair();
  await open[Symbol.asyncDispose]();
  assert.equal((await open.client.closed).code, 1006);
  assert.equal((await open.server.closed).code, 1006);
  const stalled = pair();
  stalled.network.toServer.stall();
  stalled.network.toClient.stall();
  await stalled[Symbol.asyncDispose]();
  await stalled[Symbol.asyncDispose]();
});

test("messages of every size pass unharmed through every split of the bytes", async () => {
  const sizes = [0, 1, 125, 126, 127, 1000];
  for (const split of ["bytes", 2, 3, 7, { seed: 7, largest: 40 }, { seed: 8 }] as const) {
    const large = split === "bytes" || split === 2 ? [] : [65535, 65536];
    await using ends = pair({ network: { split } });
    for (const size of [...sizes, ...large]) {
      const bytes = noise(size);
      const text = "é".repeat(size >> 1) + "x".repeat(size & 1);
      for (const [from, to] of [[ends.client, ends.server], [ends.server, ends.client]] as const) {
        from.send(bytes);
        from.send(text);
        assert.deepEqual(await take(to, 2), [bytes, text]);
      }
    }
    assert.ok((await ends.client.close()).wasClean);
  }
});

test("a network may treat its two directions differently", async () => {
  await using ends = pair({
    network: { record: true, toServer: { split: "bytes" }, toClient: { record: false } },
  });
  ends.client.send("abc");
  ends.server.send("abc");
  await Promise.all([take(ends.server, 1), take(ends.client, 1)]);
  assert.equal(ends.network.toServer.recorded.length, 9);
  assert.equal(ends.network.toClient.recorded.length, 0);
});

test("a network that delivers nothing fills the buffer: send() says so, and drained() when it flows again", async () => {
  await using ends = pair({ server: { sendHighWaterMark: 1000 }, network: { toClient: { buffer: 500 } } });
  ends.network.toClient.stall();
  let sent = 0;
  while (ends.server.send("x".repeat(100))) sent++;
  sent++;
  const drained = ends.server.drained();
  await ends.network.toClient.until(({ held }) => held >= 500);
  ends.network.toClient.resume();
  await drained;
  assert.equal((await take(ends.client, sent)).length, sent);
});

test("cut: both ends close with 1006 and tell the reset", async () => {
  const { client, server, network } = pair();
  network.cut();
  for (const close of await Promise.all([client.closed, server.closed])) {
    assert.deepEqual([close.code, close.wasClean, close.initiator], [1006, false, "remote"]);
    assert.match(close.error!.message, /reset/i);
  }
});

test("vanish: the closing handshake gets no answer, and its deadline ends each side by itself", async () => {
  const { client, server, network } = pair({ client: { closeTimeout: 5 }, server: { closeTimeout: 5 } });
  network.vanish();
  server.send("into the void");
  const near = await server.close();
  assert.deepEqual([near.code, near.wasClean, near.initiator], [1006, false, "local"]);
  assert.equal(client.readyState, "open");
  assert.equal((await client.close()).code, 1006);
});

test("half-close: the end of one direction, without a Close frame, is 1006", async () => {
  const { client, server, network } = pair();
  client.send("before");
  await network.toServer.until(({ taken }) => taken > 0);
  network.toServer.halfClose();
  assert.deepEqual(await take(server, 2), ["before"]);
  const [near, far] = await Promise.all([client.closed, server.closed]);
  assert.deepEqual([far.code, far.initiator], [1006, "remote"]);
  assert.equal(near.code, 1006);
});

test("alter and insert: what breaks the protocol is found", async () => {
  const flipped = pair({ network: { toClient: { alter: (piece) => void (piece[0]! |= 0x40) } } });
  flipped.server.send("x");
  assert.equal((await flipped.server.closed).code, 1002);
  const inserted = pair();
  inserted.network.toServer.insert(Uint8Array.of(0x81, 0x00));
  const close = await inserted.client.closed;
  assert.deepEqual([close.code, close.reason], [1002, "A client's frame is not masked."]);
});

test("drained() rejects when the network is cut", async () => {
  const { client, server, network } = pair({ client: { sendHighWaterMark: 10 } });
  network.toServer.stall();
  assert.equal(client.send("x".repeat(100_000)), false);
  const drained = assert.rejects(client.drained(), ConnectionClosedError);
  await network.toServer.until(({ taken }) => taken > 0);
  network.cut();
  await drained;
  await Promise.all([client.closed, server.closed]);
});

test("the server's end may subscribe, and the pair publishes to it", async () => {
  await using ends = pair({ handler: { open: (socket) => socket.subscribe("news") } });
  ends.publisher.publish("news", "hello");
  assert.deepEqual(await take(ends.client, 1), ["hello"]);
  assert.equal(ends.publisher.subscriberCount("news"), 1);
});
