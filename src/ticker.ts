/**
 * A coarse timer for many: one interval serves all that are looked after at the same pace, since a timer for each
 * connection would cost more than the connection.
 *
 * @module
 */

/** What is looked after. */
export interface Ticking {
  /** Called about once every period, with {@linkcode now}. */
  tick(now: number): void;
}

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

interface Ticker {
  readonly members: Set<Ticking>;
  readonly stop: () => void;
}

const tickers: Map<number, Ticker> = new Map();

function start(period: number): Ticker {
  const members = new Set<Ticking>();
  const stop = clock.every(period, () => {
    const time = now();
    for (const member of members) member.tick(time);
  });
  const ticker = { members, stop };
  tickers.set(period, ticker);
  return ticker;
}

/** Calls `tick()` about every `period` milliseconds from now on. Answers how to end that. */
export function every(period: number, member: Ticking): () => void {
  const { members, stop } = tickers.get(period) ?? start(period);
  members.add(member);
  return () => {
    if (!members.delete(member) || members.size > 0) return;
    stop();
    tickers.delete(period);
  };
}
