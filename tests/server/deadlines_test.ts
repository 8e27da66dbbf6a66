import { deepEqual, equal, ok } from "node:assert/strict";
import { type Deadline, Deadlines } from "../../src/server/deadlines.ts";
import { test } from "../harness.ts";

/** Tells when the last of this many has expired. */
class Log {
  readonly expired: string[] = [];
  readonly times: number[] = [];
  readonly #count: number;
  readonly done: Promise<void>;
  #resolve!: () => void;

  constructor(count: number) {
    this.#count = count;
    this.done = new Promise((resolve) => (this.#resolve = resolve));
  }

  due(name: string, also: () => void = () => {}): { expired(): void } {
    return {
      expired: () => {
        this.expired.push(name);
        this.times.push(performance.now());
        also();
        if (this.expired.length === this.#count) this.#resolve();
      },
    };
  }
}

test("deadlines pass in the order in which they began, none before its time, and leave no timer", async () => {
  const deadlines = new Deadlines(30);
  const log = new Log(3);
  const began = performance.now();
  deadlines.begin(log.due("a"));
  deadlines.begin(log.due("b"));
  const late = new Promise<number>((resolve) =>
    setTimeout(() => {
      resolve(performance.now());
      deadlines.begin(log.due("c"));
    }, 15)
  );
  const lateBegan = await late;
  await log.done;
  deepEqual(log.expired, ["a", "b", "c"]);
  ok(log.times[0]! >= began + 30);
  ok(log.times[2]! >= lateBegan + 30, "it has its own span");
});

test("what has ended does not expire: the first, the last, one between, and all", async () => {
  const deadlines = new Deadlines(10);
  for (
    const [ended, left] of [["a", "bcd"], ["d", "abc"], ["bc", "ad"], ["ad", "bc"], ["abc", "d"]] as const
  ) {
    const log = new Log(left.length);
    const all = new Map<string, Deadline>();
    for (const name of "abcd") all.set(name, deadlines.begin(log.due(name)));
    for (const name of ended) {
      deadlines.end(all.get(name)!);
      deadlines.end(all.get(name)!);
    }
    await log.done;
    equal(log.expired.join(""), left, `without ${ended}`);
    for (const deadline of all.values()) deadlines.end(deadline);
  }
  // Deno's sanitizer sees the timer that would be left.
  const log = new Log(1);
  const two = [deadlines.begin(log.due("a")), deadlines.begin(log.due("b"))];
  for (const deadline of two) deadlines.end(deadline);
  deepEqual(log.expired, []);
});

test("what expires may end others, and begin anew", async () => {
  const deadlines = new Deadlines(10);
  const log = new Log(3);
  deadlines.begin(log.due("a", () => {
    deadlines.end(other);
    deadlines.begin(log.due("c", () => void deadlines.begin(log.due("d"))));
  }));
  const other = deadlines.begin(log.due("b"));
  await log.done;
  deepEqual(log.expired, ["a", "c", "d"]);
});

test("a span without an end, or longer than a timer can wait for, does not pass at once", async () => {
  for (const span of [Infinity, 2 ** 31, 2 ** 40]) {
    const log = new Log(1);
    const deadlines = new Deadlines(span);
    const deadline = deadlines.begin(log.due("a"));
    await new Promise((resolve) => setTimeout(resolve, 20));
    deepEqual(log.expired, [], String(span));
    deadlines.end(deadline);
  }
});
