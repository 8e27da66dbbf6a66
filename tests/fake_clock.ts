/** Time as a test has it. */
import { type Clock, setClock } from "../src/support/clock.ts";

interface Timer {
  readonly period: number;
  readonly call: () => void;
  due: number;
}

/** A clock that only moves when told to. */
export class FakeClock implements Clock {
  readonly #timers: Set<Timer> = new Set();
  #now = 5000;

  now(): number {
    return this.#now;
  }

  every(period: number, call: () => void): () => void {
    const timer = { period, call, due: this.#now + period };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  }

  /** How many timers run. */
  get timers(): number {
    return this.#timers.size;
  }

  /** Milliseconds go by; what happens in microtasks has its time after each. */
  async advance(milliseconds: number): Promise<void> {
    for (let step = 0; step < milliseconds; step++) {
      this.#now++;
      this.#ring();
      await settled();
    }
  }

  /** Milliseconds go by in which nothing runs, as when the machine slept; then each timer that is due runs once. */
  async jump(milliseconds: number): Promise<void> {
    this.#now += milliseconds;
    this.#ring();
    await settled();
  }

  #ring(): void {
    for (const timer of this.#timers) {
      if (timer.due > this.#now) continue;
      timer.due = this.#now + timer.period;
      timer.call();
    }
  }
}

/** Gives a test its own time. All that began in it must have ended with it. */
export async function withClock(use: (clock: FakeClock) => Promise<void>): Promise<void> {
  const clock = new FakeClock();
  setClock(clock);
  try {
    await use(clock);
  } finally {
    setClock();
  }
  if (clock.timers > 0) throw new Error(`${clock.timers} timers still run.`);
}

/** Lets everything happen that waits for nothing from outside: in memory, all happens in microtasks. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 60; turn++) await Promise.resolve();
}
