/**
 * Memory for outgoing frames: each is written behind the one before, so that everything sent in one turn is
 * contiguous and goes out in one write.
 *
 * How memory moves through it:
 * 1. `reserve()` makes room in the current chunk. Frames are written there, from `end` on.
 * 2. A full chunk with bytes still in flight is watched, and another chunk becomes the current one: a spare, or new
 *   memory.
 * 3. `giveBack()` returns bytes that the transport no longer needs. If they are the last of the current chunk,
 *   their memory is reused at once; otherwise they are only counted.
 * 4. A watched chunk becomes a spare when all its bytes are back. The numbers of watched and spare chunks are
 *   limited: the rest is left to the garbage collector.
 *
 * @module
 */
import { NOTHING } from "./bytes.ts";

/** A full chunk, and how much of it is still in flight. */
interface FullChunk {
  readonly bytes: Uint8Array;
  held: number;
}

// At most this many chunks, or their size in bytes, are watched; older ones are left to the garbage collector.
const WATCHED = 16;

// Number of spare chunks: about what a busy process has in flight at a time.
const SPARES = 4;

// One large spare is kept, of at most this many chunks: allocating costs more than writing.
const LARGEST_SPARE = 8;

/** Memory for frames, allocated in chunks. */
export class FrameMemory {
  /** The current chunk. */
  bytes: Uint8Array = NOTHING;
  /** Where the next frame begins; what lies before it is no longer written to. */
  end = 0;
  readonly #chunkSize: number;
  // Bytes before the end that were given back, except the last ones.
  #free = 0;
  #full: FullChunk[] = [];
  #watched = 0;
  readonly #spares: Uint8Array[] = [];
  #largeSpare: Uint8Array = NOTHING;

  /** Chunks have this many bytes, or as many as one larger frame needs. */
  constructor(chunkSize: number) {
    this.#chunkSize = chunkSize;
  }

  /** Makes room for this many bytes in `bytes` from `end` on. */
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

  /** Takes back `bytes[start..end)`, if `bytes` is a chunk of this memory. */
  giveBack(bytes: Uint8Array, start: number, end: number): void {
    if (bytes !== this.bytes) return this.#giveBackLate(bytes, end - start);
    if (end === this.end) this.end = start;
    else this.#free += end - start;
    if (this.#free < this.end) return;
    this.end = 0;
    this.#free = 0;
    // Keep short frames out of a large chunk, which the next large frame may need.
    if (bytes.length > this.#chunkSize) {
      this.bytes = NOTHING;
      this.#keep(bytes);
    }
  }

  /** The same for a view. */
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

// More than one read gives on any runtime but Bun, so that the answers to it are contiguous.
const CHUNK_SIZE = 256 * 1024;

/** The memory shared by all connections of the process. */
export const frameMemory: FrameMemory = /* @__PURE__ */ new FrameMemory(CHUNK_SIZE);
