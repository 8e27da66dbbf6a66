/**
 * Outgoing bytes that the system does not accept yet.
 *
 * @module
 */

/** Pieces are joined up to this many bytes, because a write call costs more than the copy. */
const JOIN = 64 * 1024;
/** Shorter pieces behind others are copied at once: keeping them costs more than their bytes. */
const SHORT = 4 * 1024;
const SMALLEST_GATHERING = 512;

/** A first-in, first-out queue of bytes. */
export class ByteQueue {
  // Usually at most one piece waits; the array is for more.
  #first: Uint8Array | undefined;
  #rest: Uint8Array[] | undefined;
  // Short pieces, joined, behind the rest.
  #gathered: Uint8Array | undefined;
  #gatheredSize = 0;
  #offset = 0;
  #length = 0;

  /** The number of waiting bytes. */
  get length(): number {
    return this.#length;
  }

  /** Appends bytes; long pieces are not copied, nor is the first. */
  push(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#length += bytes.length;
    if (this.#first === undefined) this.#first = bytes;
    else if (bytes.length < SHORT) this.#gather(bytes);
    else {
      this.#endGathering();
      (this.#rest ??= []).push(bytes);
    }
  }

  #gather(bytes: Uint8Array): void {
    if (this.#gatheredSize + bytes.length > JOIN) this.#endGathering();
    const size = this.#gatheredSize + bytes.length;
    const gathered = this.#gathered;
    if (gathered === undefined || size > gathered.length) {
      this.#gathered = new Uint8Array(Math.min(Math.max(2 * size, SMALLEST_GATHERING), JOIN));
      if (gathered !== undefined) this.#gathered.set(gathered);
    }
    this.#gathered!.set(bytes, this.#gatheredSize);
    this.#gatheredSize = size;
  }

  #endGathering(): void {
    if (this.#gathered === undefined) return;
    (this.#rest ??= []).push(this.#gathered.subarray(0, this.#gatheredSize));
    this.#gathered = undefined;
    this.#gatheredSize = 0;
  }

  /** The first bytes, with short pieces joined; the same until {@linkcode consume}. The queue must not be empty. */
  peek(): Uint8Array {
    const first = this.#offset === 0 ? this.#first! : this.#first!.subarray(this.#offset);
    if (first.length >= JOIN || first.length === this.#length) return first;
    this.#endGathering();
    const rest = this.#rest!;
    let size = first.length;
    let count = 0;
    while (count < rest.length && size + rest[count]!.length <= JOIN) size += rest[count++]!.length;
    if (count === 0) return first;
    const joined = new Uint8Array(size);
    joined.set(first);
    let position = first.length;
    for (const piece of rest.splice(0, count)) {
      joined.set(piece, position);
      position += piece.length;
    }
    if (rest.length === 0) this.#rest = undefined;
    this.#first = joined;
    this.#offset = 0;
    return joined;
  }

  /** Removes the first `count` bytes, at most what {@linkcode peek} gave. Returns the piece that ends with them. */
  consume(count: number): Uint8Array | undefined {
    this.#length -= count;
    this.#offset += count;
    const first = this.#first;
    if (this.#offset !== first?.length) return undefined;
    this.#offset = 0;
    if (this.#rest === undefined) this.#endGathering();
    this.#first = this.#rest?.shift();
    if (this.#rest?.length === 0) this.#rest = undefined;
    return first;
  }

  /** Removes everything. */
  clear(): void {
    this.#first = undefined;
    this.#rest = undefined;
    this.#gathered = undefined;
    this.#gatheredSize = 0;
    this.#offset = 0;
    this.#length = 0;
  }
}
