/**
 * A message that arrives in pieces and is wanted whole.
 *
 * @module
 */
import { GrowingBytes } from "../protocol/growing_bytes.ts";
import { utf8Length } from "../protocol/utf8.ts";
import type { Message } from "./message.ts";

const SMALLEST_BUFFER = 1024;
// Join short strings at this count: each costs more than its characters.
const JOIN_EVERY = 1024;
// A string length that every engine supports.
const EVERY_ENGINES_LENGTH = 2 ** 28;

/** The pieces of one message so far. However many and small they are, they cost little more than their bytes. */
export class GatheredMessage {
  #bytes: GrowingBytes | undefined;
  #text = "";
  #texts: string[] = [];
  #size = 0;
  #length = 0;

  /** Payload bytes so far; text counts as UTF-8. */
  get size(): number {
    return this.#size;
  }

  /** Adds a piece; bytes are copied. Returns `false` if the text is too long for a string. */
  add(piece: Message): boolean {
    if (typeof piece !== "string") {
      this.#addBytes(piece);
      return true;
    }
    this.#size += utf8Length(piece);
    this.#length += piece.length;
    this.#texts.push(piece);
    // Lengths that every engine supports need no check.
    if (this.#texts.length < JOIN_EVERY && this.#length < EVERY_ENGINES_LENGTH) return true;
    try {
      this.#text += this.#texts.join("");
    } catch {
      return false;
    }
    this.#texts = [];
    return true;
  }

  /** The whole message. */
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
