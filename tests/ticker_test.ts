import { deepEqual, equal, ok } from "node:assert/strict";
import { every, now } from "../src/ticker.ts";
import { withClock } from "./fake_clock.ts";
import { test } from "./harness.ts";

test("one timer serves all of one pace, and ends with the last of them", async () => {
  await withClock(async (clock) => {
    const log: string[] = [];
    const stops = ["a", "b"].map((name) => every(100, { tick: () => void log.push(name) }));
    equal(clock.timers, 1);
    const other = every(50, { tick: () => void log.push("other") });
    equal(clock.timers, 2);
    await clock.advance(100);
    deepEqual(log.sort(), ["a", "b", "other", "other"]);
    stops[0]!();
    other();
    equal(clock.timers, 1);
    log.length = 0;
    await clock.advance(100);
    deepEqual(log, ["b"]);
    stops[1]!();
    equal(clock.timers, 0);
  });
});

test("to stop twice stops nobody else, not even one that began meanwhile", async () => {
  await withClock(async (clock) => {
    let ticks = 0;
    const first = every(100, { tick: () => {} });
    first();
    const second = every(100, { tick: () => void ticks++ });
    first();
    const third = every(100, { tick: () => {} });
    equal(clock.timers, 1, "the third joins the second");
    await clock.advance(100);
    equal(ticks, 1);
    third();
    second();
    second();
    equal(clock.timers, 0);
  });
});

test("whoever stops itself or another within a tick, or begins anew, is heard at once", async () => {
  await withClock(async (clock) => {
    const log: string[] = [];
    let stopB = (): void => {};
    let stopC = (): void => {};
    const stopA = every(100, {
      tick() {
        log.push("a");
        stopA();
        stopB();
        stopC = every(100, { tick: () => void log.push("c") });
      },
    });
    stopB = every(100, { tick: () => void log.push("b") });
    await clock.advance(100);
    deepEqual(log, ["a"]);
    await clock.advance(100);
    deepEqual(log, ["a", "c"]);
    stopC();
  });
});

test("tick() is told the time", async () => {
  await withClock(async (clock) => {
    const times: number[] = [];
    const start = now();
    const stop = every(40, { tick: (time) => void times.push(time - start) });
    await clock.advance(100);
    stop();
    deepEqual(times, [40, 80]);
  });
});

test("in real time ticks come, with a time that never goes back, until stopped", async () => {
  const times: number[] = [now()];
  await new Promise<void>((resolve) => {
    const stop = every(5, {
      tick(time) {
        times.push(time);
        if (times.length < 4) return;
        stop();
        resolve();
      },
    });
  });
  await new Promise((resolve) => setTimeout(resolve, 20));
  equal(times.length, 4);
  ok(times.every((time, index) => index === 0 || time >= times[index - 1]!));
});
