/** The queue when messages come in pieces: who gets which, and that none is mistaken for a message. */
import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import type { Message } from "../../src/connection/message.ts";
import { ReceivedMessages } from "../../src/connection/received_messages.ts";
import type { Close } from "../../src/protocol/errors.ts";
import { settled } from "../fake_clock.ts";
import { test } from "../harness.ts";

const CLOSE: Close = { code: 1000, reason: "", wasClean: true, initiator: "remote" };
const DONE = { done: true, value: undefined };

interface Subject {
  readonly queue: ReceivedMessages<unknown>;
  readonly asked: string[];
  /** Takes messages in pieces from now on, as after a first stream(). */
  cut(): Promise<void>;
  /** Gives the pieces of one message; the last one ends it unless told otherwise. */
  give(pieces: Message[], ends?: boolean): void;
}

function subject({ messages = 16, bytes = 1000, limit = 100 } = {}): Subject {
  const asked: string[] = [];
  const queue = new ReceivedMessages<unknown>({
    socket: undefined,
    settings: { receiveQueue: { messages, bytes } },
    pauseReading: () => void asked.push("pause"),
    resumeReading: () => void asked.push("resume"),
    streamFromNowOn: () => void asked.push("stream"),
    handlerFailed: () => {},
    mayHold(size) {
      if (size > limit) asked.push(`${size} is too much`);
      return size <= limit;
    },
    closedError: () => new Error("ended"),
  });
  return {
    queue,
    asked,
    async cut() {
      queue.push("first", true);
      await queue.pieces().next();
      asked.length = 0;
    },
    give: (pieces, ends = true) =>
      pieces.forEach((piece, index) => queue.push(piece, ends && index === pieces.length - 1)),
  };
}

async function all(pieces: AsyncIterable<Message>): Promise<Message[]> {
  const result: Message[] = [];
  for await (const piece of pieces) result.push(piece);
  return result;
}

test("pieces are put together for a loop: those that are here, those to come, text and bytes", async () => {
  const { queue, give, cut } = subject();
  await cut();
  const messages = queue.iterate();
  give(["a", "b", "c"]);
  give(["whole"]);
  deepEqual((await messages.next()).value, "abc");
  deepEqual((await messages.next()).value, "whole");
  give([Uint8Array.of(1), Uint8Array.of(2, 3)], false);
  const next = messages.next();
  give([new Uint8Array(0), Uint8Array.of(4)]);
  deepEqual(await next, { done: false, value: Uint8Array.of(1, 2, 3, 4) });
  give(["", "", ""]);
  deepEqual((await messages.next()).value, "");
});

test("whoever waits for a message gets all of its pieces, and the next in line the next message", async () => {
  const { queue, give, cut } = subject();
  await cut();
  const [one, two] = [queue.iterate(), queue.iterate()];
  const results = [one.next(), two.next(), one.next()];
  give(["a", "b"]);
  give(["c", "d", "e"]);
  give(["f"]);
  deepEqual((await Promise.all(results)).map(({ value }) => value), ["ab", "cde", "f"]);
});

test("a message that is waited for when stream() is called goes to whoever waits, the next one to the stream", async () => {
  const { queue, give } = subject();
  const waiting = queue.iterate().next();
  const stream = all(queue.pieces());
  give(["a", "b"]);
  give(["c", "d"]);
  equal((await waiting).value, "ab");
  deepEqual(await stream, ["c", "d"]);
});

test("while a stream has a message, others wait for the next one, in their order", async () => {
  const { queue, give } = subject();
  const stream = queue.pieces();
  const first = stream.next();
  give(["a"], false);
  equal((await first).value, "a");
  const [one, two] = [queue.iterate().next(), queue.iterate().next()];
  give(["b", "c"]);
  give(["d", "e"]);
  await settled();
  deepEqual(await all(stream), ["b", "c"]);
  equal((await one).value, "de");
  give(["f"]);
  equal((await two).value, "f");
});

test("a stream that is left gives the next message to those who wait", async () => {
  for (const late of [false, true]) {
    const { queue, give } = subject();
    const stream = queue.pieces();
    give(["a"], false);
    await stream.next();
    const next = queue.iterate().next();
    if (!late) give(["b", "c"]);
    if (!late) give(["d"]);
    await stream.return();
    if (late) give(["b", "c"]);
    if (late) give(["d"]);
    equal((await next).value, "d");
  }
});

test("the end comes to all who wait: a loop is done, a stream throws", async () => {
  const { queue, give } = subject();
  const stream = queue.pieces();
  give(["a"], false);
  await stream.next();
  const [piece, next] = [stream.next(), queue.iterate().next()];
  queue.end(CLOSE);
  await rejects(piece, /ended/);
  deepEqual(await next, DONE);
  await rejects(queue.pieces().next(), /ended/);
  deepEqual(await queue.iterate().next(), DONE);
});

test("what waits at the end is still taken; what is left of a message is none", async () => {
  const { queue, give, cut } = subject();
  await cut();
  give(["a", "b"]);
  give(["c", "d"], false);
  queue.end(CLOSE);
  const messages = queue.iterate();
  deepEqual(await messages.next(), { done: false, value: "ab" });
  deepEqual(await messages.next(), DONE);
  const streamed = subject();
  streamed.give(["e"], false);
  streamed.queue.end(CLOSE);
  const stream = streamed.queue.pieces();
  equal((await stream.next()).value, "e");
  await rejects(stream.next(), /ended/);
});

test("a whole message may not pass the limit: however it is cut, whether it is here or comes", async () => {
  for (
    const pieces of [["x".repeat(101)], ["x".repeat(60), "é".repeat(20), "x"], [
      "x".repeat(60),
      "x".repeat(60),
      "x",
    ]]
  ) {
    for (const late of [false, true]) {
      const { queue, asked, give, cut } = subject();
      await cut();
      const messages = queue.iterate();
      if (!late) give(pieces);
      if (!late) give(["next"]);
      const [result, other] = [messages.next(), messages.next()];
      if (late) give(pieces);
      queue.end(CLOSE);
      deepEqual(await result, DONE);
      deepEqual(await other, DONE);
      deepEqual(asked.length, 1);
      deepEqual(await messages.next(), DONE, "neither the rest nor what follows is given out");
    }
  }
  const { queue, asked, give, cut } = subject();
  await cut();
  give(["x".repeat(60), "x".repeat(40)]);
  equal(((await queue.iterate().next()).value as string).length, 100);
  deepEqual(asked, []);
});

test("the limit is not the stream's", async () => {
  const { queue, asked, give } = subject();
  give(["x".repeat(99), "x".repeat(99)]);
  equal((await all(queue.pieces())).join("").length, 198);
  deepEqual(asked, ["stream"]);
});

test("RFC 6455, section 10.4: pieces count as messages do: reading stops at the mark, and goes on below it", async () => {
  const { queue, asked, give } = subject({ messages: 2 });
  const stream = queue.pieces();
  const first = stream.next();
  give(["a", "b", "c"], false);
  deepEqual(asked, ["stream", "pause"]);
  equal((await first).value, "a");
  equal((await stream.next()).value, "b");
  deepEqual(asked, ["stream", "pause", "resume"]);
  ok(!queue.paused);
});

test("RFC 6455, section 7.1.3: behind our Close frame a message finds room with all its pieces, or is dropped with all", async () => {
  const { queue, give, cut } = subject({ messages: 3 });
  await cut();
  queue.closing();
  give(["a"]);
  give(["b", "c", "dropped", "dropped"]);
  give(["d", "e"]);
  give(["dropped"]);
  queue.end(CLOSE);
  deepEqual(await all(queue.iterate()), ["a", "de"]);
});

test("RFC 6455, section 7.1.3: when all that waited is dropped, whoever waits next gets the next message", async () => {
  const { queue, give, cut } = subject({ messages: 2 });
  await cut();
  queue.closing();
  give(["dropped", "dropped", "dropped"]);
  const waiting = queue.iterate().next();
  give(["next"]);
  deepEqual(await waiting, { done: false, value: "next" });
});

test("RFC 6455, section 7.1.3: a stream whose message is dropped behind our Close frame throws; the next message is whole", async () => {
  const { queue, give } = subject({ messages: 2 });
  const stream = queue.pieces();
  give(["a"], false);
  equal((await stream.next()).value, "a");
  queue.closing();
  give(["b", "c", "d", "e"]);
  give(["next"]);
  await rejects(stream.next(), /ended/);
  deepEqual((await queue.iterate().next()).value, "next");
  const waiting = queue.iterate().next();
  give(["one", " more"]);
  deepEqual((await waiting).value, "one more");
  const other = subject({ messages: 2 });
  const second = other.queue.pieces();
  other.give(["a"], false);
  await second.next();
  other.queue.closing();
  other.give(["b", "c"]);
  other.give(["dropped", "dropped"]);
  deepEqual(await all(second), ["b", "c"]);
});
