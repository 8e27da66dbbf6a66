/**
 * A coarse timer for many: one interval serves all that are looked after at the same pace, since a timer for each
 * connection would cost more than the connection.
 *
 * @module
 */

import { every, now } from "./clock.ts";
import { inOutermostContext } from "./outermost_context.ts";
import { Roster } from "./roster.ts";

/** What is looked after. */
export interface Ticking {
  /**
   * Called about once every period, with {@linkcode now} in whole milliseconds: engines keep those without an object of
   * their own. `late` says that three periods or more have gone by since the tick before: the process stood still. `elapsed`
   * is what counts of that time: three periods at most, for in the rest nobody could do anything.
   */
  tick(now: number, late: boolean, elapsed: number): void;
}

interface Ticker {
  readonly members: Roster<Ticking>;
  readonly stop: () => void;
}

const tickers: Map<number, Ticker> = new Map();

// So many periods without a tick, and the process, or the machine, stood still.
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

/** From now on the member's `tick()` is called about every `period` milliseconds. Answers its place, for `leave()`. */
export function join(period: number, member: Ticking): number {
  return (tickers.get(period) ?? start(period)).members.add(member);
}

/** Ends `join()` of the same period, if it has not ended. */
export function leave(period: number, member: Ticking, place: number): void {
  const ticker = tickers.get(period);
  if (ticker === undefined || !ticker.members.remove(member, place) || ticker.members.size > 0) return;
  ticker.stop();
  tickers.delete(period);
}
