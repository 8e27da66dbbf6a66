/** What may happen to two ends that are joined: operations, as values. */
import type { Choices } from "../target.ts";

export type Side = "client" | "server";

/** A message's data, by its kind and size. */
export interface DataSpec {
  readonly kind: number;
  readonly size: number;
}

export type Operation =
  & { readonly side: Side }
  & (
    | {
      readonly what: "message" | "encoded";
      readonly data: DataSpec;
      readonly compress: boolean | undefined;
    }
    | {
      readonly what: "fragment";
      readonly data: DataSpec;
      readonly compress: boolean;
      readonly last: boolean;
    }
    | { readonly what: "ping" | "pong"; readonly size: number }
    | { readonly what: "close"; readonly code: number | undefined; readonly reason: string }
    | { readonly what: "fail"; readonly code: number }
    /** This many bytes arrive at the side, in pieces of this size. */
    | { readonly what: "deliver"; readonly count: number; readonly piece: number }
    | { readonly what: "stream" | "congest" | "drain" | "die" | "reset" }
  );

export const CLOSE_CODES: readonly (number | undefined)[] = [
  1000,
  1001,
  1003,
  1008,
  1011,
  1012,
  3000,
  4999,
  undefined,
];
export const FAIL_CODES: readonly number[] = [1002, 1008, 1011, 1013];
export const REASONS: readonly string[] = ["", "bye", "再见", "r".repeat(123)];
const COMPRESS: readonly (boolean | undefined)[] = [undefined, true, false];
const PIECES: readonly number[] = [1, 2, 3, 7, 64, 100_000];

const TEXTS: readonly string[] = [
  "a",
  "the quick brown fox ",
  "é世界",
  "\u{1f44b}",
  "\ufeff",
  '{"id":1},',
  "\u0000",
];

/** The data that a message holds: text for an even kind. */
export function dataOf({ kind, size }: DataSpec): string | Uint8Array {
  if ((kind & 1) === 0) {
    const text = TEXTS[(kind >> 1) % TEXTS.length]!;
    return text.repeat(Math.ceil(size / text.length));
  }
  const step = (kind >> 1) % 8;
  const bytes = new Uint8Array(size);
  if (step > 0) {
    for (let i = 0, byte = kind; i < size; i++) bytes[i] = byte = (byte * (2 * step + 1) + 13) & 0xff;
  }
  return bytes;
}

function sizeOf(choices: Choices): number {
  const byte = choices.byte();
  return byte < 200 ? byte >> 1 : byte < 250 ? byte : 40 * byte;
}

/** The next operation of an input. */
export function operationOf(choices: Choices): Operation {
  const byte = choices.byte();
  const side = (byte & 1) === 0 ? "client" : "server";
  const data = (): DataSpec => ({ kind: choices.byte(), size: sizeOf(choices) });
  switch ((byte >> 1) & 31) {
    case 0:
    case 1:
    case 2:
    case 3:
    case 4:
    case 5:
      return { side, what: "message", data: data(), compress: choices.pick(COMPRESS) };
    case 6:
      return { side: "server", what: "encoded", data: data(), compress: choices.pick(COMPRESS) };
    case 7:
    case 8:
    case 9:
    case 10: {
      const flags = choices.byte();
      return { side, what: "fragment", data: data(), compress: (flags & 1) !== 0, last: flags % 3 === 0 };
    }
    case 11:
    case 12:
      return { side, what: "ping", size: choices.below(126) };
    case 13:
      return { side, what: "pong", size: choices.below(126) };
    case 14:
      return { side, what: "close", code: choices.pick(CLOSE_CODES), reason: choices.pick(REASONS) };
    case 15:
      return { side, what: "stream" };
    case 16:
      return { side, what: "congest" };
    case 17:
    case 18:
      return { side, what: "drain" };
    case 19: {
      const rare = choices.byte();
      if (rare < 8) return { side, what: "die" };
      if (rare < 16) return { side, what: "reset" };
      if (rare < 64) return { side, what: "fail", code: choices.pick(FAIL_CODES) };
      return { side, what: "drain" };
    }
    default:
      return {
        side,
        what: "deliver",
        count: choices.word() >> (choices.byte() & 15),
        piece: choices.pick(PIECES),
      };
  }
}
