/**
 * Bytes that come in pieces, and are wanted together.
 *
 * @module
 */
import { NOTHING } from "./bytes.ts";

/** Bytes in one buffer, which grows as they come. */
export class GrowingBytes {
  #buffer: Uint8Array = NOTHING;
  #size = 0;

  /** How many there are. */
  get size(): number {
    return this.#size;
  }

  /** How many fit before the buffer must grow. */
  get capacity(): number {
    return this.#buffer.length;
  }

  /** All of them, borrowed until the next call. */
  get bytes(): Uint8Array {
    return this.#buffer.subarray(0, this.#size);
  }

  /** Copies `chunk[start..end)` behind the others. Where the buffer must grow, it is made `capacity` bytes long. */
  append(chunk: Uint8Array, start: number, end: number, capacity: number): void {
    const size = this.#size + end - start;
    if (size > this.#buffer.length) {
      const larger = new Uint8Array(capacity);
      larger.set(this.#buffer.subarray(0, this.#size));
      this.#buffer = larger;
    }
    this.#buffer.set(start === 0 && end === chunk.length ? chunk : chunk.subarray(start, end), this.#size);
    this.#size = size;
  }

  /** Gives all of them away, and begins anew without a buffer. */
  take(): Uint8Array {
    // Whoever is given a buffer may detach it: never the one that all share.
    const bytes = this.#buffer === NOTHING ? new Uint8Array(0) : this.bytes;
    this.#buffer = NOTHING;
    this.#size = 0;
    return bytes;
  }

  /** Forgets them, and keeps the buffer. */
  clear(): void {
    this.#size = 0;
  }
}
