/**
 * UTF-8 as RFC 6455, section 8.1, requires it for text: checked as bytes arrive, so that an invalid byte is detected
 * in the middle of a frame.
 *
 * @module
 */
import { type BufferGlobal, type Latin1Reader, latin1Reader } from "./latin1.ts";

// ignoreBOM: U+FEFF at the start of a text is part of the text.
const decoder: TextDecoder = /* @__PURE__ */ new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Decodes bytes that are all ASCII: as Latin-1, which is the same and faster. */
export function asciiDecoder(globals: BufferGlobal): Latin1Reader {
  if (globals.Buffer !== undefined) return latin1Reader(globals);
  const latin1 = new TextDecoder("latin1");
  return (bytes, start, end) => latin1.decode(bytes.subarray(start, end));
}

const decodeAscii: Latin1Reader = /* @__PURE__ */ asciiDecoder(globalThis as BufferGlobal);

/**
 * The text of `bytes[start..end)`, or `undefined` if it is not UTF-8 or too long for a string. `seen` is these bytes
 * OR-ed together.
 */
export function decodeText(
  bytes: Uint8Array,
  start: number,
  end: number,
  seen: number,
): string | undefined {
  try {
    if ((seen & 0x80808080) === 0) return decodeAscii(bytes, start, end);
    return decoder.decode(bytes.subarray(start, end));
  } catch {
    return undefined;
  }
}

/** Checks UTF-8 that arrives in pieces. */
export class Utf8Validator {
  // The Unicode Standard, table 3-7: how many continuation bytes follow, and the bounds of the next.
  #needed = 0;
  #lower = 0x80;
  #upper = 0xbf;

  /** Whether the bytes so far end between two characters. */
  get complete(): boolean {
    return this.#needed === 0;
  }

  /** Checks `bytes[start..end)`. Returns `false` at the first byte that is invalid UTF-8. */
  check(bytes: Uint8Array, start: number, end: number): boolean {
    for (let i = start; i < end; i++) {
      const byte = bytes[i]!;
      if (this.#needed === 0) {
        if (byte < 0x80) continue;
        if (!this.#begin(byte)) return false;
      } else {
        if (byte < this.#lower || byte > this.#upper) return false;
        this.#lower = 0x80;
        this.#upper = 0xbf;
        this.#needed--;
      }
    }
    return true;
  }

  #begin(byte: number): boolean {
    if (byte < 0xc2 || byte > 0xf4) return false;
    if (byte < 0xe0) {
      this.#needed = 1;
    } else if (byte < 0xf0) {
      this.#needed = 2;
      if (byte === 0xe0) this.#lower = 0xa0;
      else if (byte === 0xed) this.#upper = 0x9f;
    } else {
      this.#needed = 3;
      if (byte === 0xf0) this.#lower = 0x90;
      else if (byte === 0xf4) this.#upper = 0x8f;
    }
    return true;
  }
}

/** The UTF-8 size of a text without lone surrogates. */
export function utf8Length(text: string): number {
  let length = text.length;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code < 0x80) continue;
    // Each half of a surrogate pair counts two: together they are four bytes.
    length += code < 0x800 || (code >= 0xd800 && code <= 0xdfff) ? 1 : 2;
  }
  return length;
}
