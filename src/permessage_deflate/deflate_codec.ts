/**
 * The seam to a DEFLATE implementation (RFC 1951). It is synchronous, so that messages keep their order by themselves,
 * and holds nothing between two calls.
 *
 * @module
 */

/** A DEFLATE implementation. */
export interface DeflateCodec {
  /**
   * Compresses bytes into blocks that end at a byte boundary with an empty stored block: 00 00 ff ff (RFC 7692, section
   * 7.2.1). `window` is what went before, which the blocks may refer back to; they refer back by no more than
   * `2 ** windowBits` bytes. The result may share memory with later ones: it is used up before the next call.
   */
  deflate(bytes: Uint8Array, options: DeflateSettings): Uint8Array;
  /**
   * Decompresses blocks up to the end of a final one, or of the bytes. Answers what came out, which may share memory
   * with later results, and how many bytes were read; or `"too-large"` as soon as more than `limit` bytes come out, or
   * `"invalid"` where the bytes are no DEFLATE. If `whole`, blocks that do not end are invalid, too.
   */
  inflate(bytes: Uint8Array, limit: number, whole: boolean): Inflated | "too-large" | "invalid";
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
  /** How many of the compressed bytes were read. */
  readonly consumed: number;
}
