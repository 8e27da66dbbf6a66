/** Messages of any size, whose stretches differ from each other. */
import { binary, type Frame, text } from "./frames.ts";

/** What a message is made of. */
export type Kind = "text" | "binary";

// 33 bytes, so that fragments and pieces of every usual size end inside characters of two, three and four bytes.
const LINE = new TextEncoder().encode("0000000000Grüße an 世界 🤝 ");
const DIGITS = 10;

const made = new Map<string, Frame>();

/** A message of exactly this many bytes; nobody writes to it. */
export function message(kind: Kind, size: number): Frame {
  const key = `${kind} ${size}`;
  const known = made.get(key) ?? make(kind, size);
  made.set(key, known);
  return known;
}

function make(kind: Kind, size: number): Frame {
  const bytes = new Uint8Array(size);
  if (kind === "binary") {
    for (let i = 0; i < size; i++) bytes[i] = i * 31 + (i >>> 8) * 7 + (i >>> 16);
    return binary(bytes);
  }
  const lines = Math.floor(size / LINE.length);
  for (let line = 0; line < lines; line++) {
    bytes.set(LINE, line * LINE.length);
    for (let digit = 0, rest = line; rest > 0; digit++, rest = Math.floor(rest / 10)) {
      bytes[line * LINE.length + DIGITS - 1 - digit] = 0x30 + rest % 10;
    }
  }
  return text(bytes.fill(0x2e, lines * LINE.length));
}
