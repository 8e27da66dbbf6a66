/**
 * Where frames are written before they are sent: each behind the one before it, so that all that is sent in one turn
 * lies in one piece and goes out in one write.
 *
 * How memory moves through it:
 * 1. `reserve()` makes room in the chunk at hand. Frames are written there, from `end` on.
 * 2. A chunk that is full, and of which bytes are still on their way, is watched; another one is taken: an empty one that
 *    was kept, or new memory.
 * 3. `giveBack()` returns bytes that the transport is done with. The last bytes of the chunk at hand are written over at
 *    once; others are only counted.
 * 4. A watched chunk whose bytes have all come back is kept as an empty one. Only so many are watched and kept: the rest is
 *    left to the garbage collector.
 *
 * @module
 */
import { NOTHING } from "./bytes.ts";

/** A chunk that is full, and how much of it is still on its way. */
interface FullChunk {
  readonly bytes: Uint8Array;
  held: number;
}

// What is on its way is watched for in so many chunks, or as many bytes; older ones are left to the garbage collector.
const WATCHED = 16;

// So many empty chunks are kept: what is on its way on a busy process at a time.
const SPARES = 4;

// Of what large frames have needed, one piece is kept, of no more than so many chunks: fresh memory costs more than to write it.
const LARGEST_SPARE = 8;

/** Memory of frames, taken in chunks. */
export class FrameMemory {
  /** The chunk at hand. */
  bytes: Uint8Array = NOTHING;
  /** Where the next frame begins; what lies before it is not written to any more. */
  end = 0;
  readonly #chunkSize: number;
  // Of what lies before the end, so much has been given back, though not the last of it.
  #free = 0;
  #full: FullChunk[] = [];
  #watched = 0;
  readonly #spares: Uint8Array[] = [];
  #largeSpare: Uint8Array = NOTHING;

  /** Takes chunks of this size, in bytes, or as large as one frame needs. */
  constructor(chunkSize: number) {
    this.#chunkSize = chunkSize;
  }

  /** Sees to it that so many bytes fit in `bytes` from `end` on. */
  reserve(size: number): void {
    if (size <= this.bytes.length - this.end) return;
    const held = this.end - this.#free;
    if (held > 0) this.#watch({ bytes: this.bytes, held });
    else this.#keep(this.bytes);
    this.bytes = this.#spare(size) ?? new Uint8Array(Math.max(size, this.#chunkSize));
    this.end = 0;
    this.#free = 0;
  }

  #watch(chunk: FullChunk): void {
    if (!this.#mayKeep(chunk.bytes)) return;
    this.#full.push(chunk);
    this.#watched += chunk.bytes.length;
    while (this.#watched > WATCHED * this.#chunkSize) this.#watched -= this.#full.shift()!.bytes.length;
  }

  #mayKeep({ length }: Uint8Array): boolean {
    return length >= this.#chunkSize && length <= LARGEST_SPARE * this.#chunkSize;
  }

  #keep(bytes: Uint8Array): void {
    if (!this.#mayKeep(bytes)) return;
    if (bytes.length > this.#chunkSize) {
      if (bytes.length > this.#largeSpare.length) this.#largeSpare = bytes;
    } else if (this.#spares.length < SPARES) this.#spares.push(bytes);
  }

  #spare(size: number): Uint8Array | undefined {
    if (size <= this.#chunkSize) return this.#spares.pop();
    if (size > this.#largeSpare.length) return undefined;
    const spare = this.#largeSpare;
    this.#largeSpare = NOTHING;
    return spare;
  }

  /** Takes `bytes[start..end)` back from an owner who is done with them, where `bytes` is a chunk of this memory. */
  giveBack(bytes: Uint8Array, start: number, end: number): void {
    if (bytes !== this.bytes) return this.#giveBackLate(bytes, end - start);
    if (end === this.end) this.end = start;
    else this.#free += end - start;
    if (this.#free < this.end) return;
    this.end = 0;
    this.#free = 0;
    // Short frames are not to be written where the next large one may be.
    if (bytes.length > this.#chunkSize) {
      this.bytes = NOTHING;
      this.#keep(bytes);
    }
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
    this.#watched -= bytes.length;
    this.#keep(bytes);
  }
}

// More than what one read gives on any runtime but Bun, so that the answers to it lie in one piece.
const CHUNK_SIZE = 256 * 1024;

/** The memory that all connections of the process share. */
export const frameMemory: FrameMemory = /* @__PURE__ */ new FrameMemory(CHUNK_SIZE);
