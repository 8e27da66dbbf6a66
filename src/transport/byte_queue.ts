/**
 * Bytes on their way out, on the runtimes whose sockets take only a part of what they are given.
 *
 * @module
 */

/** Small pieces are joined up to this many bytes, because each write call costs more than the copy. */
const JOIN = 64 * 1024;

/** A first-in, first-out queue of bytes. */
export class ByteQueue {
  // Mostly one piece waits, or none: an array is for more.
  #first: Uint8Array | undefined;
  #rest: Uint8Array[] | undefined;
  #offset = 0;
  #length = 0;

  /** How many bytes wait. */
  get length(): number {
    return this.#length;
  }

  /** Puts bytes at the end; they are not copied. */
  push(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#length += bytes.length;
    if (this.#first === undefined) this.#first = bytes;
    else (this.#rest ??= []).push(bytes);
  }

  /** The first bytes, small pieces joined; the same ones until {@linkcode consume}. The queue is not empty. */
  peek(): Uint8Array {
    const first = this.#first!;
    const rest = this.#rest;
    if (rest === undefined) return this.#offset === 0 ? first : first.subarray(this.#offset);
    let joined = first.length - this.#offset;
    let count = 0;
    for (; count < rest.length; count++) {
      const next = rest[count]!.length;
      if (joined + next > JOIN) break;
      joined += next;
    }
    if (count === 0) return this.#offset === 0 ? first : first.subarray(this.#offset);
    const target = new Uint8Array(joined);
    target.set(first.subarray(this.#offset));
    let position = first.length - this.#offset;
    for (const piece of rest.splice(0, count)) {
      target.set(piece, position);
      position += piece.length;
    }
    if (rest.length === 0) this.#rest = undefined;
    this.#first = target;
    this.#offset = 0;
    return target;
  }

  /** Drops the first `count` bytes, no more than {@linkcode peek} gave. Answers the piece that ends with them. */
  consume(count: number): Uint8Array | undefined {
    this.#length -= count;
    this.#offset += count;
    const first = this.#first;
    if (this.#offset !== first?.length) return undefined;
    this.#offset = 0;
    this.#first = this.#rest?.shift();
    if (this.#rest?.length === 0) this.#rest = undefined;
    return first;
  }

  /** Drops everything. */
  clear(): void {
    this.#first = undefined;
    this.#rest = undefined;
    this.#offset = 0;
    this.#length = 0;
  }
}
