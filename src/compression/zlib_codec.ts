/**
 * DEFLATE with `node:zlib`, which Node, Deno and Bun all have. It is synchronous, and several times as fast as the
 * JavaScript libraries (docs/COMPRESSION.md). Which part does the work:
 *
 * | work                                     | with zlib's handle      | without it                        |
 * | ---------------------------------------- | ----------------------- | --------------------------------- |
 * | compress a message by itself             | a shared deflater       | `deflateRawSync()`                |
 * | compress behind a window, Node and Bun   | `deflateRawSync()`, the window is its dictionary            ||
 * | compress behind a window, Deno           | a shared deflater reads the window first | by itself        |
 * | decompress                               | `Inflater`, one for all | `inflateRawSync()` behind the window |
 *
 * The handle (`zlib_handle.ts`) is looked up once. A runtime without a compatible one uses only the documented
 * functions.
 *
 * @module
 */
import {
  constants,
  createDeflateRaw,
  createInflateRaw,
  deflateRawSync,
  inflateRawSync,
  type ZlibOptions,
} from "node:zlib";
import { concat, NOTHING } from "../protocol/bytes.ts";
import { inOutermostContext } from "../support/outermost_context.ts";
import { Inflater, storedHeader } from "./inflater.ts";
import type {
  DeflateCodec,
  DeflateSettings,
  Inflated,
  InflateFailure,
} from "../permessage_deflate/deflate_codec.ts";
import type { SlidingWindow } from "../permessage_deflate/sliding_window.ts";
import { largerOutput, ZlibHandle } from "./zlib_handle.ts";

const { Z_SYNC_FLUSH, Z_FINISH } = constants;
// zlib turns 8 into 9. It never refers back further than the window less 262 bytes, so 9 bits stay within a window of
// 8.
const SMALLEST_WINDOW_BITS = 9;
// A deflater for small messages takes a tenth of the memory, and of the time to clear it.
const SMALL_UP_TO = 3800;
const SMALL_WINDOW_BITS = 12;
const SMALL_MEMORY_LEVEL = 5;
const MEMORY_LEVEL = 8;
const SMALLEST_CHUNK = 64;
const LARGEST_CHUNK = 64 * 1024;
// The largest limit that every runtime's zlib accepts.
const LARGEST_OUTPUT = 2 ** 32;
// Text is three to ten times its compressed size.
const EXPECTED_RATIO = 8;
const SHARED_SIZE = 128 * 1024;
// RFC 7692, section 7.2.2: the removed bytes to append, then a final block whose content shows whether the message
// had ended before it.
const REMOVED: readonly number[] = [0x00, 0x00, 0xff, 0xff];
const MARK: readonly number[] = [0xd1, 0x5e, 0x07, 0xa3, 0x6b, 0xf4, 0x28, 0x9c];
const ENDING: Uint8Array = /* @__PURE__ */ new Uint8Array([
  ...REMOVED,
  0x01,
  0x08,
  0x00,
  0xf7,
  0xff,
  ...MARK,
]);

/** The codec for every runtime. */
export const zlibCodec: DeflateCodec = {
  deflate(bytes, settings) {
    const { window, windowBits, level } = settings;
    // A handle cannot be given a window (dictionary).
    if (window.length > 0) return deflateBehind(bytes, settings);
    const bits = bytes.length <= SMALL_UP_TO ? Math.min(SMALL_WINDOW_BITS, windowBits) : windowBits;
    const handle = deflater(bits, level);
    if (handle === undefined) return oneShotCodec.deflate(bytes, settings);
    handle.reset();
    return deflateOn(handle, bytes);
  },
  inflate(blocks, window, limit) {
    return decoder().inflate(blocks, window, limit);
  },
  inspect(blocks, window, limit) {
    return decoder().inspect(blocks, window, limit);
  },
};

/** The codec that uses only the documented functions of `node:zlib`. */
export const oneShotCodec: DeflateCodec = {
  deflate(bytes, { window, windowBits, level }) {
    const small = window.length === 0 && bytes.length <= SMALL_UP_TO;
    return deflateRawSync(bytes, {
      ...deflaterOptions(small ? Math.min(SMALL_WINDOW_BITS, windowBits) : windowBits, level),
      finishFlush: Z_SYNC_FLUSH,
      chunkSize: Math.min(LARGEST_CHUNK, deflatedSize(bytes.length)),
      ...(window.length > 0 && { dictionary: window }),
    });
  },
  inflate(blocks, window, limit) {
    const inflated = inflateOnce(blocks, window, limit + MARK.length, ENDING);
    if (typeof inflated === "string") return inflated;
    const { bytes, consumed } = inflated;
    const isMarked = consumed === blocks.length + ENDING.length;
    const ended = isMarked
      ? MARK.every((byte, i) => byte === bytes.at(i - MARK.length))
      : consumed <= blocks.length + REMOVED.length;
    if (!ended) return "invalid";
    const message = isMarked ? bytes.subarray(0, bytes.length - MARK.length) : bytes;
    if (message.length > limit) return "too-large";
    window?.append(message);
    return { bytes: message, consumed: Math.min(blocks.length, consumed) };
  },
  inspect(blocks, window, limit) {
    const inflated = inflateOnce(blocks, window, limit, NOTHING);
    return typeof inflated === "string" ? inflated : undefined;
  },
};

/** The window is written as a stored block before the message, since not every decoder takes a dictionary. */
function inflateOnce(
  blocks: Uint8Array,
  window: SlidingWindow | undefined,
  limit: number,
  ending: Uint8Array,
): Inflated | InflateFailure {
  const behind = window?.length ?? 0;
  const before = behind === 0 ? [] : [storedHeader(behind), window!.bytes];
  const pieces = [...before, blocks, ending];
  const input = concat(pieces, pieces.reduce((size, piece) => size + piece.length, 0));
  const most = behind + limit;
  try {
    const options = {
      finishFlush: ending.length > 0 ? Z_FINISH : Z_SYNC_FLUSH,
      maxOutputLength: Math.min(LARGEST_OUTPUT, Math.max(1, most)),
      chunkSize: Math.max(SMALLEST_CHUNK, Math.min(LARGEST_CHUNK, most, EXPECTED_RATIO * input.length)),
      info: true,
    };
    // With `info: true` the result is more than its type says.
    const { buffer, engine } = inflateRawSync(input, options) as unknown as {
      buffer: Uint8Array;
      engine: { bytesWritten: number };
    };
    if (buffer.length > most) return "too-large";
    const start = input.length - blocks.length - ending.length;
    return { bytes: buffer.subarray(behind), consumed: engine.bytesWritten - start };
  } catch (error) {
    return (error as { code?: unknown }).code === "ERR_BUFFER_TOO_LARGE" ? "too-large" : "invalid";
  }
}

function deflaterOptions(windowBits: number, level: number): ZlibOptions {
  return {
    level,
    windowBits: Math.max(SMALLEST_WINDOW_BITS, windowBits),
    memLevel: windowBits <= SMALL_WINDOW_BITS ? SMALL_MEMORY_LEVEL : MEMORY_LEVEL,
  };
}

/** An upper bound on the size of incompressible bytes. */
function deflatedSize(size: number): number {
  return size + (size >>> 3) + SMALLEST_CHUNK;
}

const deflaters: Map<number, ZlibHandle | undefined> = /* @__PURE__ */ new Map();
// Results stay here until the next call, unless they are larger.
let shared: Uint8Array | undefined;
let inflater: Pick<DeflateCodec, "inflate" | "inspect"> | undefined;

function decoder(): Pick<DeflateCodec, "inflate" | "inspect"> {
  if (inflater === undefined) {
    const handle = inOutermostContext(() => ZlibHandle.of(createInflateRaw()));
    inflater = handle === undefined ? oneShotCodec : new Inflater(handle);
  }
  return inflater;
}

function deflater(windowBits: number, level: number): ZlibHandle | undefined {
  const key = 16 * level + windowBits;
  if (!deflaters.has(key)) {
    const options = deflaterOptions(windowBits, level);
    deflaters.set(key, inOutermostContext(() => ZlibHandle.of(createDeflateRaw(options))));
  }
  return deflaters.get(key);
}

function deflateOn(handle: ZlibHandle, bytes: Uint8Array): Uint8Array {
  let output = outputOf(deflatedSize(bytes.length));
  for (let read = 0, written = 0;;) {
    handle.write(Z_SYNC_FLUSH, bytes, read, output, written);
    read = bytes.length - handle.inputLeft;
    written = output.length - handle.outputLeft;
    // zlib wants another call as long as it fills the output.
    if (written < output.length) return output.subarray(0, written);
    output = largerOutput(output, 2 * output.length);
  }
}

function outputOf(size: number): Uint8Array {
  if (size > SHARED_SIZE) return new Uint8Array(size);
  return shared ??= new Uint8Array(SHARED_SIZE);
}

function deflateBehind(bytes: Uint8Array, settings: DeflateSettings): Uint8Array {
  if (takesDictionaries()) return oneShotCodec.deflate(bytes, settings);
  const { window, windowBits, level } = settings;
  const handle = deflater(windowBits, level);
  // Compressing a message independently is always allowed (RFC 7692, section 7.2.1).
  if (handle === undefined) return oneShotCodec.deflate(bytes, { window: NOTHING, windowBits, level });
  handle.reset();
  // The output for the window is discarded; the deflater keeps its state.
  handle.write(Z_SYNC_FLUSH, window, 0, outputOf(deflatedSize(window.length)), 0);
  return deflateOn(handle, bytes);
}

let dictionaries: boolean | undefined;

/** Whether the runtime's zlib uses the dictionary of a raw deflater. Deno's (2.9) does not. */
function takesDictionaries(): boolean {
  if (dictionaries === undefined) {
    const window = new Uint8Array(64).map((_, index) => 31 * index);
    const size = (dictionary: Uint8Array | undefined): number =>
      deflateRawSync(window, { finishFlush: Z_SYNC_FLUSH, ...(dictionary && { dictionary }) }).length;
    dictionaries = size(window) < size(undefined);
  }
  return dictionaries;
}
