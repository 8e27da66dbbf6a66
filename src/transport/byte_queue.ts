/**
 * Bytes on their way out, which the system does not take yet.
 *
 * @module
 */

/**
 * What is shorter, and waits behind others, is copied into memory of the queue's own: each write call costs more than the
 * copy, and to keep a piece costs more than its bytes, of which it may hold many more.
 */
const GATHERED = 64 * 1024;
const SMALLEST_GATHERING = 512;

/** A first-in, first-out queue of bytes. */
export class ByteQueue {
  // Mostly one piece waits, or none: an array is for more.
  #first: Uint8Array | undefined;
  #rest: Uint8Array[] | undefined;
  // Short pieces, behind the rest.
  #gathered: Uint8Array | undefined;
  #gatheredSize = 0;
  #offset = 0;
  #length = 0;

  /** How many bytes wait. */
  get length(): number {
    return this.#length;
  }

  /** Puts bytes at the end; long ones are not copied, nor are the first. */
  push(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#length += bytes.length;
    if (this.#first === undefined) this.#first = bytes;
    else if (bytes.length < GATHERED) this.#gather(bytes);
    else {
      this.#endGathering();
      (this.#rest ??= []).push(bytes);
    }
  }

  #gather(bytes: Uint8Array): void {
    if (this.#gatheredSize + bytes.length > GATHERED) this.#endGathering();
    const size = this.#gatheredSize + bytes.length;
    const gathered = this.#gathered;
    if (gathered === undefined || size > gathered.length) {
      this.#gathered = new Uint8Array(Math.min(Math.max(2 * size, SMALLEST_GATHERING), GATHERED));
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

  /** The first bytes, short pieces joined; the same ones until {@linkcode consume}. The queue is not empty. */
  peek(): Uint8Array {
    let first = this.#offset === 0 ? this.#first! : this.#first!.subarray(this.#offset);
    while (first.length < GATHERED && first.length < this.#length) {
      if (this.#rest === undefined) this.#endGathering();
      const rest = this.#rest!;
      const next = rest[0]!;
      if (first.length + next.length > GATHERED) break;
      const joined = new Uint8Array(first.length + next.length);
      joined.set(first);
      joined.set(next, first.length);
      this.#first = first = joined;
      this.#offset = 0;
      rest.shift();
      if (rest.length === 0) this.#rest = undefined;
    }
    return first;
  }

  /** Drops the first `count` bytes, no more than {@linkcode peek} gave. Answers the piece that ends with them. */
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

  /** Drops everything. */
  clear(): void {
    this.#first = undefined;
    this.#rest = undefined;
    this.#gathered = undefined;
    this.#gatheredSize = 0;
    this.#offset = 0;
    this.#length = 0;
  }
}
