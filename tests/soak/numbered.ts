/** Messages with a number, of which the receiver can tell whether they are whole. */
import type { Message } from "../../mod.ts";
import type { Dice } from "./dice.ts";

/** The longest filler of a message, in characters. */
export const LONGEST = 200_000;

// Of one, two and three bytes in UTF-8, with some that repeat, so that compression has something to do.
const WORDS = ["hand", "握手", "shake", "naïve", "frame 0", "frame 1", "…", "0123456789", "ping", "Größe"];
const OFFSETS = 4096;

function makeFiller(): string {
  let text = "";
  let state = 1;
  while (text.length < OFFSETS + LONGEST) {
    state = (state * 48271) % 0x7fffffff;
    text += `${WORDS[state % WORDS.length]} `;
  }
  return text;
}

const FILLER = makeFiller();
const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

/** What the head of a message says. */
export interface Label {
  /** Who sends it over what, such as `d/7.3/s`. */
  readonly series: string;
  /** Its place in the series, from 0 on. */
  readonly number: number;
}

/** Makes the message of this number, with this many characters of filler. */
export function numbered({ series, number }: Label, size: number): string {
  const offset = (number * 97) % OFFSETS;
  return `${series} ${number} ${size} ${FILLER.slice(offset, offset + size)}`;
}

/** As {@linkcode numbered}, for a message of bytes. */
export function numberedBytes(label: Label, size: number): Uint8Array {
  return encoder.encode(numbered(label, size));
}

/** Reads a message. Throws when it is not as it was made. */
export function readNumbered(message: Message): Label {
  const text = typeof message === "string" ? message : decoder.decode(message);
  const [, series = "", number, size] = /^(\S+) (\d+) (\d+) /.exec(text) ?? [];
  const label = { series, number: Number(number) };
  if (text !== numbered(label, Number(size))) {
    throw new Error(`A message has come damaged: ${JSON.stringify(text.slice(0, 60))}`);
  }
  return label;
}

/** How long the next message is: most are short, a few have to be cut by any socket. */
export function someSize(dice: Dice): number {
  const kind = dice.below(100);
  if (kind < 70) return dice.below(200);
  if (kind < 95) return dice.below(4000);
  return kind < 99 ? dice.below(40_000) : dice.below(LONGEST);
}
