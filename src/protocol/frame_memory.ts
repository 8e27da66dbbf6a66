/**
 * Where frames are written before they are sent: each behind the one before it, so that all that is sent in one turn
 * lies in one piece and goes out in one write.
 *
 * @module
 */

/** Memory of frames, taken in chunks. */
export class FrameMemory {
  /** The chunk at hand. */
  bytes: Uint8Array = new Uint8Array(0);
  /** Where the next frame begins; what lies before it is not written to any more. */
  end = 0;
  readonly #chunkSize: number;

  /** Takes chunks of this size, in bytes, or as large as one frame needs. */
  constructor(chunkSize: number) {
    this.#chunkSize = chunkSize;
  }

  /** Sees to it that so many bytes fit in `bytes` from `end` on. */
  reserve(size: number): void {
    if (size <= this.bytes.length - this.end) return;
    this.bytes = new Uint8Array(Math.max(size, this.#chunkSize));
    this.end = 0;
  }

  /** Takes `bytes[start..end)` back from an owner who is done with it, if nothing has been written behind it. */
  giveBack(bytes: Uint8Array, start: number, end: number): void {
    if (bytes !== this.bytes || end !== this.end) return;
    this.end = start;
    // What one large frame has needed is not kept.
    if (bytes.length > this.#chunkSize) this.bytes = new Uint8Array(0);
  }
}

// More than what one read gives on any runtime but Bun, so that the answers to it lie in one piece.
const CHUNK_SIZE = 256 * 1024;

/** The memory that all connections of the process share. */
export const frameMemory: FrameMemory = /* @__PURE__ */ new FrameMemory(CHUNK_SIZE);
