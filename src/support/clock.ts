/**
 * What time it is.
 *
 * @module
 */

/** Where time comes from. */
export interface Clock {
  /** Milliseconds that never go back. */
  now(): number;
  /** Calls back every `period` milliseconds. Answers how to end that. */
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

/** Lets a test say what time it is, for all that begins from now on; without a clock, time is real again. */
export function setClock(replacement: Clock = realClock): void {
  clock = replacement;
}

/** Milliseconds of a clock that never goes back. */
export function now(): number {
  return clock.now();
}

/** Calls back every `period` milliseconds. Answers how to end that. */
export function every(period: number, call: () => void): () => void {
  return clock.every(period, call);
}
