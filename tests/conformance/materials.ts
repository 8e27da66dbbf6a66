/**
 * What compressed messages are made of: five files of the kinds that the Autobahn|Testsuite uses, and of their sizes,
 * made by a rule, so that every run has the same.
 */
import { Buffer } from "node:buffer";
import { randomNumbers } from "./splitter.ts";

/** One file, and how its stretches are sent. */
export interface Material {
  readonly name: string;
  readonly type: "text" | "binary";
  readonly size: number;
  /** From which size on messages are smaller compressed: with the context of those before them, and without. */
  readonly smallerFrom: { readonly takenOver: number; readonly alone: number };
  /** All of it; made when it is first asked for. */
  bytes(): Uint8Array;
}

const KIB = 1024;

function material(
  name: string,
  type: "text" | "binary",
  size: number,
  smallerFrom: Material["smallerFrom"],
  make: (random: () => number, size: number) => Uint8Array,
): Material {
  let made: Uint8Array | undefined;
  return { name, type, size, smallerFrom, bytes: () => made ??= make(randomNumbers(size), size) };
}

/** Lines of ASCII up to a size. */
function lines(size: number, line: (index: number) => string): Uint8Array {
  const bytes = Buffer.alloc(size);
  for (let index = 0, at = 0; at < size; index++) at += bytes.write(`${line(index)}\n`, at, "latin1");
  return bytes;
}

/** Words of which a few are frequent and most are rare, as in any language. */
function vocabulary(random: () => number, endings: readonly string[]): () => string {
  const starts = ["b", "d", "f", "g", "h", "k", "l", "m", "n", "r", "s", "sch", "st", "t", "v", "w", "z", ""];
  const middles = ["a", "e", "i", "o", "u", "ei", "ie", "au", "\u00e4", "\u00f6", "\u00fc"];
  const pick = (from: readonly string[]): string => from[Math.floor(random() * from.length)]!;
  const words = Array.from({ length: 6000 }, (_, rank) => {
    const syllables = rank < 60 ? 1 : 1 + Math.floor(random() * 3);
    return Array.from({ length: syllables }, () => pick(starts) + pick(middles)).join("") + pick(endings);
  });
  // Zipf: the rank's logarithm is even.
  return () => words[Math.floor(words.length ** random()) - 1]!;
}

const ENDINGS = ["", "n", "r", "st", "ch", "t", "en", "er", "ung"];
const ascii = (word: string): string => word.replaceAll(/[^a-z]/g, "ue");

function json(random: () => number, size: number): Uint8Array {
  const word = vocabulary(random, ENDINGS);
  const name = (): string => ascii(word());
  const number = (below: number): number => Math.floor(random() * below);
  return lines(size, (id) =>
    `${id === 0 ? "[" : " "}${
      JSON.stringify({
        id,
        guid: number(2 ** 48).toString(16),
        active: random() < 0.5,
        balance: `$${number(9000)}.${number(100)}`,
        name: `${name()} ${name()}`,
        email: `${name()}@${name()}.example`,
        about: Array.from({ length: 12 }, name).join(" "),
        registered: `20${10 + number(15)}-0${1 + number(9)}-1${number(10)}T0${number(10)}:${
          10 + number(50)
        }:00Z`,
        position: { latitude: number(1.8e8) / 1e6 - 90, longitude: number(3.6e8) / 1e6 - 180 },
        tags: Array.from({ length: 4 }, name),
      })
    },`);
}

/** A bitmap of 512 by 512 grey pixels: a header, a palette, and smooth shapes under the noise of a film. */
function picture(random: () => number, size: number): Uint8Array {
  const bytes = Buffer.alloc(size);
  const start = 54 + 4 * 256;
  bytes.write("BM", "latin1");
  bytes.writeUInt32LE(size, 2);
  bytes.writeUInt32LE(start, 10);
  for (let grey = 0; grey < 256; grey++) bytes.fill(grey, 54 + 4 * grey, 57 + 4 * grey);
  for (let at = start; at < size; at++) {
    const x = (at - start) % 512;
    const y = (at - start) >> 9;
    const shape = Math.sin(x / 37) + Math.sin(y / 53) + Math.sin((x + 2 * y) / 91);
    bytes[at] = 128 + 36 * shape + 6 * (random() + random() - 1);
  }
  return bytes;
}

/** Verse, in UTF-8. */
function prose(random: () => number, size: number): Uint8Array {
  const word = vocabulary(random, ENDINGS);
  let text = "";
  for (let line = 0; text.length < size; line++) {
    const verse = Array.from({ length: 5 + Math.floor(random() * 4) }, word).join(" ");
    text += `${verse[0]!.toUpperCase()}${verse.slice(1)}${line % 4 === 3 ? ".\r\n\r\n" : ",\r\n"}`;
  }
  return Buffer.from(text).subarray(0, size);
}

function html(random: () => number, size: number): Uint8Array {
  const word = vocabulary(random, ENDINGS);
  const words = (count: number): string => Array.from({ length: count }, () => ascii(word())).join(" ");
  return lines(
    size,
    (id) =>
      id === 0
        ? `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${words(3)}</title></head><body>`
        : `<div class="entry" id="entry-${id}"><h2><a href="/entries/${id}/${words(1)}">${
          words(3)
        }</a></h2>` +
          `<p class="text">${words(14)}</p><ul class="tags"><li>${words(1)}</li><li>${
            words(1)
          }</li></ul></div>`,
  );
}

/** Pages whose contents are compressed already, between objects that are not. */
function pdf(random: () => number, size: number): Uint8Array {
  const bytes = Buffer.alloc(size);
  let at = bytes.write("%PDF-1.4\n", "latin1");
  for (let id = 1; at < size; id += 2) {
    const length = 2 * KIB + Math.floor(random() * 6 * KIB);
    at += bytes.write(
      `${id} 0 obj\n<< /Type /Page /Parent 1 0 R /Resources << /Font << /F1 ${id + 4} 0 R /F2 ${
        id + 6
      } 0 R >> ` +
        `/ProcSet [ /PDF /Text /ImageC ] >> /MediaBox [0 0 612 792] /Contents ${id + 1} 0 R >>\nendobj\n` +
        `${id + 1} 0 obj\n<< /Length ${length} /Filter /FlateDecode >>\nstream\n`,
      at,
      "latin1",
    );
    for (const end = Math.min(size, at + length); at < end; at++) bytes[at] = random() * 256;
    at += bytes.write("\nendstream\nendobj\n", at, "latin1");
  }
  return bytes;
}

const WORDS = { takenOver: 16, alone: 256 };

/** By the numbers that the Autobahn|Testsuite gives them. */
export const materials: readonly Material[] = [
  material("JSON", "text", 194056, WORDS, json),
  material("A bitmap", "binary", 263222, { takenOver: 256, alone: 256 }, picture),
  material("German verse", "binary", 222218, WORDS, prose),
  material("HTML", "text", 263527, WORDS, html),
  material("A PDF", "binary", 1042328, { takenOver: 1024, alone: 16384 }, pdf),
];

/** Messages of one size: one stretch of the file after the other, and again from its beginning. */
export function* stretches(of: Material, size: number, count: number): Generator<Uint8Array> {
  const bytes = of.bytes();
  for (let message = 0, at = 0; message < count; message++, at = (at + size) % bytes.length) {
    const stretch = bytes.subarray(at, at + size);
    yield stretch.length === size
      ? stretch
      : Buffer.concat([stretch, bytes.subarray(0, size - stretch.length)]);
  }
}
