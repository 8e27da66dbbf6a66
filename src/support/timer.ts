/**
 * Timers that can wait for as long as anybody asks.
 *
 * @module
 */

/** What a timer of the runtimes can wait for, in milliseconds (some 24 days): beyond that, it would not wait at all. */
export const LONGEST_WAIT: number = 2 ** 31 - 1;

/** Calls back after so many milliseconds, `Infinity` too, but not later than {@linkcode LONGEST_WAIT}. */
export function startTimer(milliseconds: number, call: () => void): ReturnType<typeof setTimeout> {
  return setTimeout(call, Math.min(milliseconds, LONGEST_WAIT));
}
