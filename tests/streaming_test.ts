/** Messages that are not held whole: sendStream() and stream(). */
import assert from "node:assert/strict";
import { type Connection, ConnectionClosedError, type Message, ProtocolError } from "../mod.ts";
import { type Flow, pair, type PairOptions } from "../src/testing/mod.ts";
import { settled } from "./fake_clock.ts";
import { test } from "./harness.ts";
import { bytesOf, type Frame, frame, noise, parseFrames, sameBytes } from "./protocol/frames.ts";
import { pattern, PatternReader } from "./transport/support.ts";

const [CONTINUATION, TEXT, BINARY, CLOSE, PING] = [0, 1, 2, 8, 9];
const MASK = [7, 5, 3, 1];

type Chunk = string | Uint8Array;

async function take(socket: Connection<unknown>, count: number): Promise<Message[]> {
  const messages: Message[] = [];
  for await (const message of socket) if (messages.push(message) === count) break;
  return messages;
}

async function pieces(socket: Connection<unknown>): Promise<Message[]> {
  const all: Message[] = [];
  for await (const piece of socket.stream()) all.push(piece);
  return all;
}

async function* later(...chunks: Chunk[]): AsyncGenerator<Chunk, void, undefined> {
  for (const chunk of chunks) {
    await Promise.resolve();
    yield chunk;
  }
}

/** A source that gives what the test puts into it, and knows whether more is wanted. */
class Tap implements AsyncIterable<Chunk> {
  returned = false;
  asked = 0;
  #give: ((result: IteratorResult<Chunk, undefined>) => void) | undefined;
  #asking = (): void => {};

  /** Gives a chunk, when it is asked for; `undefined` ends the source. */
  async give(chunk: Chunk | undefined): Promise<void> {
    await this.waits();
    const give = this.#give!;
    this.#give = undefined;
    give(chunk === undefined ? { done: true, value: undefined } : { done: false, value: chunk });
  }

  /** Resolves when a chunk is waited for. */
  async waits(): Promise<void> {
    while (this.#give === undefined) await new Promise<void>((resolve) => this.#asking = resolve);
  }

  [Symbol.asyncIterator](): AsyncIterator<Chunk> {
    return {
      next: () => {
        this.asked++;
        return new Promise((resolve) => {
          this.#give = resolve;
          this.#asking();
        });
      },
      return: () => {
        this.returned = true;
        return Promise.resolve({ done: true, value: undefined });
      },
    };
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

test("what is no source rejects with a TypeError", async () => {
  for (const wrong of [undefined, null, 7, "text", {}]) {
    await using ends = pair();
    await assert.rejects(ends.client.sendStream(wrong as unknown as string[]), TypeError);
  }
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

test("a ReadableStream that errors, or is left, is let go of", async () => {
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
  assert.throws(() => ends.client.send("too late"), ConnectionClosedError);
  await assert.rejects(ends.client.sendStream([]), ConnectionClosedError);
  await tap.give("b");
  await tap.give(undefined);
  await sending;
  assert.deepEqual(await take(ends.server, 3), ["ab", "accepted"]);
  assert.equal((await closed).code, 4000);
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
