/**
 * The window of one direction: the last bytes, to which later ones may refer back.
 *
 * @module
 */
import { NOTHING } from "../protocol/bytes.ts";

const LARGEST_SIZE = 2 ** 15;

// Temporary memory for rotating the ring.
let scratch: Uint8Array | undefined;

/**
 * A ring of at most `2 ** bits` bytes: adding costs only the length of what is added. It uses at most an eighth more
 * memory than the bytes added so far, and never more than its size.
 */
export class SlidingWindow {
  /** Its capacity in bytes. */
  readonly size: number;
  #buffer: Uint8Array = NOTHING;
  #length = 0;
  /** The index of the oldest byte; not 0 only when the window is full. */
  #start = 0;
  #changes = 0;

  /** Starts empty. */
  constructor(bits: number) {
    this.size = 2 ** bits;
  }

  /** The number of bytes in it. */
  get length(): number {
    return this.#length;
  }

  /** A version number that changes with the content: equal numbers mean equal content. */
  get changes(): number {
    return this.#changes;
  }

  /** The content, borrowed until the next call. */
  get bytes(): Uint8Array {
    if (this.#start > 0) this.#turn();
    return this.#buffer.subarray(0, this.#length);
  }

  /** The content in two pieces, the older one first, borrowed until the next call. */
  get pieces(): readonly [Uint8Array, Uint8Array] {
    return [this.#buffer.subarray(this.#start, this.#length), this.#buffer.subarray(0, this.#start)];
  }

  /** Adds bytes, which push out the oldest ones. */
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

  /** Removes everything. */
  clear(): void {
    this.#changes++;
    this.#length = this.#start = 0;
  }

  /** Writes bytes over the oldest ones. */
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
