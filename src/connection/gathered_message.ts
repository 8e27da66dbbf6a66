/**
 * A message that came in pieces and is wanted whole.
 *
 * @module
 */
import { GrowingBytes } from "../protocol/growing_bytes.ts";
import { utf8Length } from "../protocol/utf8.ts";
import type { Message } from "./message.ts";

const SMALLEST_BUFFER = 1024;
// Short strings that are not joined yet: each costs more than its characters.
const JOIN_EVERY = 1024;
// Characters that a string may have everywhere.
const EVERY_ENGINES_LENGTH = 2 ** 28;

/** The pieces of one message so far. However many and small they are, they cost little more than their bytes. */
export class GatheredMessage {
  #bytes: GrowingBytes | undefined;
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
    if (this.#bytes === undefined) return this.#text + this.#texts.join("");
    const { capacity } = this.#bytes;
    const bytes = this.#bytes.take();
    return bytes.length === capacity ? bytes : bytes.slice();
  }

  #addBytes(piece: Uint8Array): void {
    this.#size += piece.length;
    this.#bytes ??= new GrowingBytes();
    this.#bytes.append(piece, 0, piece.length, Math.max(2 * this.#size, SMALLEST_BUFFER));
  }
}
