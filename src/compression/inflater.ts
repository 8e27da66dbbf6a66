/**
 * One zlib decoder for all connections (RFC 7692, section 7.2.2). It holds the window of the connection that it last
 * worked for. For another connection, or after a final block, that window has to be loaded first, which costs more
 * than decompressing a short message.
 *
 * @module
 */
import { NOTHING } from "../protocol/bytes.ts";
import { constants } from "node:zlib";
import type { Inflated, InflateFailure } from "../permessage_deflate/deflate_codec.ts";
import type { SlidingWindow } from "../permessage_deflate/sliding_window.ts";
import { largerOutput, type ZlibHandle } from "./zlib_handle.ts";

const { Z_BLOCK, Z_SYNC_FLUSH } = constants;
// The 4 bytes that the sender removed, followed by two empty stored blocks. Told to stop at the end of a block, zlib
// reads exactly 4 bytes if the message is complete, none if it ended with a final block, and more if its last block
// is incomplete.
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
// After a block that ends at a byte boundary, zlib reads one of these, then the other.
const EMPTY_BLOCKS: Uint8Array = /* @__PURE__ */ ENDING.subarray(REMOVED_SIZE);
const EMPTY_BLOCK_SIZE = 5;
// More bytes than zlib can produce from them.
const ENDING_ROOM = 1032 * 14;
// zlib always keeps 32 KiB of history. With a smaller window it would accept references that are too far back.
const ZLIB_WINDOW = 32 * 1024;
const SHARED_SIZE = 128 * 1024;
// The largest output size that zlib takes.
const LARGEST_OUTPUT = 2 ** 32 - 1;

/** The header of a stored block of this size (RFC 1951, section 3.2.4). */
export function storedHeader(size: number): Uint8Array {
  return Uint8Array.of(0, size, size >>> 8, ~size, ~size >>> 8);
}

/** See {@linkcode DeflateCodec}. */
export class Inflater {
  readonly #handle: ZlibHandle;
  /** The window that zlib has loaded, and its version. */
  #window: SlidingWindow | undefined;
  #changes = 0;
  // Results stay here until the next call, unless they are larger.
  readonly #shared: Uint8Array = new Uint8Array(SHARED_SIZE);
  // Output of the current call.
  #output: Uint8Array = NOTHING;
  #written = 0;

  /** Uses a raw decoder's handle, and is its only user. */
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

  /** Decompresses blocks that follow the window. Returns how many of their bytes zlib has read. Afterwards zlib's state is unknown. */
  #read(blocks: Uint8Array, window: SlidingWindow | undefined, limit: number): number | InflateFailure {
    const isBehind = window !== undefined && window === this.#window && window.changes === this.#changes;
    this.#window = undefined;
    if (isBehind) {
      const read = this.#begin(blocks, limit);
      // The 4 bytes appended to the previous message may have completed a final block: then zlib reads nothing any
      // more.
      if (read !== 0) return read;
    }
    this.#restart(window);
    return this.#begin(blocks, limit);
  }

  #begin(blocks: Uint8Array, limit: number): number | InflateFailure {
    // One byte beyond the limit shows that the limit is passed.
    this.#output = limit + 1 < SHARED_SIZE ? this.#shared.subarray(0, limit + 1) : this.#shared;
    this.#written = 0;
    return this.#write(Z_SYNC_FLUSH, blocks, limit);
  }

  #restart(window: SlidingWindow | undefined): void {
    const handle = this.#handle;
    handle.reset();
    if (window === undefined || window.length === 0) return;
    // Deno's zlib ignores the dictionary of a raw decoder. So the window is written as a stored block, and its output
    // is discarded.
    for (const piece of [storedHeader(window.length), ...window.pieces]) {
      if (piece.length > 0) handle.write(Z_SYNC_FLUSH, piece, 0, this.#shared, 0);
    }
  }

  /** Returns how many input bytes zlib has read. */
  #write(flush: number, input: Uint8Array, limit: number): number | InflateFailure {
    const handle = this.#handle;
    const most = limit + 1;
    // zlib must stop only at the end of a block, never for lack of output space: the two look the same.
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

  /** How the message ends once the removed bytes are appended. */
  #end(limit: number): "block" | "final block" | InflateFailure {
    const before = this.#written;
    const read = this.#write(Z_BLOCK, ENDING, limit);
    if (typeof read === "string") return read;
    if (read === REMOVED_SIZE && this.#written === before) return "block";
    if (read === 0) return "final block";
    if (read > REMOVED_SIZE) return "invalid";
    // The appended bytes may have completed an unfinished block, and that may be a final one.
    const [first, second] = [this.#readEmptyBlock(), this.#readEmptyBlock()];
    if (first === 0) return "final block";
    const isAtBoundary = first === EMPTY_BLOCK_SIZE && second === EMPTY_BLOCK_SIZE;
    return read === REMOVED_SIZE && isAtBoundary ? "block" : "invalid";
  }

  /** How many bytes of empty blocks zlib reads until a block ends; `undefined` if they produce output. */
  #readEmptyBlock(): number | undefined {
    const nothing = new Uint8Array(1);
    this.#handle.write(Z_BLOCK, EMPTY_BLOCKS, 0, nothing, 0);
    const isEmpty = !this.#handle.failed && this.#handle.outputLeft === nothing.length;
    return isEmpty ? EMPTY_BLOCKS.length - this.#handle.inputLeft : undefined;
  }
}
