/**
 * DEFLATE by pako, zlib in JavaScript, for messages that refer to those before them on a runtime whose zlib takes no
 * dictionary: Deno. It is ten times slower.
 *
 * @module
 */
import { Deflate, Z_SYNC_FLUSH } from "pako";
import type { DeflateSettings } from "./permessage_deflate/deflate_codec.ts";
import { concat } from "./protocol/bytes.ts";

/** See {@linkcode DeflateCodec.deflate}. */
export function deflate(bytes: Uint8Array, { window, windowBits, level }: DeflateSettings): Uint8Array {
  const pieces: Uint8Array[] = [];
  let size = 0;
  const deflater = new Deflate({
    raw: true,
    level: level as 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9,
    windowBits: Math.max(9, windowBits),
    memLevel: windowBits <= 12 ? 5 : 8,
    dictionary: window,
  });
  deflater.onData = (piece: Uint8Array): void => {
    pieces.push(piece);
    size += piece.length;
  };
  deflater.push(bytes, Z_SYNC_FLUSH);
  return concat(pieces, size);
}
