import { deepEqual, equal, ok } from "node:assert/strict";
import * as ticker from "../../src/support/ticker.ts";
import type { Ticking } from "../../src/support/ticker.ts";
import { now } from "../../src/support/clock.ts";
import { withClock } from "../fake_clock.ts";
import { test } from "../harness.ts";

const places = new Map<Ticking, number>();

function join(period: number, member: Ticking): void {
  places.set(member, ticker.join(period, member));
}

function leave(period: number, member: Ticking): void {
  ticker.leave(period, member, places.get(member) ?? 0);
}

test("one timer serves all of one pace, and ends with the last of them", async () => {
  await withClock(async (clock) => {
    const log: string[] = [];
    const [a, b, other] = ["a", "b", "other"].map((name) => ({ tick: () => void log.push(name) }));
    join(100, a!);
    join(100, b!);
    equal(clock.timers, 1);
    join(50, other!);
    equal(clock.timers, 2);
    await clock.advance(100);
    deepEqual(log.sort(), ["a", "b", "other", "other"]);
    leave(100, a!);
    leave(50, other!);
    equal(clock.timers, 1);
    log.length = 0;
    await clock.advance(100);
    deepEqual(log, ["b"]);
    leave(100, b!);
    equal(clock.timers, 0);
  });
});

test("to leave twice, or without having joined, stops nobody else", async () => {
  await withClock(async (clock) => {
    let ticks = 0;
    const first = { tick: () => {} };
    const second = { tick: () => void ticks++ };
    const third = { tick: () => {} };
    leave(100, first);
    join(100, first);
    leave(100, first);
    join(100, second);
    leave(100, first);
    join(100, third);
    equal(clock.timers, 1, "the third joins the second");
    await clock.advance(100);
    equal(ticks, 1);
    leave(50, second);
    leave(100, third);
    equal(clock.timers, 1);
    leave(100, second);
    leave(100, second);
    equal(clock.timers, 0);
  });
});

test("whoever leaves, or makes another leave, within a tick, or joins, is heard at once", async () => {
  await withClock(async (clock) => {
    const log: string[] = [];
    const b = { tick: () => void log.push("b") };
    const c = { tick: () => void log.push("c") };
    const a = {
      tick() {
        log.push("a");
        leave(100, a);
        leave(100, b);
        join(100, c);
      },
    };
    join(100, a);
    join(100, b);
    await clock.advance(100);
    deepEqual(log, ["a"]);
    await clock.advance(100);
    deepEqual(log, ["a", "c"]);
    leave(100, c);
  });
});

test("tick() is told the time", async () => {
  await withClock(async (clock) => {
    const times: number[] = [];
    const start = now();
    const member = { tick: (time: number) => void times.push(time - start) };
    join(40, member);
    await clock.advance(100);
    leave(40, member);
    deepEqual(times, [40, 80]);
  });
});

test("tick() is told when three periods or more have gone by since the one before", async () => {
  await withClock(async (clock) => {
    const late: boolean[] = [];
    const member = { tick: (_: number, isLate: boolean) => void late.push(isLate) };
    join(40, member);
    await clock.advance(40);
    await clock.jump(119);
    await clock.jump(120);
    await clock.advance(40);
    leave(40, member);
    deepEqual(late, [false, false, true, false]);
  });
});

test("in real time ticks come, in whole milliseconds that never go back, until the member leaves", async () => {
  const times: number[] = [Math.round(now())];
  await new Promise<void>((resolve) => {
    const member = {
      tick(time: number) {
        times.push(time);
        if (times.length < 4) return;
        leave(5, member);
        resolve();
      },
    };
    join(5, member);
  });
  await new Promise((resolve) => setTimeout(resolve, 20));
  equal(times.length, 4);
  ok(times.every((time, index) => index === 0 || time >= times[index - 1]!));
  ok(times.every(Number.isInteger));
});
