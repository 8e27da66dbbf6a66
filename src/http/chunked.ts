/**
 * Decodes the chunked transfer coding (RFC 9112, section 7.1) of a body as it arrives.
 *
 * @module
 */

const TAB = 0x09;
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const SPACE = 0x20;
const SEMICOLON = 0x3b;

type Expected =
  | "size"
  | "size or its end"
  | "CR"
  | "LF"
  | "data"
  | "CR behind data"
  | "LF behind data"
  | "nothing";

/** Reads chunk sizes and data. Extensions are skipped, and trailers are not waited for. */
export class ChunkedReader {
  #expected: Expected = "size";
  #left = 0;

  /** Whether the last chunk has arrived, or something invalid. */
  get done(): boolean {
    return this.#expected === "nothing";
  }

  /** The data in these bytes, borrowed. */
  *read(bytes: Uint8Array): Generator<Uint8Array> {
    for (let position = 0; position < bytes.length && !this.done;) {
      if (this.#expected !== "data") {
        this.#expected = this.#next(bytes[position++]!);
        continue;
      }
      const data = bytes.subarray(position, position + this.#left);
      position += data.length;
      this.#left -= data.length;
      if (this.#left === 0) this.#expected = "CR behind data";
      yield data;
    }
  }

  /** What is expected after this byte. */
  #next(byte: number): Expected {
    switch (this.#expected) {
      case "size":
      case "size or its end": {
        const digit = hexDigit(byte);
        if (digit !== undefined) {
          // RFC 9112, section 7.1: "recipients MUST anticipate potentially large hexadecimal numerals"; a float does
          // not wrap.
          this.#left = 16 * this.#left + digit;
          return "size or its end";
        }
        if (this.#expected === "size") return "nothing";
        if (byte === SEMICOLON || byte === SPACE || byte === TAB) return "CR";
        return byte === CARRIAGE_RETURN ? "LF" : "nothing";
      }
      case "CR":
        if (byte === LINE_FEED) return "nothing";
        return byte === CARRIAGE_RETURN ? "LF" : "CR";
      case "LF":
        return byte === LINE_FEED && this.#left > 0 ? "data" : "nothing";
      case "CR behind data":
        return byte === CARRIAGE_RETURN ? "LF behind data" : "nothing";
      default:
        return byte === LINE_FEED ? "size" : "nothing";
    }
  }
}

function hexDigit(code: number): number | undefined {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const letter = code | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : undefined;
}
