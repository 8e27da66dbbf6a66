/**
 * Copies of borrowed bytes.
 *
 * @module
 */

/** No bytes. */
export const NOTHING: Uint8Array = /* @__PURE__ */ new Uint8Array(0);

/** A copy of `bytes[start..end)`, always a plain `Uint8Array`: a slice of Node's `Buffer` is not a copy. */
export function copyOf(bytes: Uint8Array, start: number, end: number): Uint8Array {
  const copy = new Uint8Array(end - start);
  copy.set(start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end));
  return copy;
}

/** Joins the pieces; `size` is the sum of their lengths. */
export function concat(pieces: readonly Uint8Array[], size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  let position = 0;
  for (const piece of pieces) {
    bytes.set(piece, position);
    position += piece.length;
  }
  return bytes;
}
