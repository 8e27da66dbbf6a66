/**
 * Octets as text, each of them one character: of ASCII that is UTF-8 as well.
 *
 * @module
 */

// Engines throw a RangeError for a call with some ten thousands of arguments.
const MAX_ARGUMENTS = 8192;

/** What is asked of Node's `Buffer`, which Bun and Deno have too. */
interface BufferClass {
  readonly prototype: { latin1Slice(start: number, end: number): string };
}

/** Makes the text of `bytes[start..end)`. */
export type Latin1Reader = (bytes: Uint8Array, start: number, end: number) => string;

/** What `globalThis` has where there is a `Buffer`. */
export interface BufferGlobal {
  /** Node's class. */
  readonly Buffer?: BufferClass;
}

/**
 * By a `Buffer`, where there is one: it makes no view of the octets and looks at none of them first, which for short texts takes
 * a sixth (Deno) to a half of `TextDecoder`'s time, for long ones on Bun as much (`npm run bench -- micro`). What TextDecoder
 * calls "latin1" is another encoding besides.
 */
export function latin1Reader({ Buffer }: BufferGlobal): Latin1Reader {
  if (Buffer !== undefined) {
    const slice = Buffer.prototype.latin1Slice as (this: Uint8Array, start: number, end: number) => string;
    return (bytes, start, end) => slice.call(bytes, start, end);
  }
  return (bytes, start, end) => {
    let text = "";
    for (let from = start; from < end; from += MAX_ARGUMENTS) {
      const codes = bytes.subarray(from, Math.min(from + MAX_ARGUMENTS, end));
      text += String.fromCharCode.apply(null, codes as unknown as number[]);
    }
    return text;
  };
}
