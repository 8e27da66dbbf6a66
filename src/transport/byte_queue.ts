/**
 * Bytes on their way out, on the runtimes whose sockets take only a part of what they are given.
 *
 * @module
 */

/** Small pieces are joined up to this many bytes, because each write call costs more than the copy. */
const JOIN = 64 * 1024;

/** A first-in, first-out queue of bytes. */
export class ByteQueue {
  #pieces: Uint8Array[] = [];
  #offset = 0;
  #length = 0;

  /** How many bytes wait. */
  get length(): number {
    return this.#length;
  }

  /** Puts bytes at the end; they are not copied. */
  push(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#pieces.push(bytes);
    this.#length += bytes.length;
  }

  /** The first bytes, small pieces joined; the same ones until {@linkcode consume}. The queue is not empty. */
  peek(): Uint8Array {
    const pieces = this.#pieces;
    const first = pieces[0]!;
    let joined = first.length - this.#offset;
    let count = 1;
    for (; count < pieces.length; count++) {
      const next = pieces[count]!.length;
      if (joined + next > JOIN) break;
      joined += next;
    }
    if (count === 1) return this.#offset === 0 ? first : first.subarray(this.#offset);
    const target = new Uint8Array(joined);
    target.set(first.subarray(this.#offset));
    let position = first.length - this.#offset;
    for (let index = 1; index < count; index++) {
      target.set(pieces[index]!, position);
      position += pieces[index]!.length;
    }
    pieces.splice(0, count, target);
    this.#offset = 0;
    return target;
  }

  /** Drops the first `count` bytes, no more than {@linkcode peek} gave. Answers the piece that ends with them. */
  consume(count: number): Uint8Array | undefined {
    this.#length -= count;
    this.#offset += count;
    if (this.#offset !== this.#pieces[0]?.length) return undefined;
    this.#offset = 0;
    return this.#pieces.shift();
  }

  /** Drops everything. */
  clear(): void {
    this.#pieces = [];
    this.#offset = 0;
    this.#length = 0;
  }
}
