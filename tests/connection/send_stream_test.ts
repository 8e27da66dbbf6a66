/** sendStream(): messages that go out as they come into being. */
import assert from "node:assert/strict";
import { ConnectionClosedError } from "../../mod.ts";
import { type Flow, pair, type PairOptions } from "../../src/testing/mod.ts";
import { settled } from "../fake_clock.ts";
import { test } from "../harness.ts";
import { bytesOf, type Frame, noise, parseFrames, sameBytes } from "../protocol/frames.ts";
import { type Chunk, take, Tap } from "./streaming_support.ts";

const [CONTINUATION, TEXT, BINARY, PING] = [0, 1, 2, 9];

async function* later(...chunks: Chunk[]): AsyncGenerator<Chunk, void, undefined> {
  for (const chunk of chunks) {
    await Promise.resolve();
    yield chunk;
  }
}

function frames({ recorded }: Flow): Frame[] {
  return parseFrames(recorded, true);
}

/** Opcode, FIN and size of each frame that the client has sent. */
function shapes(flow: Flow): string[] {
  return frames(flow).map(({ opcode, fin, payload }) => `${opcode}${fin ? "!" : ""} ${payload.length}`);
}

const RECORD: PairOptions = { network: { record: true } };

test("RFC 6455, section 5.4: each chunk is a fragment: of text or of bytes, from any kind of source", async () => {
  const encoder = new TextEncoder();
  const kinds: [number, Chunk[]][] = [
    [TEXT, ["one, ", "two, ", "é"]],
    [BINARY, [Uint8Array.of(1), Uint8Array.of(2, 3)]],
  ];
  for (const [opcode, chunks] of kinds) {
    const sources = [
      () => [...chunks],
      () => new Set(chunks),
      () => later(...chunks),
      () =>
        new ReadableStream<Chunk>({
          start(controller) {
            for (const chunk of chunks) controller.enqueue(chunk);
            controller.close();
          },
        }),
    ];
    for (const source of sources) {
      await using ends = pair(RECORD);
      await ends.client.sendStream(source());
      const [message] = await take(ends.server, 1);
      const whole = chunks.map((chunk: Chunk) => bytesOf(chunk));
      sameBytes(typeof message === "string" ? encoder.encode(message) : message!, bytesOf(...whole));
      assert.equal(typeof message, opcode === TEXT ? "string" : "object");
      assert.deepEqual(shapes(ends.network.toServer), [
        ...whole.map(({ length }, index) => `${index === 0 ? opcode : CONTINUATION} ${length}`),
        `${CONTINUATION}! 0`,
      ]);
    }
  }
});

test("views and buffers are chunks too, and may be written to once sendStream() asks for the next", async () => {
  await using ends = pair();
  const bytes = Uint8Array.of(1, 2, 3, 4);
  await ends.client.sendStream((function* () {
    yield new DataView(bytes.buffer, 1, 2);
    yield bytes.slice().buffer;
    yield bytes;
    bytes.fill(9);
  })());
  assert.deepEqual(await take(ends.server, 1), [Uint8Array.of(2, 3, 1, 2, 3, 4, 1, 2, 3, 4)]);
});

test("RFC 6455, section 5.6: a pair of surrogates that two chunks share is one character; half a pair is U+FFFD", async () => {
  const cases: [string[], string][] = [
    [["a\ud83d", "\udc4bb"], "a👋b"],
    [["\ud83d", "\udc4b"], "👋"],
    [["\ud83d", "", "\udc4b"], "👋"],
    [["\ud83d", "\ud83d\udc4b"], "\ufffd👋"],
    [["a\ud83d"], "a\ufffd"],
    [["a\ud83d", "b"], "a\ufffdb"],
    [["\udc4b", "a"], "\ufffda"],
  ];
  for (const [chunks, text] of cases) {
    await using ends = pair(RECORD);
    await ends.client.sendStream(chunks);
    assert.deepEqual(await take(ends.server, 1), [text]);
    const decoder = new TextDecoder("utf-8", { fatal: true });
    for (const { payload } of frames(ends.network.toServer)) decoder.decode(payload);
  }
});

test("empty sources are empty binary messages; empty chunks say the kind and nothing else", async () => {
  await using ends = pair(RECORD);
  await ends.client.sendStream([]);
  await ends.client.sendStream([""]);
  await ends.client.sendStream(later("", "", "a", "", ""));
  await ends.client.sendStream([new Uint8Array(0)]);
  assert.deepEqual(await take(ends.server, 4), [new Uint8Array(0), "", "a", new Uint8Array(0)]);
  assert.deepEqual(shapes(ends.network.toServer), ["2! 0", "1! 0", "1 1", "0! 0", "2! 0"]);
});

test("a large chunk goes out in several fragments, text between its characters", async () => {
  await using ends = pair({ ...RECORD, server: { maxMessageSize: 1e7 } });
  const bytes = noise(200_000);
  const text = "a" + "👋".repeat(50_000);
  await ends.client.sendStream([bytes, bytes]);
  await ends.client.sendStream([text]);
  const [first, second] = await take(ends.server, 2);
  sameBytes(first as Uint8Array, bytesOf(bytes, bytes));
  assert.equal(second, text);
  const decoder = new TextDecoder("utf-8", { fatal: true });
  const all = frames(ends.network.toServer);
  assert.ok(all.length > 10 && all.every(({ payload }) => payload.length <= 3 * 65_536));
  for (const { payload } of all.slice(-4)) decoder.decode(payload);
});

test("chunks of two kinds: a TypeError, the source is told, and the connection fails with 1011", async () => {
  for (const chunks of [["a", Uint8Array.of(1)], [Uint8Array.of(1), "a"], ["a", 7 as unknown as string]]) {
    await using ends = pair();
    let ended = false;
    const sending = ends.client.sendStream((function* () {
      try {
        yield* chunks;
      } finally {
        ended = true;
      }
    })());
    await assert.rejects(sending, TypeError);
    assert.equal((await ends.server.closed).code, 1011);
    const { error, initiator } = await ends.client.closed;
    assert.ok(error instanceof TypeError);
    assert.equal(initiator, "local");
    assert.ok(ended);
  }
});

test("what is no source, or fails before its first chunk, rejects and costs the connection nothing", async () => {
  await using ends = pair();
  for (const wrong of [undefined, null, 7, "text", {}, [7]]) {
    await assert.rejects(ends.client.sendStream(wrong as unknown as string[]), TypeError);
  }
  const wrong = new Error("no such file");
  const failing = new ReadableStream<string>({ start: (controller) => controller.error(wrong) });
  await assert.rejects(ends.client.sendStream(failing), (error: unknown) => error === wrong);
  await ends.client.sendStream(["still ", "here"]);
  assert.deepEqual(await take(ends.server, 1), ["still here"]);
});

test("a source that throws in the middle: its error, 1011, and the peer gets no such message", async () => {
  for (const wrong of [new Error("disk on fire"), "a string"]) {
    await using ends = pair();
    const sending = ends.client.sendStream((async function* () {
      yield "begun";
      await Promise.resolve();
      throw wrong;
    })());
    await assert.rejects(sending, (error: unknown) => error === wrong);
    assert.deepEqual(await take(ends.server, 1), []);
    assert.deepEqual([(await ends.server.closed).code, (await ends.server.closed).reason], [1011, ""]);
    const { error } = await ends.client.closed;
    assert.equal(error instanceof Error && error.cause === undefined ? error : (error as Error).cause, wrong);
  }
});

test("a ReadableStream that ends, errors, or is left, is let go of", async () => {
  await using whole = pair();
  const ending = new ReadableStream<string>({ start: (controller) => controller.close() });
  await whole.client.sendStream(ending);
  assert.equal(ending.locked, false);
  const wrong = new Error("torn");
  await using first = pair();
  const torn = new ReadableStream<string>({ start: (controller) => controller.error(wrong) });
  await assert.rejects(first.client.sendStream(torn), (error: unknown) => error === wrong);
  await using second = pair();
  let cancelled = (): void => {};
  const told = new Promise<void>((resolve) => cancelled = resolve);
  const mixed = new ReadableStream<Chunk>({
    start(controller) {
      controller.enqueue("a");
      controller.enqueue(Uint8Array.of(1));
    },
    cancel: () => cancelled(),
  });
  await assert.rejects(second.client.sendStream(mixed), TypeError);
  await told;
  assert.equal(mixed.locked, false);
});

test("RFC 6455, section 5.4: send() during a stream waits for its end; two streams go one after the other", async () => {
  await using ends = pair();
  const [one, two] = [new Tap(), new Tap()];
  assert.equal(ends.client.send("before"), true);
  const first = ends.client.sendStream(one);
  const bytes = Uint8Array.of(1);
  assert.equal(ends.client.send(bytes), false);
  bytes.fill(2);
  const second = ends.client.sendStream(two);
  assert.equal(ends.client.send("last"), false);
  assert.equal(ends.client.bufferedAmount > 4, true);
  await one.give("a");
  await one.give("b");
  assert.equal(two.asked, 0, "the second source is not asked before the first has ended");
  assert.deepEqual(await take(ends.server, 1), ["before"]);
  await one.give(undefined);
  await first;
  await two.give("c");
  await two.give(undefined);
  await second;
  assert.deepEqual(await take(ends.server, 4), ["ab", Uint8Array.of(1), "c", "last"]);
  await ends.client.drained();
  assert.equal(ends.client.send("flowing"), true);
});

test("drained() waits for the stream that send() waits for", async () => {
  await using ends = pair();
  const tap = new Tap();
  void ends.client.sendStream(tap);
  ends.client.send("x");
  let drained = false;
  const waiting = ends.client.drained().then(() => drained = true);
  await tap.give("a");
  await settled();
  assert.equal(drained, false);
  await tap.give(undefined);
  await waiting;
});

test("close() during a stream: what was sent before still goes out, and nothing is sent after", async () => {
  await using ends = pair();
  const tap = new Tap();
  const sending = ends.client.sendStream(tap);
  ends.client.send("accepted");
  await tap.give("a");
  const closed = ends.client.close(4000);
  assert.equal(ends.client.send("too late"), false);
  assert.equal(ends.client.lost, 1);
  await assert.rejects(ends.client.sendStream([]), ConnectionClosedError);
  await tap.give("b");
  await tap.give(undefined);
  await sending;
  assert.deepEqual(await take(ends.server, 3), ["ab", "accepted"]);
  assert.equal((await closed).code, 4000);
});

test("close() during a stream that has stopped is given up after closeTimeout; one that goes on has its time", async () => {
  await using ends = pair({ client: { closeTimeout: 200 } });
  const tap = new Tap();
  const sending = assert.rejects(ends.client.sendStream(tap), ConnectionClosedError);
  await tap.give("a");
  const closed = ends.client.close();
  const begun = performance.now();
  for (let i = 0; i < 6; i++) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    await tap.give("b");
  }
  await tap.waits();
  assert.ok(performance.now() - begun > 200 && ends.client.readyState === "closing");
  const { code, initiator, error } = await closed;
  assert.deepEqual([code, initiator], [1006, "local"]);
  assert.match(error!.message, /^A streamed message made no progress for 200 ms after close\(\)/);
  await sending;
  assert.ok(tap.returned);
});

test("maxBufferedAmount counts what waits for a stream: UTF-8 bytes, and empty messages too", async () => {
  for (const [message, fit] of [["", 15], ["é".repeat(32), 7], [new Uint8Array(36), 10]] as const) {
    await using ends = pair({ client: { maxBufferedAmount: 1000 } });
    const tap = new Tap();
    const sending = assert.rejects(ends.client.sendStream(tap), ConnectionClosedError);
    for (let i = 0; i < fit; i++) assert.equal(ends.client.send(message), false);
    assert.throws(() => ends.client.send(message), /maxBufferedAmount/);
    await sending;
    assert.equal((await ends.server.closed).code, 1013);
  }
});

test("maxBufferedAmount counts a text in UTF-8, not in characters", async () => {
  await using ends = pair({ client: { maxBufferedAmount: 3000 } });
  assert.throws(() => ends.client.send("é".repeat(1501)), RangeError);
  ends.client.send("é".repeat(1500));
  assert.deepEqual(await take(ends.server, 1), ["é".repeat(1500)]);
});

test("abort() during a stream rejects it, even while its source gives nothing, and tells the source", async () => {
  await using ends = pair();
  const tap = new Tap();
  const sending = assert.rejects(ends.client.sendStream(tap), ConnectionClosedError);
  const next = new Tap();
  const second = assert.rejects(ends.client.sendStream(next), ConnectionClosedError);
  await tap.give("a");
  await tap.waits();
  ends.client.abort();
  await sending;
  await second;
  assert.ok(tap.returned && next.returned);
  assert.equal(next.asked, 0);
});

test("a peer that closes during a stream ends it, even while its source gives nothing", async () => {
  for (const how of ["close", "abort"] as const) {
    await using ends = pair();
    const tap = new Tap();
    const sending = ends.client.sendStream(tap);
    await tap.give("a");
    await tap.waits();
    void ends.server[how]();
    await assert.rejects(sending, (error: unknown) => {
      assert.ok(error instanceof ConnectionClosedError);
      assert.match(error.message, /^Cannot send the rest of the message: the peer closed the connection/);
      return true;
    });
    assert.ok(tap.returned);
  }
});

test("a ReadableStream that gives nothing is cancelled when the connection ends", async () => {
  await using ends = pair();
  let cancelled = (): void => {};
  const told = new Promise<void>((resolve) => cancelled = resolve);
  const silent = new ReadableStream<string>({
    start: (controller) => controller.enqueue("a"),
    cancel: () => cancelled(),
  });
  const sending = assert.rejects(ends.client.sendStream(silent), ConnectionClosedError);
  await ends.network.toServer.until(({ taken }) => taken > 0);
  ends.client.abort();
  await sending;
  await told;
});

test("RFC 6455, section 5.4: control frames go between the fragments, both ways", async () => {
  await using ends = pair(RECORD);
  const tap = new Tap();
  const sending = ends.client.sendStream(tap);
  await tap.give("a");
  await tap.waits();
  assert.ok(await ends.client.ping() >= 0);
  assert.ok(await ends.server.ping() >= 0);
  await tap.give("b");
  await tap.give(undefined);
  await sending;
  assert.deepEqual(await take(ends.server, 1), ["ab"]);
  assert.deepEqual(frames(ends.network.toServer).map(({ opcode }) => opcode), [
    TEXT,
    PING,
    10,
    CONTINUATION,
    CONTINUATION,
  ]);
});

test("a reader that waits stalls the sender: what lies between is bounded on both sides", async () => {
  await using ends = pair({
    client: { sendHighWaterMark: 10_000 },
    server: { receiveQueue: { messages: 4, bytes: 10_000 } },
    network: { buffer: 10_000 },
  });
  const chunk = new Uint8Array(1000);
  let given = 0;
  let stop = false;
  const sending = ends.client.sendStream((function* () {
    while (!stop) {
      given++;
      yield chunk;
    }
  })());
  const reading = ends.server.stream();
  let read = (await reading.next()).value!.length;
  for (let round = 0; round < 20; round++) {
    for (let turn = 0; turn < 20; turn++) await settled();
    const before = given;
    await settled();
    assert.equal(given, before, "the source is not asked while nobody reads");
    // A chunk more than the mark here; there, the queue and one read; in between, the network and one write.
    assert.ok(given * 1000 - read <= 11_000 + 75_000 + 75_000, `${given * 1000 - read} bytes lie between`);
    assert.ok(ends.client.bufferedAmount <= 12_000);
    while (given === before) {
      read += (await reading.next()).value!.length;
      await settled();
    }
  }
  stop = true;
  for await (const piece of reading) read += piece.length;
  await sending;
  assert.equal(read, given * 1000);
});

test("what is published during streams that follow one another goes out between them", async () => {
  await using ends = pair();
  ends.server.subscribe("news");
  const [one, two] = [new Tap(), new Tap()];
  const first = ends.server.sendStream(one);
  const second = ends.server.sendStream(two);
  await one.give("a");
  ends.publisher.publish("news", "published");
  await one.give(undefined);
  await first;
  await two.give("b");
  assert.deepEqual(await take(ends.client, 2), ["a", "published"]);
  await two.give(undefined);
  await second;
  assert.deepEqual(await take(ends.client, 1), ["b"]);
});
