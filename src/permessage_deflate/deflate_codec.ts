/**
 * The interface to a DEFLATE implementation (RFC 1951). Synchronous, so that messages stay in order.
 *
 * @module
 */
import type { SlidingWindow } from "./sliding_window.ts";

/** A DEFLATE implementation. Results may share memory with later results: use them up before the next call. */
export interface DeflateCodec {
  /**
   * Compresses bytes into blocks that end at a byte boundary with an empty stored block: 00 00 ff ff (RFC 7692,
   * section 7.2.1). The blocks may refer back to `window`, the bytes before, by at most `2 ** windowBits` bytes.
   */
  deflate(bytes: Uint8Array, options: DeflateSettings): Uint8Array;
  /**
   * Decompresses a message, or the rest of one, up to the end of a final block. `blocks` is at least one byte, as the
   * peer sent it, to which the 4 removed bytes are appended (RFC 7692, section 7.2.2). The blocks may refer back to
   * `window`, to which the output is added. `"too-large"` as soon as the output exceeds `limit`; `"invalid"` if the
   * bytes are not DEFLATE, or the last block does not end.
   */
  inflate(blocks: Uint8Array, window: SlidingWindow | undefined, limit: number): Inflated | InflateFailure;
  /** Checks the beginning of a message for errors. Adds nothing to the window. */
  inspect(blocks: Uint8Array, window: SlidingWindow | undefined, limit: number): InflateFailure | undefined;
}

/** How to compress. */
export interface DeflateSettings {
  /** The bytes before; empty for an independent message. */
  readonly window: Uint8Array;
  /** How far back the blocks may refer, in bits: 8 to 15. */
  readonly windowBits: number;
  /** 0 (no compression) to 9 (best). */
  readonly level: number;
}

/** Decompressed output. */
export interface Inflated {
  /** The bytes. */
  readonly bytes: Uint8Array;
  /** How many input bytes were read: all, or up to the end of a final block. */
  readonly consumed: number;
}

/** Why there is no output. */
export type InflateFailure = "too-large" | "invalid";
