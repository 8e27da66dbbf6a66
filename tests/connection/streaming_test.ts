/** stream(): messages that are read as they arrive. */
import assert from "node:assert/strict";
import { type Connection, ConnectionClosedError, type Message, ProtocolError } from "../../mod.ts";
import { pair } from "../../src/testing/mod.ts";
import { settled } from "../fake_clock.ts";
import { test } from "../harness.ts";
import { bytesOf, frame } from "../protocol/frames.ts";
import { pieces, take, Tap } from "./streaming_support.ts";
import { pattern, PatternReader } from "../transport/support.ts";

const [CONTINUATION, TEXT, BINARY, CLOSE] = [0, 1, 2, 8];
const MASK = [7, 5, 3, 1];

test("stream() gives the pieces as they come, strings of a text and bytes of a binary message", async () => {
  await using ends = pair();
  const tap = new Tap();
  void ends.client.sendStream(tap);
  const reading = ends.server.stream();
  await tap.give("first");
  assert.deepEqual(await reading.next(), { done: false, value: "first" });
  await tap.give("second");
  assert.deepEqual(await reading.next(), { done: false, value: "second" });
  await tap.give(undefined);
  assert.deepEqual(await reading.next(), { done: true, value: undefined });
  ends.client.send(Uint8Array.of(1, 2));
  assert.deepEqual(await pieces(ends.server), [Uint8Array.of(1, 2)]);
});

test("an empty message is one empty piece, in however many fragments", async () => {
  await using ends = pair();
  ends.client.send("");
  ends.client.send(new Uint8Array(0));
  ends.network.toServer.insert(bytesOf(
    frame({ opcode: TEXT, fin: false, key: MASK }),
    frame({ opcode: CONTINUATION, fin: false, key: MASK }),
    frame({ opcode: CONTINUATION, key: MASK }),
    frame({ opcode: TEXT, fin: false, key: MASK }),
    frame({ opcode: CONTINUATION, fin: false, key: MASK, payload: "x" }),
    frame({ opcode: CONTINUATION, key: MASK }),
  ));
  const all = [];
  for (let message = 0; message < 4; message++) all.push(await pieces(ends.server));
  assert.deepEqual(all.map((message) => message.length), [1, 1, 1, 1]);
  assert.deepEqual(all.map(([piece]) => typeof piece).sort(), ["object", "string", "string", "string"]);
  assert.ok(all.some(([piece]) => piece === "x"));
});

test("stream() begun in the middle of a message gives all of it", async () => {
  const text = "héllo wörld 👋";
  const bytes = bytesOf(
    frame({ opcode: TEXT, fin: false, key: MASK, payload: bytesOf(text).slice(0, 9) }),
    frame({ opcode: CONTINUATION, key: MASK, payload: bytesOf(text).slice(9) }),
  );
  for (let middle = 0; middle <= bytes.length; middle++) {
    await using ends = pair();
    const { toServer } = ends.network;
    if (middle > 0) toServer.insert(bytes.subarray(0, middle));
    await toServer.until(({ delivered }) => delivered === middle);
    const reading = pieces(ends.server);
    await settled();
    if (middle < bytes.length) toServer.insert(bytes.subarray(middle));
    assert.equal((await reading).join(""), text);
  }
});

test("leaving the loop drops the rest of that message only, whether it is here or still to come", async () => {
  for (const stall of [false, true]) {
    await using ends = pair();
    const { toServer } = ends.network;
    const fragments = ["first", " second", " third"].map((payload, index) =>
      frame({ opcode: index === 0 ? TEXT : CONTINUATION, fin: index === 2, key: MASK, payload })
    );
    toServer.insert(fragments[0]!);
    if (!stall) toServer.insert(bytesOf(fragments[1]!, fragments[2]!));
    for await (const piece of ends.server.stream()) {
      assert.equal(piece, "first");
      break;
    }
    if (stall) toServer.insert(bytesOf(fragments[1]!, fragments[2]!));
    ends.client.send("next");
    assert.deepEqual(await take(ends.server, 1), ["next"]);
    ends.client.send("after");
    assert.deepEqual(await pieces(ends.server), ["after"]);
  }
});

test("leaving the loop by throwing drops the rest too; leaving it on the last piece drops nothing", async () => {
  await using ends = pair();
  ends.client.send("whole");
  ends.client.send("next");
  for await (const _ of ends.server.stream()) break;
  assert.deepEqual(await take(ends.server, 1), ["next"]);
  void ends.client.sendStream(["a", "b", "c"]);
  ends.client.send("last");
  await assert.rejects(async () => {
    for await (const _ of ends.server.stream()) throw new Error("enough");
  }, /enough/);
  assert.deepEqual(await take(ends.server, 1), ["last"]);
});

test("stream() and for await take turns, message by message", async () => {
  await using ends = pair({ network: { split: { seed: 3, largest: 9 } } });
  const sent = Array.from({ length: 12 }, (_, index) => `message number ${index} ${"x".repeat(index * 7)}`);
  for (const [index, message] of sent.entries()) {
    if (index % 3 === 0) void ends.client.sendStream([message.slice(0, 5), message.slice(5)]);
    else ends.client.send(message);
  }
  const received: string[] = [];
  while (received.length < sent.length) {
    for await (const message of ends.server) {
      received.push(String(message));
      if (received.length % 4 === 2 || received.length === sent.length) break;
    }
    if (received.length < sent.length) received.push((await pieces(ends.server)).join(""));
  }
  assert.deepEqual(received, sent);
});

test("a message larger than maxMessageSize can be streamed, but not taken whole: 1009", async () => {
  for (const split of [undefined, 100] as const) {
    await using ends = pair({
      server: { maxMessageSize: 1000, receiveQueue: { messages: 4 } },
      network: split === undefined ? {} : { split },
    });
    const large = "é".repeat(5000);
    const reading = pieces(ends.server);
    await settled();
    ends.client.send(large);
    assert.equal((await reading).join(""), large);
    ends.client.send("é".repeat(500));
    ends.client.send("é".repeat(501));
    ends.client.send("never");
    assert.deepEqual(await take(ends.server, 5), ["é".repeat(500)]);
    assert.equal((await ends.client.closed).code, 1009);
    const { error } = await ends.server.closed;
    assert.ok(error instanceof ProtocolError && error.statusCode === 1009);
    assert.deepEqual(await take(ends.server, 1), []);
  }
});

test("RFC 6455, section 8.1: a streamed text may be split inside its characters", async () => {
  const text = "aé€👋".repeat(50) + "\ufeff";
  for (const split of ["bytes", 2, 3, 5, { seed: 4, largest: 8 }] as const) {
    await using ends = pair({ network: { split } });
    const reading = pieces(ends.server);
    await ends.client.sendStream(["\ufeff", text]);
    const all = await reading;
    assert.ok(all.length > 20);
    assert.equal(all.join(""), "\ufeff" + text);
    for (const piece of all) assert.doesNotMatch(piece as string, /\p{Surrogate}/u);
  }
});

test("RFC 6455, section 8.1: bytes that are no UTF-8 in a streamed text fail with 1007, and the loop throws", async () => {
  for (const wrong of [[0xc3, 0x28], [0xff], [0xed, 0xa0, 0x80], [0xe2, 0x82]]) {
    await using ends = pair();
    ends.network.toServer.insert(bytesOf(
      frame({ opcode: TEXT, fin: false, key: MASK, payload: "fine" }),
      frame({ opcode: CONTINUATION, key: MASK, payload: Uint8Array.from(wrong) }),
    ));
    const seen: Message[] = [];
    await assert.rejects(async () => {
      for await (const piece of ends.server.stream()) seen.push(piece);
    }, (error: unknown) => {
      assert.ok(error instanceof ConnectionClosedError);
      return true;
    });
    assert.ok("fine".startsWith(seen.join("")));
    assert.equal((await ends.client.closed).code, 1007);
  }
});

test("a connection that ends in the middle of a message: the loop throws; one that ends before it, too", async () => {
  const endings: ((ends: ReturnType<typeof pair>) => void)[] = [
    ({ network }) => network.cut(),
    ({ network }) => network.toServer.halfClose(),
    ({ network }) => network.toServer.insert(frame({ opcode: CLOSE, key: MASK })),
    ({ server }) => server.abort(),
  ];
  for (const end of endings) {
    for (const begun of [true, false]) {
      await using ends = pair();
      if (begun) {
        ends.network.toServer.insert(frame({ opcode: BINARY, fin: false, key: MASK, payload: "abc" }));
        await ends.network.toServer.until(({ delivered }) => delivered > 0);
      }
      const seen: Message[] = [];
      const reading = assert.rejects(async () => {
        for await (const piece of ends.server.stream()) seen.push(piece);
      }, ConnectionClosedError);
      await settled();
      assert.equal(seen.length, begun ? 1 : 0);
      end(ends);
      await reading;
      // Nothing of it is mistaken for a message afterwards.
      assert.deepEqual(await take(ends.server, 1), []);
    }
  }
});

test("a message of which only pieces came is no message for a loop either", async () => {
  await using ends = pair();
  ends.client.send("streamed");
  await pieces(ends.server);
  ends.network.toServer.insert(frame({ opcode: TEXT, fin: false, key: MASK, payload: "half" }));
  await ends.network.toServer.until(({ held }) => held === 0);
  const rest = take(ends.server, 1);
  await settled();
  ends.network.cut();
  assert.deepEqual(await rest, []);
});

test("stream() on a connection that was given to callbacks throws a TypeError, and so does a second at once", async () => {
  const errors: unknown[] = [];
  await using callbacks = pair({
    handler: { open: (socket) => void socket.stream().next().catch((e) => errors.push(e)) },
  });
  callbacks.client.send("x");
  await settled();
  assert.ok(errors[0] instanceof TypeError && /callbacks/.test(errors[0].message));
  await using ends = pair();
  const first = ends.server.stream().next();
  await assert.rejects(ends.server.stream().next(), { name: "TypeError", message: /another stream\(\)/ });
  ends.client.send("x");
  assert.deepEqual(await first, { done: false, value: "x" });
});

test("64 MiB go both ways at once, in any split, unharmed", async () => {
  const total = 64 * 1024 * 1024;
  const split = { seed: 9, largest: 120_000 };
  await using ends = pair({ network: { split } });
  const source = function* (): Generator<Uint8Array, void, undefined> {
    for (let offset = 0, size = 1; offset < total; size = size * 7 % 100_003) {
      const length = Math.min(size, total - offset);
      yield pattern(offset, length);
      offset += length;
    }
  };
  const check = async (socket: Connection<unknown>): Promise<void> => {
    const reader = new PatternReader();
    for await (const piece of socket.stream()) reader.read(piece as Uint8Array);
    assert.equal(reader.wrong, undefined);
    assert.equal(reader.offset, total);
  };
  await Promise.all([
    ends.client.sendStream(source()),
    ends.server.sendStream(source()),
    check(ends.client),
    check(ends.server),
  ]);
  assert.ok((await ends.client.close()).wasClean);
});
