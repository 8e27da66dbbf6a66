import { deepEqual, equal, rejects, throws } from "node:assert/strict";
import { bytesOf, type FragmentSource, sendFragments } from "../../src/connection/outgoing_stream.ts";
import { settled } from "../fake_clock.ts";
import { test } from "../harness.ts";

type Chunk = string | Uint8Array;

/** What a source is sent as. */
async function sent(source: FragmentSource): Promise<unknown[][]> {
  const fragments: unknown[][] = [];
  await sendFragments(source, (...fragment) => {
    fragments.push(fragment);
    return Promise.resolve();
  });
  return fragments;
}

/** A source that gives these results, and writes down how it is used. */
function scripted(
  log: string[],
  results: (Chunk | Error | "never")[],
  onReturn?: () => unknown,
): AsyncIterable<Chunk> {
  return {
    [Symbol.asyncIterator]: () => ({
      next() {
        log.push("next");
        const result = results.shift();
        if (result === "never") return new Promise(() => {});
        if (result instanceof Error) return Promise.reject(result);
        return Promise.resolve(
          result === undefined ? { done: true, value: undefined } : { done: false, value: result },
        );
      },
      return() {
        log.push("return");
        return Promise.resolve(onReturn?.()).then(() => ({ done: true, value: undefined }));
      },
    }),
  };
}

const nothing = (): Promise<void> => Promise.resolve();

test("RFC 6455, section 5.4: the first fragment has the type, the last one ends the message", async () => {
  deepEqual(await sent(["a", "b"]), [
    ["text", "a", true, false],
    ["text", "b", false, false],
    ["text", "", false, true],
  ]);
  deepEqual(await sent([Uint8Array.of(1)]), [
    ["binary", Uint8Array.of(1), true, false],
    ["binary", new Uint8Array(0), false, true],
  ]);
  deepEqual(await sent([]), [["binary", new Uint8Array(0), true, true]]);
  deepEqual(await sent(["", ""]), [["text", "", true, true]]);
});

test("a half of a character goes with its other half", async () => {
  deepEqual((await sent(["\ud83d", "\udc4b"])).map(([, data]) => data), ["👋", ""]);
  deepEqual((await sent(["a\ud83d"])).map(([, data]) => data), ["a", "\ud83d"]);
  const text = "x".repeat(65_535) + "👋";
  deepEqual((await sent([text])).map(([, data]) => (data as string).length), [65_535, 2, 0]);
  const bytes = new Uint8Array(200_000);
  deepEqual((await sent([bytes])).map(([, data]) => (data as Uint8Array).length), [
    65_536,
    65_536,
    65_536,
    3392,
    0,
  ]);
});

test("the source is asked for a chunk only when the one before has been sent", async () => {
  const log: string[] = [];
  let release = (): void => {};
  const sending = sendFragments(scripted(log, ["a", "b"]), () => {
    log.push("send");
    return new Promise((resolve) => release = resolve);
  });
  for (const expected of [1, 2, 3]) {
    await settled();
    deepEqual(log, ["next", "send", "next", "send", "next", "send"].slice(0, 2 * expected));
    release();
  }
  await sending;
});

test("a source that was read to its end is not told to end; one that failed by itself neither", async () => {
  const log: string[] = [];
  await sendFragments(scripted(log, ["a"]), nothing);
  const wrong = new Error("wrong");
  await rejects(sendFragments(scripted(log, ["a", wrong]), nothing), (error: unknown) => error === wrong);
  await settled();
  deepEqual(log, ["next", "next", "next", "next"]);
});

test("a source that is left is told, and whatever it says to that changes nothing", async () => {
  const wrong = new Error("cannot send");
  const answers = [
    () => undefined,
    () => new Promise(() => {}),
    () => Promise.reject(new Error("late")),
    () => {
      throw new Error("later");
    },
  ];
  for (const answer of answers) {
    const log: string[] = [];
    const sending = sendFragments(scripted(log, ["a", "b"], answer), () => Promise.reject(wrong));
    await rejects(sending, (error: unknown) => error === wrong);
    await settled();
    deepEqual(log, ["next", "return"]);
  }
  await rejects(
    sendFragments({ [Symbol.iterator]: () => ({ next: () => ({ done: false, value: "a" }) }) }, () => {
      throw wrong;
    }),
    (error: unknown) => error === wrong,
  );
});

test("stop() ends the wait for a source that gives nothing, and the next chunk is not asked for", async () => {
  const wrong = new Error("stopped");
  for (const when of ["at once", "waiting", "sending"] as const) {
    const log: string[] = [];
    let stop = (_: Error): void => {};
    const sending = sendFragments(scripted(log, when === "waiting" ? ["never"] : ["a", "b"]), async () => {
      stop(wrong);
      await settled();
    }, (stopper) => {
      stop = stopper;
      if (when === "at once") stop(wrong);
    });
    if (when === "waiting") void settled().then(() => stop(wrong));
    await rejects(sending, (error: unknown) => error === wrong);
    await settled();
    deepEqual(log, when === "at once" ? ["return"] : ["next", "return"]);
    stop(new Error("too late"));
  }
});

test("bytesOf() does not copy, and throws a TypeError for what is neither view nor buffer", () => {
  const bytes = Uint8Array.of(1, 2, 3, 4);
  equal(bytesOf(bytes), bytes);
  equal(bytesOf(bytes.buffer).buffer, bytes.buffer);
  const view = bytesOf(new DataView(bytes.buffer, 1, 2));
  deepEqual([view.buffer === bytes.buffer, view.byteOffset, view.length], [true, 1, 2]);
  for (const wrong of [7, null, {}, [1]]) throws(() => bytesOf(wrong as unknown as Uint8Array), TypeError);
});
