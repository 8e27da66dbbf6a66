/**
 * DEFLATE by `node:zlib`, which Node, Deno and Bun all have: synchronous, holding no memory between two messages but
 * what all connections share, and several times as fast as the libraries in JavaScript (docs/COMPRESSION.md).
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
import { inOutermostContext } from "./outermost_context.ts";
import type { DeflateCodec, DeflateSettings, Inflated } from "./permessage_deflate/deflate_codec.ts";
import { ZlibHandle } from "./zlib_handle.ts";

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
// The most that every runtime's zlib takes for a limit.
const LARGEST_OUTPUT = 2 ** 32;
// Texts come to between three and ten times their compressed size.
const EXPECTED_RATIO = 8;
const SHARED_SIZE = 128 * 1024;

/** The codec of every runtime. */
export const zlibCodec: DeflateCodec = {
  deflate(bytes, settings) {
    const { window, windowBits, level } = settings;
    // A handle cannot be given a window.
    if (window.length > 0) return deflateBehind(bytes, settings);
    const bits = bytes.length <= SMALL_UP_TO ? Math.min(SMALL_WINDOW_BITS, windowBits) : windowBits;
    const handle = deflater(bits, level);
    if (handle === undefined) return oneShotCodec.deflate(bytes, settings);
    handle.reset();
    return deflateOn(handle, bytes);
  },
  inflate(bytes, limit, whole) {
    inflater ??= inOutermostContext(() => ZlibHandle.of(createInflateRaw())) ?? "none";
    return inflater === "none"
      ? oneShotCodec.inflate(bytes, limit, whole)
      : inflateBy(inflater, bytes, limit, whole);
  },
};

/** The codec that needs nothing but the documented functions of `node:zlib`. */
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
  inflate(bytes, limit, whole) {
    try {
      const options = {
        finishFlush: whole ? Z_FINISH : Z_SYNC_FLUSH,
        maxOutputLength: Math.min(LARGEST_OUTPUT, Math.max(1, limit)),
        chunkSize: Math.max(SMALLEST_CHUNK, Math.min(LARGEST_CHUNK, limit, EXPECTED_RATIO * bytes.length)),
        info: true,
      };
      // With `info` the answer is more than its type says.
      const { buffer, engine } = inflateRawSync(bytes, options) as unknown as {
        buffer: Uint8Array;
        engine: { bytesWritten: number };
      };
      return buffer.length > limit ? "too-large" : { bytes: buffer, consumed: engine.bytesWritten };
    } catch (error) {
      return (error as { code?: unknown }).code === "ERR_BUFFER_TOO_LARGE" ? "too-large" : "invalid";
    }
  },
};

function deflaterOptions(windowBits: number, level: number): ZlibOptions {
  return {
    level,
    windowBits: Math.max(SMALLEST_WINDOW_BITS, windowBits),
    memLevel: windowBits <= SMALL_WINDOW_BITS ? SMALL_MEMORY_LEVEL : MEMORY_LEVEL,
  };
}

/** More than bytes come to when they cannot be compressed. */
function deflatedSize(size: number): number {
  return size + (size >>> 3) + SMALLEST_CHUNK;
}

const deflaters: Map<number, ZlibHandle | undefined> = /* @__PURE__ */ new Map();
let inflater: ZlibHandle | "none" | undefined;
// Where results lie until the next call, unless they are larger.
let shared: Uint8Array | undefined;

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
    // zlib asks to be called again as long as it fills the output.
    if (written < output.length) return output.subarray(0, written);
    output = larger(output, 2 * output.length);
  }
}

function inflateBy(
  handle: ZlibHandle,
  bytes: Uint8Array,
  limit: number,
  whole: boolean,
): Inflated | "too-large" | "invalid" {
  // A byte beyond the limit shows that it is passed.
  const most = limit + 1;
  let output = outputOf(SHARED_SIZE);
  if (output.length > most) output = output.subarray(0, most);
  handle.reset();
  for (let read = 0, written = 0;;) {
    handle.write(whole ? Z_FINISH : Z_SYNC_FLUSH, bytes, read, output, written);
    if (handle.failed) return "invalid";
    read = bytes.length - handle.inputLeft;
    written = output.length - handle.outputLeft;
    if (written > limit) return "too-large";
    if (written < output.length) return { bytes: output.subarray(0, written), consumed: read };
    output = larger(output, Math.min(most, 4 * output.length));
  }
}

function outputOf(size: number): Uint8Array {
  if (size > SHARED_SIZE) return new Uint8Array(size);
  return shared ??= new Uint8Array(SHARED_SIZE);
}

function larger(output: Uint8Array, size: number): Uint8Array {
  const copy = new Uint8Array(size);
  copy.set(output);
  return copy;
}

function deflateBehind(bytes: Uint8Array, settings: DeflateSettings): Uint8Array {
  if (takesDictionaries()) return oneShotCodec.deflate(bytes, settings);
  const { window, windowBits, level } = settings;
  const handle = deflater(windowBits, level);
  // To compress a message afresh is always lawful (RFC 7692, section 7.2.1).
  if (handle === undefined) return oneShotCodec.deflate(bytes, { window: NOTHING, windowBits, level });
  handle.reset();
  // What comes of the window is thrown away; the deflater remembers it.
  handle.write(Z_SYNC_FLUSH, window, 0, outputOf(deflatedSize(window.length)), 0);
  return deflateOn(handle, bytes);
}

const NOTHING: Uint8Array = /* @__PURE__ */ new Uint8Array(0);
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
