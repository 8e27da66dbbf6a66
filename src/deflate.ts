/**
 * DEFLATE by `node:zlib`, which Node, Deno and Bun all have, in one-shot calls: they are synchronous, hold no memory
 * between two messages, and are several times as fast as the libraries in JavaScript (`bench/deflate_codecs.ts`).
 *
 * @module
 */
import { constants, deflateRawSync, inflateRawSync } from "node:zlib";
import type { DeflateCodec, DeflateSettings, Inflated } from "./permessage_deflate/deflate_codec.ts";

const { Z_SYNC_FLUSH, Z_FINISH } = constants;
// zlib makes 9 of 8. It never refers back by more than the window less 262 bytes, so that 9 bits keep to a window of 8.
const SMALLEST_WINDOW_BITS = 9;
// A deflater for less needs a tenth of the memory, and of the time to clear it.
const SMALL_UP_TO = 3800;
const SMALL_WINDOW_BITS = 12;
const SMALL_MEMORY_LEVEL = 5;
const MEMORY_LEVEL = 8;
const SMALLEST_CHUNK = 64;
const LARGEST_CHUNK = 64 * 1024;
// Texts come to between three and ten times their compressed size.
const EXPECTED_RATIO = 8;

/** The codec of every runtime. */
export const zlibCodec: DeflateCodec = { deflate, inflate };

function deflate(bytes: Uint8Array, settings: DeflateSettings): Uint8Array {
  const { window, windowBits, level } = settings;
  const dictionary = window.length > 0 && takesDictionaries() ? window : undefined;
  if (window.length > 0 && dictionary === undefined && substitute !== undefined) {
    return substitute(bytes, settings);
  }
  const small = dictionary === undefined && bytes.length <= SMALL_UP_TO;
  const bits = Math.max(SMALLEST_WINDOW_BITS, small ? Math.min(SMALL_WINDOW_BITS, windowBits) : windowBits);
  return deflateRawSync(bytes, {
    level,
    windowBits: bits,
    memLevel: bits <= SMALL_WINDOW_BITS ? SMALL_MEMORY_LEVEL : MEMORY_LEVEL,
    finishFlush: Z_SYNC_FLUSH,
    chunkSize: Math.min(LARGEST_CHUNK, bytes.length + (bytes.length >>> 3) + SMALLEST_CHUNK),
    ...(dictionary && { dictionary }),
  });
}

function inflate(bytes: Uint8Array, limit: number, whole: boolean): Inflated | "too-large" | "invalid" {
  try {
    const options = {
      finishFlush: whole ? Z_FINISH : Z_SYNC_FLUSH,
      maxOutputLength: Math.max(1, limit),
      chunkSize: Math.max(SMALLEST_CHUNK, Math.min(LARGEST_CHUNK, limit, EXPECTED_RATIO * bytes.length)),
      info: true,
    };
    // With `info` the answer is more than its type says.
    const { buffer, engine } = inflateRawSync(bytes, options) as unknown as {
      buffer: Uint8Array;
      engine: { bytesWritten: number };
    };
    if (buffer.length > limit) return "too-large";
    return { bytes: buffer, consumed: engine.bytesWritten };
  } catch (error) {
    return (error as { code?: unknown }).code === "ERR_BUFFER_TOO_LARGE" ? "too-large" : "invalid";
  }
}

let dictionaries: boolean | undefined;

/** Whether the runtime's zlib heeds the dictionary of a raw deflater. Deno's (2.9) does not. */
function takesDictionaries(): boolean {
  if (dictionaries === undefined) {
    const window = new Uint8Array(64).map((_, index) => 31 * index);
    const size = (dictionary: Uint8Array | undefined): number =>
      deflateRawSync(window, { finishFlush: Z_SYNC_FLUSH, ...(dictionary && { dictionary }) }).length;
    dictionaries = size(window) < size(undefined);
  }
  return dictionaries;
}

let substitute: DeflateCodec["deflate"] | undefined;
let loading: Promise<void> | undefined;

/**
 * Messages are to refer to those before them. Where zlib cannot do that, a library in JavaScript is loaded, if it is
 * installed; until it is there, messages are compressed afresh, which is always lawful (RFC 7692, section 7.2.1).
 */
export function prepareContextTakeover(): Promise<void> {
  return loading ??= takesDictionaries()
    ? Promise.resolve()
    : import("./deflate_substitute.ts").then((module) => void (substitute = module.deflate), () => {});
}
