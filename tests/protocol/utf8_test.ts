import { deepEqual, equal } from "node:assert/strict";
import { test } from "../harness.ts";
import { asciiDecoder, decodeText, utf8Length, Utf8Validator } from "../../src/protocol/utf8.ts";
import { bytesOf, fromHex, hex } from "./frames.ts";
import { INVALID, TRUNCATED, VALID } from "./utf8_vectors.ts";

function seenIn(bytes: Uint8Array): number {
  return bytes.reduce((seen, byte) => seen | byte, 0);
}

/** The text of bytes that lie between others. */
function textOf(bytes: Uint8Array, seen: number): string | undefined {
  return decodeText(bytesOf("\xff", bytes, "\xff"), 2, 2 + bytes.length, seen);
}

/** The index of the first byte that is refused, -1 if none is, and whether a text may end here. */
function check(bytes: Uint8Array): { refused: number; complete: boolean } {
  const validator = new Utf8Validator();
  for (let i = 0; i < bytes.length; i++) {
    if (!validator.check(bytes, i, i + 1)) return { refused: i, complete: false };
  }
  return { refused: -1, complete: validator.complete };
}

for (const [text, digits] of VALID) {
  test(`RFC 6455, section 8.1: UTF-8 is text: ${digits || "nothing"}`, () => {
    const bytes = fromHex(digits);
    equal(textOf(bytes, seenIn(bytes)), text);
    equal(textOf(bytes, 0x80), text);
    deepEqual(check(bytes), { refused: -1, complete: true });
    for (let cut = 0; cut <= bytes.length; cut++) {
      const validator = new Utf8Validator();
      equal(validator.check(bytes, 0, cut) && validator.check(bytes, cut, bytes.length), true);
    }
  });
}

for (const [what, digits, at] of INVALID) {
  test(`RFC 6455, section 8.1: no text: ${what}`, () => {
    for (const before of ["", "Hello ", "é", "\u{10ffff}"]) {
      const bytes = bytesOf(before, fromHex(digits));
      equal(textOf(bytes, seenIn(bytes)), undefined);
      deepEqual(check(bytes), { refused: bytesOf(before).length + at, complete: false });
      equal(new Utf8Validator().check(bytes, 0, bytes.length), false);
      equal(textOf(bytesOf(before), 0x80), before, "a text after it is decoded as ever");
    }
  });
}

for (const digits of TRUNCATED) {
  test(`RFC 6455, section 8.1: no text yet: ${digits}`, () => {
    const bytes = fromHex(digits);
    equal(textOf(bytes, 0x80), undefined);
    deepEqual(check(bytes), { refused: -1, complete: false });
    equal(textOf(fromHex("80"), 0x80), undefined, "the rest is not remembered");
  });
}

test("RFC 6455, section 8.1: all of ASCII, with and without a look at what was seen", () => {
  const bytes = Uint8Array.from({ length: 128 }, (_, i) => i);
  const text = String.fromCharCode(...bytes);
  equal(textOf(bytes, 0x7f), text);
  equal(textOf(bytes, 0xff), text);
  equal(textOf(bytes, 0x7f7f7f7f), text);
});

test("ASCII is decoded alike with a Buffer and without one", () => {
  const bytes = bytesOf("a", Uint8Array.from({ length: 128 }, (_, i) => i), "z");
  for (const decode of [asciiDecoder({}), asciiDecoder(globalThis)]) {
    equal(decode(bytes, 1, 129), String.fromCharCode(...bytes.subarray(1, 129)));
    equal(decode(bytes, 129, 130), "z");
    equal(decode(bytes, 5, 5), "");
  }
});

test("RFC 6455, section 8.1: a byte beyond ASCII in any of the four places of what was seen", () => {
  const bytes = fromHex("c3a9");
  for (const seen of [0x80, 0x8000, 0x800000, 0x80000000 | 0]) equal(textOf(bytes, seen), "é");
});

test("RFC 6455, section 8.1: only the given range is read", () => {
  const validator = new Utf8Validator();
  equal(validator.check(fromHex("ffc3a9ff"), 1, 3), true);
  equal(validator.check(fromHex("ff"), 1, 1), true);
  equal(validator.complete, true);
});

/** Whether a text could begin with these bytes, found by arithmetic on the code points that may still come. */
function possible(bytes: readonly number[]): { refused: number; complete: boolean } {
  for (let i = 0; i < bytes.length;) {
    const lead = bytes[i]!;
    const size = lead < 0x80 ? 1 : lead < 0xc0 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf8 ? 4 : 0;
    if (size === 0) return { refused: i, complete: false };
    const smallest = [0, 0, 0x80, 0x800, 0x10000][size]!;
    let low = size === 1 ? lead : lead & (0x7f >> size);
    for (let k = 0; k < size; k++) {
      if (i + k === bytes.length) return { refused: -1, complete: false };
      const byte = bytes[i + k]!;
      if (k > 0) {
        if (byte >> 6 !== 2) return { refused: i + k, complete: false };
        low = low * 64 + (byte & 63);
      }
      const open = 64 ** (size - 1 - k);
      const [from, to] = [low * open, low * open + open - 1];
      const reachable = to >= smallest && from <= 0x10ffff && !(from >= 0xd800 && to <= 0xdfff);
      if (!reachable) return { refused: i + k, complete: false };
    }
    i += size;
  }
  return { refused: -1, complete: true };
}

test("RFC 6455, section 8.1: all sequences of up to 4 bytes at the bounds are judged at the first bad byte", () => {
  const bounds = fromHex("00 7f 80 8f 90 9f a0 bf c0 c1 c2 df e0 e1 ec ed ee ef f0 f1 f3 f4 f5 ff");
  const sequences = (depth: number): number[][] =>
    depth === 0
      ? [[]]
      : sequences(depth - 1).flatMap((head) => Array.from(bounds, (byte) => [...head, byte]));
  for (const sequence of [...sequences(2), ...sequences(3)]) {
    for (
      const bytes of sequence[0]! >= 0xe0 ? [sequence, [...sequence, 0x80], [...sequence, 0xc0]] : [sequence]
    ) {
      const actual = check(Uint8Array.from(bytes));
      const expected = possible(bytes);
      if (actual.refused !== expected.refused || actual.complete !== expected.complete) {
        deepEqual(actual, expected, hex(Uint8Array.from(bytes)));
      }
    }
  }
});

test("RFC 6455, section 8.1: every code point of Unicode", () => {
  const points: number[] = [];
  for (let point = 0; point <= 0x10ffff; point++) if (point < 0xd800 || point > 0xdfff) points.push(point);
  for (let start = 0; start < points.length; start += 10_000) {
    const text = String.fromCodePoint(...points.slice(start, start + 10_000));
    const bytes = bytesOf(text);
    const validator = new Utf8Validator();
    equal(validator.check(bytes, 0, bytes.length) && validator.complete, true);
    equal(textOf(bytes, seenIn(bytes)), text);
  }
});

test("utf8Length() is the length that an encoder gives", () => {
  const encoder = new TextEncoder();
  const texts = ["", "a", "\x7f\x80\u07ff\u0800\uffff", "👋", "a👋é€\u{10ffff}\0"];
  deepEqual(texts.map(utf8Length), texts.map((text) => encoder.encode(text).length));
});
