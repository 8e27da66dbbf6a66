/**
 * Timers that accept any wait, capped at what the runtimes support.
 *
 * @module
 */

/** The longest wait of the runtimes' timers in milliseconds (about 24 days): beyond that they do not wait at all. */
export const LONGEST_WAIT: number = 2 ** 31 - 1;

/** Calls back after this many milliseconds, which may be `Infinity`, but no later than {@linkcode LONGEST_WAIT}. */
export function startTimer(milliseconds: number, call: () => void): ReturnType<typeof setTimeout> {
  return setTimeout(call, Math.min(milliseconds, LONGEST_WAIT));
}
