/**
 * One zlib decoder for all connections (RFC 7692, section 7.2.2). It stands behind the window of the connection that it
 * worked for last; for another one, and behind a final block, it is given the window first, which costs more than to
 * decompress a short message.
 *
 * @module
 */
import { NOTHING } from "../protocol/bytes.ts";
import { constants } from "node:zlib";
import type { Inflated, InflateFailure } from "../permessage_deflate/deflate_codec.ts";
import type { SlidingWindow } from "../permessage_deflate/sliding_window.ts";
import { largerOutput, type ZlibHandle } from "./zlib_handle.ts";

const { Z_BLOCK, Z_SYNC_FLUSH } = constants;
// What the sender removed, and two empty stored blocks. Told to stop at the end of a block, zlib reads the four alone if
// the message ends with them, none if it has ended with a final block, and more if its last block has no end.
const REMOVED_SIZE = 4;
const ENDING: Uint8Array = /* @__PURE__ */ new Uint8Array([
  0,
  0,
  255,
  255,
  0,
  0,
  0,
  255,
  255,
  0,
  0,
  0,
  255,
  255,
]);
// One of these is read, and then the other, where a block has ended at a byte boundary.
const EMPTY_BLOCKS: Uint8Array = /* @__PURE__ */ ENDING.subarray(REMOVED_SIZE);
const EMPTY_BLOCK_SIZE = 5;
// More than zlib makes of these.
const ENDING_ROOM = 1032 * 14;
// zlib keeps so much of what went before. Of a smaller window's bytes it would know more than may be referred to.
const ZLIB_WINDOW = 32 * 1024;
const SHARED_SIZE = 128 * 1024;
// The most room that can be told to zlib.
const LARGEST_OUTPUT = 2 ** 32 - 1;

/** The header of a stored block of so many bytes (RFC 1951, section 3.2.4). */
export function storedHeader(size: number): Uint8Array {
  return Uint8Array.of(0, size, size >>> 8, ~size, ~size >>> 8);
}

/** See {@linkcode DeflateCodec}. */
export class Inflater {
  readonly #handle: ZlibHandle;
  /** Whose bytes zlib has before it, and at which of its changes. */
  #window: SlidingWindow | undefined;
  #changes = 0;
  // Where results lie until the next call, unless they are larger.
  readonly #shared: Uint8Array = new Uint8Array(SHARED_SIZE);
  // What has been written of the work at hand.
  #output: Uint8Array = NOTHING;
  #written = 0;

  /** By a raw decoder's handle, which nobody else uses. */
  constructor(handle: ZlibHandle) {
    this.#handle = handle;
  }

  /** See {@linkcode DeflateCodec.inflate}. */
  inflate(blocks: Uint8Array, window: SlidingWindow | undefined, limit: number): Inflated | InflateFailure {
    const consumed = this.#inflate(blocks, window, limit);
    const bytes = this.#output.subarray(0, this.#written);
    this.#output = NOTHING;
    return typeof consumed === "string" ? consumed : { bytes, consumed };
  }

  /** See {@linkcode DeflateCodec.inspect}. */
  inspect(blocks: Uint8Array, window: SlidingWindow | undefined, limit: number): InflateFailure | undefined {
    const consumed = this.#read(blocks, window, limit);
    this.#output = NOTHING;
    return typeof consumed === "string" ? consumed : undefined;
  }

  #inflate(blocks: Uint8Array, window: SlidingWindow | undefined, limit: number): number | InflateFailure {
    const consumed = this.#read(blocks, window, limit);
    if (typeof consumed === "string") return consumed;
    const end = consumed < blocks.length ? "final block" : this.#end(limit);
    if (end === "invalid" || end === "too-large") return end;
    window?.append(this.#output.subarray(0, this.#written));
    if (end === "block" && window?.size === ZLIB_WINDOW) {
      this.#window = window;
      this.#changes = window.changes;
    }
    return consumed;
  }

  /** Reads blocks behind the window: how many bytes. Where zlib stands from then on nobody knows. */
  #read(blocks: Uint8Array, window: SlidingWindow | undefined, limit: number): number | InflateFailure {
    const isBehind = window !== undefined && window === this.#window && window.changes === this.#changes;
    this.#window = undefined;
    if (isBehind) {
      const read = this.#begin(blocks, limit);
      // What was put back to the message before may have ended a final block of it: zlib reads nothing any more.
      if (read !== 0) return read;
    }
    this.#restart(window);
    return this.#begin(blocks, limit);
  }

  #begin(blocks: Uint8Array, limit: number): number | InflateFailure {
    // A byte beyond the limit shows that it is passed.
    this.#output = limit + 1 < SHARED_SIZE ? this.#shared.subarray(0, limit + 1) : this.#shared;
    this.#written = 0;
    return this.#write(Z_SYNC_FLUSH, blocks, limit);
  }

  #restart(window: SlidingWindow | undefined): void {
    const handle = this.#handle;
    handle.reset();
    if (window === undefined || window.length === 0) return;
    // A raw decoder's dictionary is ignored by Deno's zlib: the window comes as a stored block, and what comes out of it
    // is thrown away.
    for (const piece of [storedHeader(window.length), ...window.pieces]) {
      if (piece.length > 0) handle.write(Z_SYNC_FLUSH, piece, 0, this.#shared, 0);
    }
  }

  /** How many bytes of the input zlib has read. */
  #write(flush: number, input: Uint8Array, limit: number): number | InflateFailure {
    const handle = this.#handle;
    const most = limit + 1;
    // Told to stop at a block's end, zlib must not stop for want of room: which it was could not be seen.
    if (flush === Z_BLOCK) this.#reserve(Math.min(most, this.#written + ENDING_ROOM));
    for (let read = 0;;) {
      handle.write(flush, input, read, this.#output, this.#written);
      if (handle.failed) return "invalid";
      read = input.length - handle.inputLeft;
      this.#written = this.#output.length - handle.outputLeft;
      if (this.#written > limit) return "too-large";
      if (this.#written < this.#output.length) return read;
      if (this.#written >= LARGEST_OUTPUT) return "too-large";
      this.#reserve(Math.min(most, 4 * this.#output.length, LARGEST_OUTPUT));
    }
  }

  #reserve(size: number): void {
    if (size > this.#output.length) this.#output = largerOutput(this.#output, size);
  }

  /** What the message has ended with, when what was left out is put back to it. */
  #end(limit: number): "block" | "final block" | InflateFailure {
    const before = this.#written;
    const read = this.#write(Z_BLOCK, ENDING, limit);
    if (typeof read === "string") return read;
    if (read === REMOVED_SIZE && this.#written === before) return "block";
    if (read === 0) return "final block";
    if (read > REMOVED_SIZE) return "invalid";
    // What was put back may have ended a block that had not come whole, and a final one as well.
    const [first, second] = [this.#readEmptyBlock(), this.#readEmptyBlock()];
    if (first === 0) return "final block";
    const isAtBoundary = first === EMPTY_BLOCK_SIZE && second === EMPTY_BLOCK_SIZE;
    return read === REMOVED_SIZE && isAtBoundary ? "block" : "invalid";
  }

  /** How many bytes zlib reads of empty blocks until one has ended; `undefined` if something comes out of them. */
  #readEmptyBlock(): number | undefined {
    const nothing = new Uint8Array(1);
    this.#handle.write(Z_BLOCK, EMPTY_BLOCKS, 0, nothing, 0);
    const isEmpty = !this.#handle.failed && this.#handle.outputLeft === nothing.length;
    return isEmpty ? EMPTY_BLOCKS.length - this.#handle.inputLeft : undefined;
  }
}
