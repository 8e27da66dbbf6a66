/**
 * A message that came in pieces and is wanted whole.
 *
 * @module
 */
import type { Message } from "./message.ts";

const SMALLEST_BUFFER = 1024;
// Short strings that are not joined yet: each costs more than its characters.
const JOIN_EVERY = 1024;
// Characters that a string may have everywhere.
const EVERY_ENGINES_LENGTH = 2 ** 28;

/** The pieces of one message so far. However many and small they are, they cost little more than their bytes. */
export class GatheredMessage {
  #buffer: Uint8Array | undefined;
  #text = "";
  #texts: string[] = [];
  #size = 0;
  #length = 0;

  /** Bytes of payload so far; a text counts in UTF-8. */
  get size(): number {
    return this.#size;
  }

  /** Takes the next piece; it is copied, or a string. Answers `false` for a text that no string can hold. */
  add(piece: Message): boolean {
    if (typeof piece !== "string") {
      this.#addBytes(piece);
      return true;
    }
    this.#size += utf8Length(piece);
    this.#length += piece.length;
    this.#texts.push(piece);
    // What no engine has trouble with is not tried.
    if (this.#texts.length < JOIN_EVERY && this.#length < EVERY_ENGINES_LENGTH) return true;
    try {
      this.#text += this.#texts.join("");
    } catch {
      return false;
    }
    this.#texts = [];
    return true;
  }

  /** The message. */
  finish(): Message {
    if (this.#buffer === undefined) return this.#text + this.#texts.join("");
    return this.#buffer.length === this.#size ? this.#buffer : this.#buffer.slice(0, this.#size);
  }

  #addBytes(piece: Uint8Array): void {
    const size = this.#size + piece.length;
    if (this.#buffer === undefined || size > this.#buffer.length) {
      const larger = new Uint8Array(Math.max(2 * size, SMALLEST_BUFFER));
      if (this.#buffer !== undefined) larger.set(this.#buffer.subarray(0, this.#size));
      this.#buffer = larger;
    }
    this.#buffer.set(piece, this.#size);
    this.#size = size;
  }
}

/** Bytes that a text of whole characters has in UTF-8. */
export function utf8Length(text: string): number {
  let length = text.length;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code < 0x80) continue;
    // Each half of a pair of surrogates counts two: together they are four bytes.
    length += code < 0x800 || (code >= 0xd800 && code <= 0xdfff) ? 1 : 2;
  }
  return length;
}
