/** Frames as they are written, held to RFC 6455, section 5, by code that shares nothing with the library. */
import { ensure, hexOf } from "./target.ts";

/** A frame that was written, and was right. */
export interface WrittenFrame {
  readonly fin: boolean;
  readonly rsv1: boolean;
  readonly opcode: number;
  readonly payload: Uint8Array;
}

/** A status code that may stand in a Close frame. */
export function isLawfulCode(code: number): boolean {
  return (code >= 1000 && code <= 1014 && code !== 1004 && code !== 1005 && code !== 1006) ||
    (code >= 3000 && code <= 4999);
}

/** Bytes that are UTF-8, by table 3-7 of the Unicode Standard. */
export const UTF8: RegExp = utf8("");
/** Bytes that are UTF-8, or its beginning. */
export const UTF8_BEGUN: RegExp = utf8(
  "(?:[\\xc2-\\xf4]|\\xe0[\\xa0-\\xbf]|[\\xe1-\\xec\\xee\\xef][\\x80-\\xbf]|\\xed[\\x80-\\x9f]|" +
    "\\xf0[\\x90-\\xbf][\\x80-\\xbf]?|[\\xf1-\\xf3][\\x80-\\xbf]{1,2}|\\xf4[\\x80-\\x8f][\\x80-\\xbf]?)?",
);

function utf8(end: string): RegExp {
  const two = "[\\xc2-\\xdf][\\x80-\\xbf]";
  const three =
    "\\xe0[\\xa0-\\xbf][\\x80-\\xbf]|[\\xe1-\\xec\\xee\\xef][\\x80-\\xbf]{2}|\\xed[\\x80-\\x9f][\\x80-\\xbf]";
  const four =
    "\\xf0[\\x90-\\xbf][\\x80-\\xbf]{2}|[\\xf1-\\xf3][\\x80-\\xbf]{3}|\\xf4[\\x80-\\x8f][\\x80-\\xbf]{2}";
  return new RegExp(`^(?:[\\x00-\\x7f]|${two}|${three}|${four})*${end}$`);
}

/** One direction of a connection: what its sender writes. */
export class Auditor {
  readonly #masks: boolean;
  readonly #deflate: boolean;
  #open = false;
  #closed = false;

  constructor(sender: "client" | "server", deflate: boolean) {
    this.#masks = sender === "client";
    this.#deflate = deflate;
  }

  /** Whether a Close frame was written. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Reads `bytes[start..end)`, which must be one frame that may come next. */
  read(bytes: Uint8Array, start: number, end: number): WrittenFrame {
    const wrong = (what: string) => () =>
      `${what} was written: ${hexOf(bytes.subarray(start, Math.min(end, start + 40)))}`;
    const [first = 0, second = 0] = [bytes[start], bytes[start + 1]];
    const opcode = first & 15;
    const fin = first >= 128;
    const rsv1 = (first & 64) !== 0;
    ensure(!this.#closed, wrong("a frame behind a Close frame"));
    ensure((first & 0x30) === 0, wrong("RSV2 or RSV3"));
    ensure(!rsv1 || (this.#deflate && (opcode === 1 || opcode === 2)), wrong("a wrong RSV1"));
    ensure((second >= 128) === this.#masks, wrong("a wrong mask bit"));
    let at = start + 2;
    let length = second & 127;
    if (length === 126) {
      length = bytes[at]! * 256 + bytes[at + 1]!;
      ensure(length > 125, wrong("a length of too many bytes"));
      at += 2;
    } else if (length === 127) {
      length = 0;
      for (let i = 0; i < 8; i++) length = length * 256 + bytes[at + i]!;
      ensure(length > 65535 && length <= Number.MAX_SAFE_INTEGER, wrong("a length of too many bytes"));
      at += 8;
    }
    const key = this.#masks ? at : undefined;
    if (key !== undefined) at += 4;
    ensure(at + length === end, wrong("no whole frame"));
    const payload = bytes.slice(at, end);
    if (key !== undefined) { for (let i = 0; i < length; i++) payload[i]! ^= bytes[key + (i & 3)]!; }
    if (opcode >= 8) {
      ensure(opcode <= 10 && fin && length <= 125, wrong("a wrong control frame"));
      if (opcode === 8) this.#close(payload, wrong);
    } else {
      ensure(opcode <= 2 && (opcode === 0) === this.#open, wrong("a fragment out of order"));
      this.#open = !fin;
    }
    return { fin, rsv1, opcode, payload };
  }

  #close(payload: Uint8Array, wrong: (what: string) => () => string): void {
    this.#closed = true;
    if (payload.length === 0) return;
    const code = payload[0]! * 256 + payload[1]!;
    ensure(
      payload.length > 1 && isLawfulCode(code) && (this.#masks || code !== 1010),
      wrong("a wrong status code"),
    );
    ensure(UTF8.test(String.fromCharCode(...payload.subarray(2))), wrong("a reason that is no UTF-8"));
  }
}
