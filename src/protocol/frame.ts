/**
 * Writes frames (RFC 6455, section 5.2).
 *
 * @module
 */
import { FrameMemory } from "./frame_memory.ts";
import { applyMask } from "./mask.ts";

/** The bit of a frame's first byte that marks the last frame of a message. */
export const FIN = 0x80;
/** The bit of a frame's first byte that marks a compressed message (RFC 7692, section 6). */
export const RSV1 = 0x40;

const encoder: TextEncoder = /* @__PURE__ */ new TextEncoder();
const LARGEST_HEADER = 14;
// The most bytes of one character.
const LARGEST_CHARACTER = 4;

/** The part of Node's and Bun's `Buffer` that is used. */
interface Utf8Writer {
  utf8Write(text: string, start: number, length: number): number;
}

/** Encoders that a runtime may have. */
export interface TextRuntime {
  /** Node's and Bun's. */
  readonly Buffer?: { prototype: Utf8Writer };
  /** Only on Deno. */
  readonly Deno?: unknown;
}

/** A text encoder. */
export interface TextWriter {
  /** Up to this many characters a loop is faster than the call. */
  readonly loopUpTo: number;
  /**
   * Writes a text as UTF-8 into `bytes[start..end)`. Returns the number of bytes, or -1 if it may not have had room.
   */
  write(bytes: Uint8Array, start: number, end: number, text: string): number;
}

/**
 * `Buffer` encodes without a view: up to some KiB it takes three quarters of the time of `TextEncoder` on Node and
 * half on Bun (`npm run bench -- micro`). Deno's calls `TextEncoder` itself, and treats a length of 0 as absent.
 */
export function textWriter({ Buffer, Deno }: TextRuntime): TextWriter {
  if (Buffer !== undefined && Deno === undefined) {
    const { utf8Write } = Buffer.prototype;
    return {
      loopUpTo: 24,
      write(bytes, start, end, text) {
        const written = utf8Write.call(bytes as Uint8Array & Utf8Writer, text, start, end - start);
        // It silently stops before a character that does not fit.
        return start + written + LARGEST_CHARACTER <= end ? written : -1;
      },
    };
  }
  return {
    loopUpTo: 48,
    write(bytes, start, end, text) {
      const { read, written } = encoder.encodeInto(text, bytes.subarray(start, end));
      return read < text.length ? -1 : written;
    },
  };
}

const { loopUpTo, write: writeUtf8 }: TextWriter = /* @__PURE__ */ textWriter(globalThis as TextRuntime);

/** The size of a frame header: two bytes, extended payload length, masking key. */
export function headerSize(length: number, masked: boolean): number {
  return (length < 126 ? 2 : length < 65536 ? 4 : 10) + (masked ? 4 : 0);
}

/**
 * Writes a header at `start`. `firstByte` contains FIN, RSV1 to RSV3 and the opcode; `key` is the masking key, or
 * `undefined` on a server.
 */
function writeHeader(
  bytes: Uint8Array,
  start: number,
  firstByte: number,
  length: number,
  key: number | undefined,
): void {
  const mask = key === undefined ? 0 : 0x80;
  let end = start + 2;
  bytes[start] = firstByte;
  // RFC 6455, section 5.2: "the minimal number of bytes MUST be used to encode the length".
  if (length < 126) {
    bytes[start + 1] = mask | length;
  } else if (length < 65536) {
    bytes[start + 1] = mask | 126;
    bytes[start + 2] = length >>> 8;
    bytes[start + 3] = length;
    end += 2;
  } else {
    bytes[start + 1] = mask | 127;
    const high = Math.floor(length / 0x100000000);
    for (let i = 0; i < 4; i++) {
      bytes[start + 2 + i] = high >>> (24 - 8 * i);
      bytes[start + 6 + i] = length >>> (24 - 8 * i);
    }
    end += 8;
  }
  if (key !== undefined) { for (let i = 0; i < 4; i++) bytes[end + i] = key >>> (24 - 8 * i); }
}

/** Writes the header before a payload, and masks the payload. Returns where the frame begins. */
function finish(
  memory: FrameMemory,
  firstByte: number,
  payload: number,
  length: number,
  key: number | undefined,
): number {
  const start = memory.end;
  writeHeader(memory.bytes, start, firstByte, length, key);
  memory.end = payload + length;
  if (key !== undefined) applyMask(memory.bytes, payload, memory.end, key, 0);
  return start;
}

/** Writes a frame with a copy of this payload. Returns its start in `memory.bytes`; it ends at `memory.end`. */
export function writeFrame(
  memory: FrameMemory,
  firstByte: number,
  payload: Uint8Array,
  key: number | undefined,
): number {
  const header = headerSize(payload.length, key !== undefined);
  memory.reserve(header + payload.length);
  const start = memory.end + header;
  memory.bytes.set(payload, start);
  return finish(memory, firstByte, start, payload.length, key);
}

/** As {@linkcode writeFrame}, with this text as payload. Lone surrogates become U+FFFD, as everywhere on the web. */
export function writeTextFrame(
  memory: FrameMemory,
  firstByte: number,
  text: string,
  key: number | undefined,
): number {
  const { length } = text;
  memory.reserve(LARGEST_HEADER + length + LARGEST_CHARACTER);
  const { bytes } = memory;
  const start = memory.end + headerSize(length, key !== undefined);
  if (length <= loopUpTo && writeAscii(bytes, start, text)) {
    return finish(memory, firstByte, start, length, key);
  }
  // Written behind the header of an ASCII text, and moved if the header turns out longer. The longest header has
  // room.
  const written = writeUtf8(bytes, start, bytes.length - LARGEST_HEADER + (start - memory.end), text);
  if (written === -1) return writeFrame(memory, firstByte, encoder.encode(text), key);
  const moved = memory.end + headerSize(written, key !== undefined);
  if (moved !== start) bytes.copyWithin(moved, start, start + written);
  return finish(memory, firstByte, moved, written, key);
}

/** Returns whether the text was ASCII; if not, discard what was written. Four at a time is faster. */
function writeAscii(bytes: Uint8Array, start: number, text: string): boolean {
  const { length } = text;
  let i = 0;
  for (; i + 3 < length; i += 4) {
    const a = text.charCodeAt(i);
    const b = text.charCodeAt(i + 1);
    const c = text.charCodeAt(i + 2);
    const d = text.charCodeAt(i + 3);
    if ((a | b | c | d) > 0x7f) return false;
    bytes[start + i] = a;
    bytes[start + i + 1] = b;
    bytes[start + i + 2] = c;
    bytes[start + i + 3] = d;
  }
  for (; i < length; i++) {
    const code = text.charCodeAt(i);
    if (code > 0x7f) return false;
    bytes[start + i] = code;
  }
  return true;
}

/** A single frame; see {@linkcode writeFrame}. */
export function encodeFrame(firstByte: number, payload: Uint8Array, key: number | undefined): Uint8Array {
  const memory = new FrameMemory(0);
  const start = writeFrame(memory, firstByte, payload, key);
  return memory.bytes.subarray(start, memory.end);
}

/** A single frame; see {@linkcode writeTextFrame}. */
export function encodeTextFrame(firstByte: number, text: string, key: number | undefined): Uint8Array {
  const memory = new FrameMemory(0);
  const start = writeTextFrame(memory, firstByte, text, key);
  return memory.bytes.slice(start, memory.end);
}
