/** The whole path, from the opening handshake to the handler, by fast-check: whatever meets on it, the joints hold. */
import assert from "node:assert/strict";
import process from "node:process";
import fc from "fast-check";
import { LiveConnection } from "../../src/connection/live_connection.ts";
import type { Message } from "../../mod.ts";
import { withClock } from "../fake_clock.ts";
import { amount, test } from "../harness.ts";
import { LARGEST_MESSAGE, type Plan, plans } from "./joints/plan.ts";
import { decoded, Scene, turn } from "./joints/scene.ts";

const SEED = 6455;
const RUNS = amount(400, 60);

/** What nobody caught, while something runs. */
async function nothingOutside(run: () => Promise<void>): Promise<void> {
  const outside: unknown[] = [];
  const listener = (error: unknown): void => void outside.push(error);
  // What an `error` hook throws itself is printed.
  const { error: print } = console;
  console.error = () => {};
  process.on("unhandledRejection", listener);
  process.on("uncaughtException", listener);
  try {
    await run();
    await turn();
  } finally {
    console.error = print;
    process.off("unhandledRejection", listener);
    process.off("uncaughtException", listener);
  }
  assert.deepEqual(outside, [], "nothing is thrown or rejected outside");
}

/** Every timer that begins has ended, or been taken back. */
async function noTimerLeft(run: () => Promise<void>): Promise<void> {
  const { setTimeout: set, clearTimeout: clear } = globalThis;
  const running = new Map<unknown, string>();
  globalThis.setTimeout = ((call: () => void, milliseconds: number) => {
    const timer: unknown = set(() => {
      running.delete(timer);
      call();
    }, milliseconds);
    running.set(timer, `${milliseconds} ms`);
    return timer;
  }) as never;
  globalThis.clearTimeout = ((timer: never) => {
    running.delete(timer);
    clear(timer);
  }) as never;
  try {
    await run();
  } finally {
    Object.assign(globalThis, { setTimeout: set, clearTimeout: clear });
  }
  assert.deepEqual([...running.values()].filter((each) => each !== "0 ms"), [], "no timer is left");
}

/** Counts what the connections decode, which they tell nobody. */
async function counting(run: () => Promise<void>): Promise<void> {
  const { message } = LiveConnection.prototype;
  LiveConnection.prototype.message = function (data: Message, last: boolean): void {
    const size = typeof data === "string" ? data.length : data.byteLength;
    decoded.set(this.socket, (decoded.get(this.socket) ?? 0) + size);
    message.call(this, data, last);
  };
  try {
    await run();
  } finally {
    LiveConnection.prototype.message = message;
  }
}

async function holds(played: readonly Plan[]): Promise<void> {
  await nothingOutside(() =>
    noTimerLeft(() =>
      counting(() =>
        withClock(async (clock) => {
          // Those that are there at once use the same memory.
          await Promise.all(played.map((plan) => new Scene(plan, clock).play()));
        })
      )
    )
  );
}

test("from the opening handshake to the handler: one connection, whatever its peer, its application and its network do", async () => {
  await fc.assert(fc.asyncProperty(plans, (plan) => holds([plan])), {
    seed: SEED,
    endOnFailure: true,
    numRuns: RUNS,
  });
});

test("from the opening handshake to the handler: a flood behind messages that came early, for who is slow or takes none", async () => {
  const flooding = fc.tuple(plans, fc.integer({ min: 100, max: 300 }), fc.boolean()).map((
    [plan, count, some],
  ): Plan => ({
    ...plan,
    over: "memory",
    messages: Array.from({ length: count }, (_, index) => ({
      text: true,
      size: index < plan.early ? 1 : LARGEST_MESSAGE,
      fragments: 1,
      compressed: plan.compression,
      ping: false,
    })),
    largest: 20_000 + plan.largest,
    handler: some ? "takes none" : plan.handler,
    acts: ["wait"],
  }));
  await fc.assert(fc.asyncProperty(flooding, (plan) => holds([plan])), {
    seed: SEED,
    endOnFailure: true,
    numRuns: amount(100, 20),
  });
});

test("from the opening handshake to the handler: connections over streams that keep what is written, side by side", async () => {
  const talkative = plans.map((plan): Plan => ({
    ...plan,
    over: "stream",
    upgrade: "absent",
    handler: "callbacks",
    acts: ["send", "send", "wait"],
    end: "Close",
    // A standstill of one is one of all, and more than a heartbeat's when there are several in a row.
    stalls: [],
  }));
  const together = fc.array(talkative, { minLength: 2, maxLength: 4 });
  await fc.assert(fc.asyncProperty(together, holds), {
    seed: SEED,
    endOnFailure: true,
    numRuns: amount(50, 10),
  });
});
