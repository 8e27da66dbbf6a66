/**
 * What is UTF-8 and what is not: RFC 3629, section 3 and 4, turned into vectors along the lines of Markus Kuhn's
 * "UTF-8 decoder capability and stress test".
 */

/** Bytes, and whether they are UTF-8. */
export interface Vector {
  readonly title: string;
  readonly bytes: Uint8Array;
  readonly valid: boolean;
}

/** Vectors about one rule. */
export interface VectorGroup {
  readonly title: string;
  readonly vectors: readonly Vector[];
}

const LEADS = [0, 0x00, 0xc0, 0xe0, 0xf0, 0xf8, 0xfc];
const HELLO = [0x68, 0x65, 0x6c, 0x6c, 0x6f];

/** κόσμε, five Greek letters in eleven bytes, the second letter in three of them. */
export const KOSME: Uint8Array = Uint8Array.from(
  [0x3ba, 0x1f79, 0x3c3, 0x3bc, 0x3b5].flatMap((point) => shortest(point)),
);

/** A number in this many bytes, 1 to 6, as UTF-8's pattern would write it, whether it may or not. */
export function pattern(value: number, length: number): number[] {
  if (length === 1) return [value];
  const bytes: number[] = [];
  let rest = value;
  for (let i = 1; i < length; i++) {
    bytes.unshift(0x80 | rest & 0x3f);
    rest = Math.floor(rest / 64);
  }
  return [LEADS[length]! | rest, ...bytes];
}

/** The largest number that this many bytes hold. */
function largest(length: number): number {
  return length === 1 ? 0x7f : 2 ** (5 * length + 1) - 1;
}

function shortest(value: number): number[] {
  let length = 1;
  while (value > largest(length)) length++;
  return pattern(value, length);
}

function named(value: number): string {
  return `U+${value.toString(16).toUpperCase().padStart(4, "0")}`;
}

function vector(title: string, bytes: number[], valid: boolean): Vector {
  return { title, bytes: Uint8Array.from(bytes), valid };
}

function range(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}

/** A character in its only legal form. */
function character(value: number): Vector {
  return vector(named(value), shortest(value), true);
}

/** A number that is not a character, or is not encoded in this many bytes. */
function forbidden(value: number, length: number): Vector {
  return vector(`${named(value)} in ${length} bytes`, pattern(value, length), false);
}

const lengths = [2, 3, 4, 5, 6];
const HIGH = [0xd800, 0xdb7f, 0xdb80, 0xdbff];
const alternating = (length: number): number[] =>
  range(1, length).map((index) => index % 2 === 1 ? 0x80 : 0xbf);
const cut = [0, 1].flatMap((top) =>
  lengths.map((length) => ({
    length,
    value: top * largest(length),
    bytes: pattern(top * largest(length), length).slice(0, -1),
  }))
);

/** Groups 6.5 to 6.23, in order. */
export const vectorGroups: readonly VectorGroup[] = [
  {
    title: "Characters of one to four bytes",
    vectors: [
      ...[0x24, 0xa2, 0x20ac, 0x24b62].map((point) =>
        vector(`${named(point)} between ASCII`, [...HELLO, ...shortest(point), ...HELLO], true)
      ),
      vector("Five Greek letters", [...KOSME], true),
    ],
  },
  {
    title: "All prefixes of five Greek letters",
    vectors: range(1, 11).map((length) =>
      vector(
        `The first ${length} of 11 bytes`,
        [...KOSME.subarray(0, length)],
        [2, 5, 7, 9, 11].includes(length),
      )
    ),
  },
  { title: "The first character of each length", vectors: [0, 0x80, 0x800, 0x10000].map(character) },
  { title: "The first of five and six bytes", vectors: [forbidden(0x200000, 5), forbidden(0x4000000, 6)] },
  { title: "The last character of each length", vectors: [0x7f, 0x7ff, 0xffff, 0x10ffff].map(character) },
  {
    title: "The last of four, five and six bytes",
    vectors: [4, 5, 6].map((length) => forbidden(largest(length), length)),
  },
  {
    title: "Other boundaries",
    vectors: [...[0xd7ff, 0xe000, 0xfffd, 0x10ffff].map(character), forbidden(0x110000, 4)],
  },
  {
    title: "Continuation bytes that continue nothing",
    vectors: [
      vector("80", [0x80], false),
      vector("bf", [0xbf], false),
      ...range(2, 6).map((length) => vector(`${length} of them`, alternating(length), false)),
      vector("All 64 of them", range(0x80, 0xbf), false),
    ],
  },
  {
    title: "First bytes that nothing continues",
    vectors: [[0xc0, 0xdf], [0xe0, 0xef], [0xf0, 0xf7], [0xf8, 0xfb], [0xfc, 0xfd]].map(([first, last]) =>
      vector(
        `${first!.toString(16)} to ${last!.toString(16)}, a space behind each`,
        range(first!, last!).flatMap((byte) => [byte, 0x20]),
        false,
      )
    ),
  },
  {
    title: "The last continuation byte is missing",
    vectors: cut.map(({ length, value, bytes }) =>
      vector(`${named(value)} in ${length} bytes, without the last`, bytes, false)
    ),
  },
  {
    title: "Incomplete sequences in a row",
    vectors: [vector("All of the group before", cut.flatMap(({ bytes }) => bytes), false)],
  },
  {
    title: "Bytes that never occur",
    vectors: [
      vector("fe", [0xfe], false),
      vector("ff", [0xff], false),
      vector("fe fe ff ff", [0xfe, 0xfe, 0xff, 0xff], false),
    ],
  },
  {
    title: "An ASCII character in too many bytes",
    vectors: lengths.map((length) => forbidden(0x2f, length)),
  },
  {
    title: "The last of each length in a byte too many",
    vectors: lengths.map((length) => forbidden(largest(length - 1), length)),
  },
  { title: "NUL in too many bytes", vectors: lengths.map((length) => forbidden(0, length)) },
  {
    title: "Surrogates of UTF-16",
    vectors: [...HIGH, 0xdc00, 0xdf80, 0xdfff].map((value) => forbidden(value, 3)),
  },
  {
    title: "Pairs of surrogates of UTF-16",
    vectors: HIGH.flatMap((high) =>
      [0xdc00, 0xdfff].map((low) =>
        vector(`${named(high)} and ${named(low)}`, [...pattern(high, 3), ...pattern(low, 3)], false)
      )
    ),
  },
  {
    title: "Code points that are no characters, and yet UTF-8",
    vectors: range(0, 16).flatMap((plane) =>
      [0xfffe, 0xffff].map((last) => character(plane * 0x10000 + last))
    ),
  },
  { title: "Specials, such as the replacement character", vectors: range(0xfff9, 0xffff).map(character) },
];
