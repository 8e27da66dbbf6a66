/**
 * When to retry: jittered, truncated exponential backoff (RFC 6455, section 7.2.3).
 *
 * @module
 */
import { atLeast } from "../options/at_least.ts";

/** How long to wait before each retry. */
export interface Delays {
  /**
   * Milliseconds: the first delay is random, from 0 to this. RFC 6455, section 7.2.3: "a value chosen randomly
   * between 0 and 5 seconds is a reasonable initial delay".
   *
   * @default 5000
   */
  first?: number;
  /**
   * Each further delay is the one before times this.
   *
   * @default 2
   */
  factor?: number;
  /**
   * Milliseconds: the longest delay.
   *
   * @default 60000
   */
  max?: number;
  /**
   * The random part of each further delay, from 0 to 1: 0.5 means a random value from half of the delay to all of it.
   *
   * @default 0.5
   */
  jitter?: number;
}

/** The delays, attempt after attempt. */
export class Backoff {
  readonly #first: number;
  readonly #factor: number;
  readonly #max: number;
  readonly #jitter: number;
  readonly #random: () => number;

  /** Throws a `RangeError` for a value out of range. `random` returns numbers from 0 to 1. */
  constructor(delays: Delays, random: () => number) {
    this.#first = atLeast(delays, "first", 0, 5000);
    this.#factor = atLeast(delays, "factor", 1, 2);
    this.#max = atLeast(delays, "max", 0, 60_000);
    this.#jitter = atLeast(delays, "jitter", 0, 0.5);
    if (this.#jitter > 1) throw new RangeError("Cannot use more than 1 for option jitter: give 0 to 1.");
    this.#random = random;
  }

  /** Milliseconds before this attempt, counted from 1; at least what the server asked for, within `max`. */
  delay(attempt: number, asked: number): number {
    // The power grows to Infinity, and 0 times Infinity is NaN.
    const whole = this.#first === 0 ? 0 : Math.min(this.#max, this.#first * this.#factor ** (attempt - 1));
    const chance = attempt === 1 ? 1 : this.#jitter;
    return Math.min(this.#max, Math.max(asked, whole * (1 - chance * this.#random())));
  }
}
