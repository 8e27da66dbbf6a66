import { deepEqual, equal, ok, rejects, throws } from "node:assert/strict";
import { test } from "../harness.ts";
import type { CallbacksOf } from "../../src/connection/handler.ts";
import type { Message } from "../../src/connection/message.ts";
import { ReceivedMessages } from "../../src/connection/received_messages.ts";
import type { Close } from "../../src/protocol/errors.ts";

const CLOSE: Close = { code: 1000, reason: "bye", wasClean: true, initiator: "remote" };
// The queue hands its connection on, and never looks at it.
const SOCKET = "the connection";

// Bytes that a message may have.
const LIMIT = 100;

interface Subject {
  readonly queue: ReceivedMessages<string>;
  /** What the queue asked of its owner. */
  readonly asked: string[];
  readonly errors: unknown[];
}

function subject(mark: { messages?: number; bytes?: number } = {}): Subject {
  const asked: string[] = [];
  const errors: unknown[] = [];
  const queue = new ReceivedMessages<string>({
    socket: SOCKET,
    settings: { receiveQueue: { messages: 16, bytes: 1000, ...mark } },
    pauseReading: () => void asked.push("pause"),
    resumeReading: () => void asked.push("resume"),
    streamFromNowOn: () => void asked.push("stream"),
    handlerFailed: (error) => void errors.push(error),
    mayHold: (size) => size <= LIMIT,
    closedError: () => new Error("ended"),
  });
  return { queue, asked, errors };
}

/** Lets all that waits for promises go on. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
}

/** Promises that the test settles, in the order they were made. */
class Gates {
  readonly #open: { resolve: () => void; reject: (error: unknown) => void }[] = [];

  make(): Promise<void> {
    return new Promise((resolve, reject) => this.#open.push({ resolve, reject }));
  }

  async open(error?: unknown): Promise<void> {
    const gate = this.#open.shift();
    ok(gate !== undefined, "nothing waits");
    if (error === undefined) gate.resolve();
    else gate.reject(error);
    await settle();
  }
}

/** Callbacks that write down their calls. */
function recording(log: string[]): Required<CallbacksOf<string>> {
  return {
    open: () => void log.push("open"),
    message: (_, message) => void log.push(`message ${message}`),
    close: (_, { code }) => void log.push(`close ${code}`),
  };
}

test("RFC 6455, section 6.2: callbacks get every message at once and in order", () => {
  const { queue, asked } = subject();
  const log: string[] = [];
  queue.deliverTo(recording(log));
  for (let i = 0; i < 100; i++) {
    queue.push(`${i}`, true);
    equal(log.at(-1), `message ${i}`);
  }
  queue.end(CLOSE);
  deepEqual(log, ["open", ...Array.from({ length: 100 }, (_, i) => `message ${i}`), "close 1000"]);
  deepEqual(asked, []);
});

test("RFC 6455, section 6.2: callbacks are called on their object, with the connection", () => {
  const { queue } = subject();
  const calls: unknown[][] = [];
  const callbacks: CallbacksOf<string> = {
    open(socket) {
      calls.push([this, socket]);
    },
    message(socket, message) {
      calls.push([this, socket, message]);
    },
    close(socket, close) {
      calls.push([this, socket, close]);
    },
  };
  const bytes = Uint8Array.of(1);
  queue.deliverTo(callbacks);
  queue.push(bytes, true);
  queue.end(CLOSE);
  equal(calls.length, 3);
  for (const call of calls) ok(call[0] === callbacks && call[1] === SOCKET);
  equal(calls[1]![2], bytes);
  equal(calls[2]![2], CLOSE);
});

test("RFC 6455, section 6.2: an asynchronous callback is awaited before the next message", async () => {
  const { queue } = subject();
  const log: string[] = [];
  const gates = new Gates();
  queue.deliverTo({
    ...recording(log),
    message: async (_, message) => {
      log.push(`begin ${message}`);
      await gates.make();
      log.push(`end ${message}`);
    },
  });
  for (const message of ["a", "b", "c"]) queue.push(message, true);
  queue.end(CLOSE);
  await settle();
  const expected = ["open", "begin a"];
  deepEqual(log, expected);
  for (const [message, next] of [["a", "begin b"], ["b", "begin c"], ["c", "close 1000"]] as const) {
    await gates.open();
    expected.push(`end ${message}`, next);
    deepEqual(log, expected);
  }
  await settle();
  deepEqual(log, expected);
});

test("RFC 6455, section 6.2: asynchronous and synchronous answers may alternate", async () => {
  const { queue } = subject();
  const log: string[] = [];
  const gates = new Gates();
  queue.deliverTo({
    ...recording(log),
    message: (_, message) => {
      log.push(`message ${message}`);
      return message === "b" || message === "d" ? gates.make() : message;
    },
  });
  for (const message of ["a", "b", "c", "d"]) queue.push(message, true);
  deepEqual(log, ["open", "message a", "message b"]);
  await gates.open();
  queue.push("e", true);
  deepEqual(log.slice(3), ["message c", "message d"]);
  await gates.open();
  queue.push("f", true);
  deepEqual(log.slice(5), ["message e", "message f"]);
});

test("RFC 6455, section 4.1: messages and the end wait for open", async () => {
  const { queue } = subject();
  const log: string[] = [];
  const gates = new Gates();
  queue.deliverTo({ ...recording(log), open: () => gates.make() });
  queue.push("a", true);
  queue.push("b", true);
  queue.end(CLOSE);
  await settle();
  deepEqual(log, []);
  await gates.open();
  deepEqual(log, ["message a", "message b", "close 1000"]);
});

test("RFC 6455, section 6.2: callbacks that are not there are not missed", async () => {
  const { queue, asked, errors } = subject({ messages: 2 });
  queue.deliverTo({});
  for (let i = 0; i < 10; i++) queue.push("dropped", true);
  queue.end(CLOSE);
  const opening = subject({ messages: 2 });
  const gates = new Gates();
  opening.queue.deliverTo({ open: () => gates.make() });
  opening.queue.push("a", true);
  opening.queue.push("b", true);
  await gates.open();
  deepEqual(opening.asked, ["pause", "resume"]);
  deepEqual([...asked, ...errors], []);
});

test("RFC 6455, section 6.2: messages that came before the callbacks are not lost, nor is their order", () => {
  const { queue } = subject();
  const log: string[] = [];
  queue.push("a", true);
  queue.deliverTo(recording(log));
  deepEqual(log, ["open", "message a"]);
  queue.push("b", true);
  deepEqual(log, ["open", "message a", "message b"]);
});

test("RFC 6455, section 7.1.4: close is called once, also when it is asynchronous", async () => {
  for (const asynchronous of [false, true]) {
    const { queue } = subject();
    const gates = new Gates();
    let calls = 0;
    queue.deliverTo({ close: () => (calls++, asynchronous ? gates.make() : undefined) });
    queue.end(CLOSE);
    if (asynchronous) await gates.open();
    await settle();
    equal(calls, 1);
  }
});

test("RFC 6455, section 7.1.7: what a callback throws is reported, and later messages still come", () => {
  const { queue, errors } = subject();
  const log: string[] = [];
  const [inOpen, inMessage, inClose] = [new Error("open"), "a string", new Error("close")];
  queue.deliverTo({
    open: () => {
      throw inOpen;
    },
    message: (_, message) => {
      log.push(`message ${message}`);
      if (message === "a") throw inMessage;
    },
    close: () => {
      log.push("close");
      throw inClose;
    },
  });
  queue.push("a", true);
  queue.push("b", true);
  queue.end(CLOSE);
  deepEqual(log, ["message a", "message b", "close"]);
  deepEqual(errors, [inOpen, inMessage, inClose]);
});

test("RFC 6455, section 7.1.7: a promise that rejects is reported, and later messages still come", async () => {
  const { queue, errors } = subject();
  const log: string[] = [];
  const gates = new Gates();
  const wait = (): Promise<void> => gates.make();
  queue.deliverTo({
    open: wait,
    message: (_, message) => (log.push(`message ${message}`), gates.make()),
    close: () => (log.push("close"), gates.make()),
  });
  queue.push("a", true);
  queue.push("b", true);
  queue.end(CLOSE);
  for (const error of ["open", "a", "b", "close"]) await gates.open(error);
  deepEqual(errors, ["open", "a", "b", "close"]);
  deepEqual(log, ["message a", "message b", "close"]);
});

test("RFC 6455, section 7.1.7: whatever a callback gives back, nothing is thrown at the socket", async () => {
  const broken = (): never => {
    throw new Error("then");
  };
  const hostile: unknown[] = [
    { then: broken },
    Object.defineProperty({}, "then", { get: broken }),
    { then: (done: () => void) => (done(), done()) },
    { then: (done: () => void, fail: (error: unknown) => void) => (done(), fail("late")) },
  ];
  for (const result of [...hostile, null, 1, "then", {}, { then: 1 }, Symbol.iterator]) {
    const { queue, errors } = subject();
    const log: unknown[] = [];
    let inside = 0;
    queue.deliverTo({
      message: (_, message) => {
        log.push(message);
        if (message === "a") return result;
        equal(++inside, 1, "one at a time");
        return Promise.resolve().then(() => Promise.resolve()).then(() => void inside--);
      },
      close: () => void log.push("close"),
    });
    for (const message of ["a", "b", "c"]) queue.push(message, true);
    queue.end(CLOSE);
    await settle();
    await settle();
    deepEqual(log, ["a", "b", "c", "close"]);
    equal(errors.length, result === hostile[0] || result === hostile[1] ? 1 : 0);
  }
});

for (const [what, mark] of [["messages", { messages: 3 }], ["bytes", { bytes: 9 }]] as const) {
  test(`RFC 6455, section 10.4: reading stops when ${what} wait up to the mark, and goes on below it`, async () => {
    const { queue, asked } = subject(mark);
    const iterator = queue.iterate();
    queue.push("abc", true);
    queue.push(Uint8Array.of(1, 2, 3), true);
    deepEqual(asked, []);
    queue.push("def", true);
    deepEqual(asked, ["pause"]);
    queue.push("more of the same chunk", true);
    deepEqual(asked, ["pause"]);
    await iterator.next();
    deepEqual(asked, ["pause"], "still full");
    await iterator.next();
    if (what === "bytes") await iterator.next();
    if (what === "bytes") await iterator.next();
    deepEqual(asked, ["pause", "resume"]);
    queue.push("x", true);
    if (what === "bytes") queue.push("12345678", true);
    deepEqual(asked, ["pause", "resume", "pause"]);
  });
}

test("RFC 6455, section 10.4: one message beyond the mark in bytes stops reading by itself", async () => {
  const { queue, asked } = subject({ bytes: 10 });
  queue.push("x".repeat(11), true);
  deepEqual(asked, ["pause"]);
  await queue.iterate().next();
  deepEqual(asked, ["pause", "resume"]);
});

test("RFC 6455, section 10.4: reading stops too while an asynchronous callback is behind", async () => {
  const { queue, asked } = subject({ messages: 2 });
  const gates = new Gates();
  queue.deliverTo({ message: () => gates.make() });
  queue.push("at work", true);
  queue.push("a", true);
  deepEqual(asked, []);
  queue.push("b", true);
  deepEqual(asked, ["pause"]);
  await gates.open();
  deepEqual(asked, ["pause", "resume"]);
  await gates.open();
  await gates.open();
  deepEqual(asked, ["pause", "resume"]);
});

test("RFC 6455, section 10.4: a message that somebody waits for does not count", async () => {
  const { queue, asked } = subject({ messages: 1 });
  const iterator = queue.iterate();
  for (let i = 0; i < 5; i++) {
    const next = iterator.next();
    queue.push(`${i}`, true);
    deepEqual(await next, { done: false, value: `${i}` });
  }
  deepEqual(asked, []);
});

test("RFC 6455, section 7.1.3: behind our Close frame reading goes on, and what no longer fits is dropped", async () => {
  const { queue, asked } = subject({ messages: 2 });
  queue.push("a", true);
  queue.push("b", true);
  deepEqual(asked, ["pause"]);
  queue.closing();
  deepEqual(asked, ["pause", "resume"]);
  queue.push("dropped", true);
  const iterator = queue.iterate();
  deepEqual(await iterator.next(), { done: false, value: "a" });
  queue.push("c", true);
  queue.push("dropped", true);
  queue.end(CLOSE);
  equal(asked.filter((what) => what === "pause").length, 1);
  const rest: Message[] = [];
  for await (const message of iterator) rest.push(message);
  deepEqual(rest, ["b", "c"]);
});

test("RFC 6455, section 7.1.3: a queue that was not full is not resumed at our Close frame", () => {
  const { queue, asked } = subject({ messages: 2 });
  queue.push("a", true);
  queue.closing();
  deepEqual(asked, []);
  queue.push("b", true);
  deepEqual(asked, []);
});

test("RFC 6455, section 6.2: an iterator takes what came before it and what comes after", async () => {
  const { queue } = subject();
  queue.push("a", true);
  queue.push("", true);
  const iterator = queue.iterate();
  equal(iterator[Symbol.asyncIterator](), iterator);
  deepEqual(await iterator.next(), { done: false, value: "a" });
  deepEqual(await iterator.next(), { done: false, value: "" });
  const next = iterator.next();
  queue.push(new Uint8Array(0), true);
  deepEqual(await next, { done: false, value: new Uint8Array(0) });
});

test("RFC 6455, section 6.2: several calls of next() are answered in their order", async () => {
  const { queue } = subject();
  const [one, two] = [queue.iterate(), queue.iterate()];
  const results = [one.next(), two.next(), one.next(), one.next(), two.next()];
  queue.push("a", true);
  queue.push("b", true);
  queue.push("c", true);
  queue.end(CLOSE);
  const done = { done: true, value: undefined };
  deepEqual(await Promise.all(results), [
    ...["a", "b", "c"].map((value) => ({ done: false, value })),
    done,
    done,
  ]);
  deepEqual(await one.next(), done);
});

test("RFC 6455, section 6.2: leaving a loop loses nothing, and a later loop goes on", async () => {
  const { queue } = subject();
  for (const message of ["a", "b", "c", "d"]) queue.push(message, true);
  const seen: unknown[] = [];
  for await (const message of queue.iterate()) {
    seen.push(message);
    if (message === "b") break;
  }
  queue.push("e", true);
  const throwing = async (): Promise<void> => {
    for await (const message of queue.iterate()) {
      seen.push(message);
      throw new Error("left");
    }
  };
  await rejects(throwing, /left/);
  queue.end(CLOSE);
  for await (const message of queue.iterate()) seen.push(message);
  deepEqual(seen, ["a", "b", "c", "d", "e"]);
  deepEqual(await queue.iterate().next(), { done: true, value: undefined });
});

test("RFC 6455, section 7.1.4: what waits at the end is still taken, then the loop is over", async () => {
  const { queue } = subject();
  queue.push("a", true);
  queue.end(CLOSE);
  const iterator = queue.iterate();
  deepEqual(await iterator.next(), { done: false, value: "a" });
  deepEqual(await iterator.next(), { done: true, value: undefined });
  deepEqual(await iterator.return?.(), { done: true, value: undefined });
});

test("RFC 6455, section 6.2: a connection that was given to callbacks cannot be iterated", () => {
  const { queue } = subject();
  queue.deliverTo({});
  throws(() => queue.iterate(), { name: "TypeError", message: /has callbacks/ });
});

test("RFC 6455, section 10.4: a queue that is never empty does not grow", async () => {
  const { queue } = subject({ messages: 8 });
  const iterator = queue.iterate();
  const marker = new Uint8Array(1);
  let longest = 0;
  const { push } = Array.prototype;
  Array.prototype.push = function (this: unknown[], ...items: unknown[]): number {
    const length = push.apply(this, items);
    if ((items[0] as { data?: unknown } | undefined)?.data === marker) longest = Math.max(longest, length);
    return length;
  };
  try {
    queue.push(marker, true);
    for (let i = 0; i < 5000; i++) {
      queue.push(marker, true);
      equal((await iterator.next()).value, marker);
    }
  } finally {
    Array.prototype.push = push;
  }
  ok(longest > 0 && longest < 200, `2 messages wait in ${longest} places`);
});
