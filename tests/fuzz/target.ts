/** What is fuzzed: one part of the library, and the properties that hold for whatever it is given. */
import type { Random } from "./random.ts";

/** One part under test. An input is bytes: first the choices of the case, then what a peer would send. */
export interface Target {
  readonly name: string;
  /** Makes an input that is mostly right. */
  make(random: Random): Uint8Array;
  /** Throws where a property does not hold. The same input gives the same answer. */
  check(input: Uint8Array): void;
  /** The largest array, in bytes, that the library may make for this input. */
  largestArray(input: Uint8Array): number;
}

/** The choices at the front of an input, and the bytes behind them. What is missing is 0. */
export class Choices {
  readonly #input: Uint8Array;
  #position = 0;

  constructor(input: Uint8Array) {
    this.#input = input;
  }

  get done(): boolean {
    return this.#position >= this.#input.length;
  }

  byte(): number {
    return this.#input[this.#position++] ?? 0;
  }

  below(below: number): number {
    return this.byte() % below;
  }

  pick<Item>(items: readonly Item[]): Item {
    return items[this.below(items.length)]!;
  }

  /** Two bytes. */
  word(): number {
    return (this.byte() << 8) | this.byte();
  }

  /** This many bytes, or as many as there are. */
  take(size: number): Uint8Array {
    const start = Math.min(this.#position, this.#input.length);
    this.#position = Math.min(start + size, this.#input.length);
    return this.#input.subarray(start, this.#position);
  }

  rest(): Uint8Array {
    return this.take(Infinity);
  }
}

/** Fails with what was seen, unless it is so. */
export function ensure(condition: boolean, what: () => string): asserts condition {
  if (!condition) throw new Error(what());
}

/** Bytes as hexadecimal digits. */
export function hexOf(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += byte.toString(16).padStart(2, "0");
  return text;
}
