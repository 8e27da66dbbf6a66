/**
 * Ways to split a byte stream into pieces.
 *
 * @module
 */

/**
 * How bytes are split: `"bytes"`: one byte each; a number: at most that many bytes each; a seed: random pieces of 1
 * to `largest` bytes (default 1024), the same for the same seed.
 */
export type Split = "bytes" | number | { readonly seed: number; readonly largest?: number };

/**
 * Returns a function that gives the size of each piece. Throws a `RangeError` for a size that is not a whole number
 * of at least 1.
 */
export function pieceSizes(split: Split | undefined): () => number {
  if (split === undefined) return () => Infinity;
  if (split === "bytes") return () => 1;
  if (typeof split === "number") {
    checkSize(split);
    return () => split;
  }
  const largest = split.largest ?? 1024;
  checkSize(largest);
  const random = generator(split.seed);
  return () => 1 + Math.floor(random() * largest);
}

function checkSize(size: number): void {
  if (Number.isInteger(size) && size >= 1) return;
  throw new RangeError(`Cannot split into pieces of ${size} bytes: give a whole number of at least 1.`);
}

/** Mulberry32: numbers from 0 up to 1. */
function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x100000000;
  };
}
