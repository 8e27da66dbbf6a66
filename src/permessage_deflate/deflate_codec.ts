/**
 * The seam to a DEFLATE implementation (RFC 1951). It is synchronous, so that messages keep their order by themselves.
 *
 * @module
 */
import type { SlidingWindow } from "./sliding_window.ts";

/** A DEFLATE implementation. What it answers may share memory with later answers: it is used up before the next call. */
export interface DeflateCodec {
  /**
   * Compresses bytes into blocks that end at a byte boundary with an empty stored block: 00 00 ff ff (RFC 7692, section
   * 7.2.1). `window` is what went before, which the blocks may refer back to; they refer back by no more than
   * `2 ** windowBits` bytes.
   */
  deflate(bytes: Uint8Array, options: DeflateSettings): Uint8Array;
  /**
   * Decompresses a message, or the rest of one, up to the end of a final block: `blocks` as the peer sent them, at least
   * one byte, to which the four that it left out are put back (RFC 7692, section 7.2.2). They may refer back to
   * `window`, to which what comes out is added. `"too-large"` as soon as more than `limit` bytes come out; `"invalid"`
   * where the bytes are no DEFLATE, or the last block does not end.
   */
  inflate(blocks: Uint8Array, window: SlidingWindow | undefined, limit: number): Inflated | InflateFailure;
  /** What is wrong with the beginning of a message, if anything is. Nothing is added to the window. */
  inspect(blocks: Uint8Array, window: SlidingWindow | undefined, limit: number): InflateFailure | undefined;
}

/** How to compress. */
export interface DeflateSettings {
  /** What went before; empty for a message that stands by itself. */
  readonly window: Uint8Array;
  /** How far back the blocks may refer, in bits: 8 to 15. */
  readonly windowBits: number;
  /** From 0, no compression, to 9, the best. */
  readonly level: number;
}

/** What has come out. */
export interface Inflated {
  /** The bytes. */
  readonly bytes: Uint8Array;
  /** How many of the blocks' bytes were read: all, or up to the end of a final block. */
  readonly consumed: number;
}

/** Why nothing has come out. */
export type InflateFailure = "too-large" | "invalid";
