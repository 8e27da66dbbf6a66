/**
 * The last bytes that went one way, to which later ones may refer back.
 *
 * @module
 */
import { NOTHING } from "../protocol/bytes.ts";

const LARGEST_SIZE = 2 ** 15;

// What is turned round lies here for as long as that takes.
let scratch: Uint8Array | undefined;

/**
 * At most `2 ** bits` bytes, in a ring: what is added costs as much as it is long, not as what is there. It takes an
 * eighth more memory than what it was given, and never more than those bytes.
 */
export class SlidingWindow {
  /** How many bytes it holds at most. */
  readonly size: number;
  #buffer: Uint8Array = NOTHING;
  #length = 0;
  /** Where the oldest byte lies. It is elsewhere than at 0 only when the window is full. */
  #start = 0;
  #changes = 0;

  /** An empty one. */
  constructor(bits: number) {
    this.size = 2 ** bits;
  }

  /** How many bytes it holds. */
  get length(): number {
    return this.#length;
  }

  /** Another number after each change: who has seen what the window held at this number knows what it holds. */
  get changes(): number {
    return this.#changes;
  }

  /** What it holds, borrowed until the next call. */
  get bytes(): Uint8Array {
    if (this.#start > 0) this.#turn();
    return this.#buffer.subarray(0, this.#length);
  }

  /** What it holds in two pieces, the older one first, borrowed until the next call. */
  get pieces(): readonly [Uint8Array, Uint8Array] {
    return [this.#buffer.subarray(this.#start, this.#length), this.#buffer.subarray(0, this.#start)];
  }

  /** Adds bytes, and forgets those that they push out. */
  append(bytes: Uint8Array): void {
    this.#changes++;
    const { size } = this;
    const added = bytes.length > size ? bytes.subarray(bytes.length - size) : bytes;
    const room = size - this.#length;
    if (room > 0) this.#reserve(Math.min(size, this.#length + added.length));
    const first = added.length <= room ? added : added.subarray(0, room);
    this.#buffer.set(first, this.#length);
    this.#length += first.length;
    if (first.length < added.length) this.#replace(added.subarray(first.length));
  }

  /** Forgets everything. */
  clear(): void {
    this.#changes++;
    this.#length = this.#start = 0;
  }

  /** Puts bytes where the oldest lie. */
  #replace(bytes: Uint8Array): void {
    const first = bytes.subarray(0, this.size - this.#start);
    this.#buffer.set(first, this.#start);
    this.#buffer.set(bytes.subarray(first.length));
    this.#start = (this.#start + bytes.length) % this.size;
  }

  #reserve(length: number): void {
    if (length <= this.#buffer.length) return;
    const larger = new Uint8Array(Math.min(this.size, length + (length >>> 3)));
    larger.set(this.#buffer.subarray(0, this.#length));
    this.#buffer = larger;
  }

  #turn(): void {
    const [older, newer] = this.pieces;
    scratch ??= new Uint8Array(LARGEST_SIZE);
    scratch.set(newer);
    this.#buffer.copyWithin(0, this.#start);
    this.#buffer.set(scratch.subarray(0, newer.length), older.length);
    this.#start = 0;
  }
}
