/**
 * Bytes that arrive in pieces and are wanted together.
 *
 * @module
 */
import { NOTHING } from "./bytes.ts";

/** Bytes in one buffer that grows. */
export class GrowingBytes {
  #buffer: Uint8Array = NOTHING;
  #size = 0;

  /** The number of bytes. */
  get size(): number {
    return this.#size;
  }

  /** How many bytes fit before the buffer must grow. */
  get capacity(): number {
    return this.#buffer.length;
  }

  /** All bytes, borrowed until the next call. */
  get bytes(): Uint8Array {
    return this.#buffer.subarray(0, this.#size);
  }

  /** Appends a copy of `chunk[start..end)`. If the buffer must grow, its new length is `capacity`. */
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

  /** Hands over all bytes, and starts again without a buffer. */
  take(): Uint8Array {
    // The receiver may detach the buffer: never hand over the shared empty one.
    const bytes = this.#buffer === NOTHING ? new Uint8Array(0) : this.bytes;
    this.#buffer = NOTHING;
    this.#size = 0;
    return bytes;
  }

  /** Removes all bytes, and keeps the buffer. */
  clear(): void {
    this.#size = 0;
  }
}
