/**
 * The time.
 *
 * @module
 */

/** A source of time. */
export interface Clock {
  /** Monotonic milliseconds. */
  now(): number;
  /** Calls back every `period` milliseconds. Returns a function that ends it. */
  every(period: number, call: () => void): () => void;
}

const realClock: Clock = {
  now: () => performance.now(),
  every(period, call) {
    const timer = setInterval(call, period);
    return () => clearInterval(timer);
  },
};

let clock: Clock = realClock;

/** Replaces the clock in a test, for everything started from now on; without an argument restores the real one. */
export function setClock(replacement: Clock = realClock): void {
  clock = replacement;
}

/** Monotonic milliseconds. */
export function now(): number {
  return clock.now();
}

/** Calls back every `period` milliseconds. Returns a function that ends it. */
export function every(period: number, call: () => void): () => void {
  return clock.every(period, call);
}
