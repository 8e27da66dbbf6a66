/**
 * Where frames are written before they are sent: each behind the one before it, so that all that is sent in one turn
 * lies in one piece and goes out in one write.
 *
 * @module
 */

/** A chunk that is full, and how much of it is still on its way. */
interface FullChunk {
  readonly bytes: Uint8Array;
  held: number;
}

// So many full chunks are waited for; older ones are left to the garbage collector.
const WATCHED = 16;

// So many empty chunks are kept: what is on its way on a busy process at a time.
const SPARES = 4;

/** Memory of frames, taken in chunks. */
export class FrameMemory {
  /** The chunk at hand. */
  bytes: Uint8Array = new Uint8Array(0);
  /** Where the next frame begins; what lies before it is not written to any more. */
  end = 0;
  readonly #chunkSize: number;
  // Of what lies before the end, so much has been given back, though not the last of it.
  #free = 0;
  #full: FullChunk[] = [];
  readonly #spares: Uint8Array[] = [];

  /** Takes chunks of this size, in bytes, or as large as one frame needs. */
  constructor(chunkSize: number) {
    this.#chunkSize = chunkSize;
  }

  /** Sees to it that so many bytes fit in `bytes` from `end` on. */
  reserve(size: number): void {
    if (size <= this.bytes.length - this.end) return;
    if (this.bytes.length === this.#chunkSize) {
      if (this.#full.length === WATCHED) this.#full.shift();
      this.#full.push({ bytes: this.bytes, held: this.end - this.#free });
    }
    const spare = size <= this.#chunkSize ? this.#spares.pop() : undefined;
    this.bytes = spare ?? new Uint8Array(Math.max(size, this.#chunkSize));
    this.end = 0;
    this.#free = 0;
  }

  /** Takes `bytes[start..end)` back from an owner who is done with them, where `bytes` is a chunk of this memory. */
  giveBack(bytes: Uint8Array, start: number, end: number): void {
    if (bytes !== this.bytes) return this.#giveBackLate(bytes, end - start);
    if (end === this.end) this.end = start;
    else this.#free += end - start;
    if (this.#free < this.end) return;
    this.end = 0;
    this.#free = 0;
    // What one large frame has needed is not kept.
    if (bytes.length > this.#chunkSize) this.bytes = new Uint8Array(0);
  }

  /** The same of a view. */
  giveBackView({ buffer, byteOffset, length }: Uint8Array): void {
    if (buffer === this.bytes.buffer) return this.giveBack(this.bytes, byteOffset, byteOffset + length);
    const chunk = this.#full.find(({ bytes }) => bytes.buffer === buffer);
    if (chunk !== undefined) this.#giveBackLate(chunk.bytes, length);
  }

  #giveBackLate(bytes: Uint8Array, size: number): void {
    const index = this.#full.findIndex((chunk) => chunk.bytes === bytes);
    if (index === -1) return;
    const chunk = this.#full[index]!;
    chunk.held -= size;
    if (chunk.held > 0) return;
    this.#full.splice(index, 1);
    if (this.#spares.length < SPARES) this.#spares.push(bytes);
  }
}

// More than what one read gives on any runtime but Bun, so that the answers to it lie in one piece.
const CHUNK_SIZE = 256 * 1024;

/** The memory that all connections of the process share. */
export const frameMemory: FrameMemory = /* @__PURE__ */ new FrameMemory(CHUNK_SIZE);
