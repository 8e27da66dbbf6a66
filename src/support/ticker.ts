/**
 * A coarse timer for many connections: one interval serves all with the same period, since a timer per connection
 * would cost more than the connection.
 *
 * @module
 */

import { every, now } from "./clock.ts";
import { inOutermostContext } from "./outermost_context.ts";
import { Roster } from "./roster.ts";

/** A member of the timer. */
export interface Ticking {
  /**
   * Called about once per period, with {@linkcode now} in whole milliseconds, which engines store without allocating.
   * `late`: three or more periods have passed since the last tick, because the process was suspended. `elapsed`: the
   * time that counts, at most three periods, since nothing could happen in the rest.
   */
  tick(now: number, late: boolean, elapsed: number): void;
}

interface Ticker {
  readonly members: Roster<Ticking>;
  readonly stop: () => void;
}

const tickers: Map<number, Ticker> = new Map();

// After this many periods without a tick the process, or the machine, was suspended.
const LATE = 3;

function start(period: number): Ticker {
  const members = new Roster<Ticking>();
  let last = now();
  const stop = inOutermostContext(() =>
    every(period, () => {
      const time = now();
      const elapsed = time - last;
      const late = elapsed >= LATE * period;
      last = time;
      const rounded = Math.round(time);
      const counted = Math.round(Math.min(elapsed, LATE * period));
      for (const member of members) member.tick(rounded, late, counted);
    })
  );
  const ticker = { members, stop };
  tickers.set(period, ticker);
  return ticker;
}

/** Calls the member's `tick()` about every `period` milliseconds. Returns its place, for `leave()`. */
export function join(period: number, member: Ticking): number {
  return (tickers.get(period) ?? start(period)).members.add(member);
}

/** Ends `join()` with the same period. Does nothing the second time. */
export function leave(period: number, member: Ticking, place: number): void {
  const ticker = tickers.get(period);
  if (ticker === undefined || !ticker.members.remove(member, place) || ticker.members.size > 0) return;
  ticker.stop();
  tickers.delete(period);
}
