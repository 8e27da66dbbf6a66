/**
 * The last bytes that went one way, to which later ones may refer back.
 *
 * @module
 */

const NOTHING: Uint8Array = /* @__PURE__ */ new Uint8Array(0);

/** At most `2 ** bits` bytes; it takes no more memory than what it was given, nor than that. */
export class SlidingWindow {
  readonly #size: number;
  #buffer: Uint8Array = NOTHING;
  #length = 0;

  /** An empty one. */
  constructor(bits: number) {
    this.#size = 2 ** bits;
  }

  /** What it holds, borrowed until the next call. */
  get bytes(): Uint8Array {
    return this.#buffer.subarray(0, this.#length);
  }

  /** Adds bytes, and forgets those that they push out. */
  append(bytes: Uint8Array): void {
    const added = bytes.length > this.#size ? bytes.subarray(bytes.length - this.#size) : bytes;
    const kept = Math.min(this.#length, this.#size - added.length);
    const length = kept + added.length;
    const dropped = this.#length - kept;
    if (length > this.#buffer.length) {
      const larger = new Uint8Array(length);
      larger.set(this.#buffer.subarray(dropped, this.#length));
      this.#buffer = larger;
    } else if (dropped > 0) {
      this.#buffer.copyWithin(0, dropped, this.#length);
    }
    this.#buffer.set(added, kept);
    this.#length = length;
  }

  /** Forgets everything. */
  clear(): void {
    this.#length = 0;
  }
}
