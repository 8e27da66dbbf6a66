/** Chance that falls the same way for the same seed. */
import { random } from "../protocol/frames.ts";

/** A generator of pseudo-random choices. */
export class Dice {
  readonly #random: (below: number) => number;

  /** The same seeds give the same choices. */
  constructor(...seeds: number[]) {
    let mixed = 0;
    for (const seed of seeds) mixed = Math.imul(mixed ^ seed, 0x9e3779b1) + 0x7f4a7c15 | 0;
    this.#random = random(mixed);
  }

  /** A whole number from 0 up to `limit`, which is left out. */
  below(limit: number): number {
    return this.#random(limit);
  }

  /** A whole number from `least` to `most`. */
  between(least: number, most: number): number {
    return least + this.#random(most - least + 1);
  }

  /** Whether something of this probability happens. */
  chance(probability: number): boolean {
    return this.#random(1_000_000) < probability * 1_000_000;
  }

  /** One of these. */
  pick<T>(choices: readonly T[]): T {
    return choices[this.#random(choices.length)]!;
  }

  /** Milliseconds until something that comes every `mean` milliseconds on average, and at any time alike. */
  wait(mean: number): number {
    return -mean * Math.log((this.#random(1_000_000) + 1) / 1_000_001);
  }
}
