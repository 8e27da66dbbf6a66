/** Frames built and read by the letter of RFC 6455, section 5.2, with nothing from src: what the tests compare with. */
import { deepEqual, equal, ok } from "node:assert/strict";

/** Numbers from 0 up to `below`, the same ones for the same seed. */
export function random(seed: number): (below: number) => number {
  let state = (seed ^ 0x9e3779b9) >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor(((mixed ^ (mixed >>> 14)) >>> 0) / 0x100000000 * below);
  };
}

/** All in one array; strings in UTF-8. */
export function bytesOf(...parts: (string | Uint8Array | number[])[]): Uint8Array {
  const pieces = parts.map((part) =>
    typeof part === "string" ? new TextEncoder().encode(part) : Uint8Array.from(part)
  );
  const bytes = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let end = 0;
  for (const piece of pieces) {
    bytes.set(piece, end);
    end += piece.length;
  }
  return bytes;
}

/** Bytes written as hexadecimal digits, spaces allowed. */
export function fromHex(digits: string): Uint8Array {
  return Uint8Array.from(digits.match(/[0-9a-f]{2}/gi) ?? [], (pair) => Number.parseInt(pair, 16));
}

/** Bytes that do not repeat with any short period. */
export function noise(size: number, seed: number = size): Uint8Array {
  const next = random(seed);
  return new Uint8Array(size).map(() => next(256));
}

/** Short bytes in full, long ones by length and checksum. */
export function hex(bytes: Uint8Array): string {
  if (bytes.length <= 130) return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  let sum = 0x811c9dc5;
  for (const byte of bytes) sum = Math.imul(sum ^ byte, 0x01000193) >>> 0;
  return `(${bytes.length} bytes, ${sum.toString(16)})`;
}

/** As `hex`, for text. */
export function show(text: string): string {
  return text.length <= 130 ? JSON.stringify(text) : `(text: ${hex(bytesOf(text))})`;
}

export interface FrameSpec {
  opcode: number;
  payload?: string | Uint8Array;
  fin?: boolean;
  /** RSV1 to RSV3 as a number of three bits. */
  rsv?: number;
  /** The masking key; `undefined` for none. */
  key?: number[] | undefined;
  /** Bits of the length's encoding, if not the fewest that do. */
  form?: 7 | 16 | 64;
  /** The length that the header tells, if not the payload's. */
  length?: number | bigint;
}

/** A frame, wrong in whatever way the test wants. */
export function frame(spec: FrameSpec): Uint8Array {
  const payload = bytesOf(spec.payload ?? "");
  const length = BigInt(spec.length ?? payload.length);
  const form = spec.form ?? (length <= 125n ? 7 : length <= 0xffffn ? 16 : 64);
  const masked = spec.key === undefined ? 0 : 128;
  const first = (spec.fin === false ? 0 : 128) + (spec.rsv ?? 0) * 16 + spec.opcode;
  const head = [first, masked + (form === 7 ? Number(length) : form === 16 ? 126 : 127)];
  for (let bits = form === 7 ? 0 : form; bits > 0; bits -= 8) {
    head.push(Number((length >> BigInt(bits - 8)) & 0xffn));
  }
  const { key } = spec;
  if (key === undefined) return bytesOf(head, payload);
  return bytesOf(head, key, payload.map((byte, i) => byte ^ key[i % 4]!));
}

/** A frame that was read. */
export interface Frame {
  readonly fin: boolean;
  /** RSV1 (RFC 7692, section 6). */
  readonly compressed: boolean;
  readonly opcode: number;
  readonly payload: Uint8Array;
  readonly key: number[] | undefined;
}

/** Reads whole frames, and fails unless every rule for their sender is kept; with permessage-deflate if `deflate`. */
export function parseFrames(bytes: Uint8Array, fromClient: boolean, deflate: boolean = false): Frame[] {
  const frames: Frame[] = [];
  let at = 0;
  const take = (size: number): Uint8Array => {
    ok(at + size <= bytes.length, "the bytes end inside a frame");
    at += size;
    return bytes.slice(at - size, at);
  };
  while (at < bytes.length) {
    const [first = 0, second = 0] = take(2);
    const opcode = first % 16;
    const compressed = (first & 0x40) !== 0;
    equal(first & 0x30, 0, "reserved bits");
    ok(!compressed || (deflate && (opcode === 1 || opcode === 2)), "RSV1");
    ok([0, 1, 2, 8, 9, 10].includes(opcode), `opcode ${opcode}`);
    equal(second >= 128, fromClient, "mask bit");
    let length = BigInt(second % 128);
    if (length >= 126n) {
      const wide = length === 127n;
      length = Array.from(take(wide ? 8 : 2)).reduce((sum, byte) => sum * 256n + BigInt(byte), 0n);
      ok(length > (wide ? 0xffffn : 125n), "the length is in the fewest bytes");
      ok(length < 2n ** 63n, "the highest bit is 0");
    }
    if (opcode >= 8) {
      ok(first >= 128, "control frames are not fragmented");
      ok(length <= 125n, "control frames are short");
    }
    const key = fromClient ? Array.from(take(4)) : undefined;
    const payload = take(Number(length)).map((byte, i) => byte ^ (key?.[i % 4] ?? 0));
    if (opcode === 8) checkClose(payload);
    frames.push({ fin: first >= 128, compressed, opcode, payload, key });
  }
  return frames;
}

function checkClose(payload: Uint8Array): void {
  if (payload.length === 0) return;
  ok(payload.length >= 2, "a Close frame holds a whole status code");
  const code = payload[0]! * 256 + payload[1]!;
  ok(code >= 1000 && code <= 4999 && ![1004, 1005, 1006, 1015].includes(code), `status code ${code}`);
  new TextDecoder("utf-8", { fatal: true }).decode(payload.subarray(2));
}

/** What `fn` allocates as byte arrays, each with its size. */
export function allocations(fn: (sizes: number[]) => void): number[] {
  const sizes: number[] = [];
  const Original = globalThis.Uint8Array;
  globalThis.Uint8Array = new Proxy(Original, {
    construct(target, parameters, newTarget) {
      const made: Uint8Array = Reflect.construct(target, parameters, newTarget);
      if (typeof parameters[0] === "number") sizes.push(made.length);
      return made;
    },
  });
  try {
    fn(sizes);
  } finally {
    globalThis.Uint8Array = Original;
  }
  return sizes;
}

/** The arrays hold the same bytes, whatever their class. */
export function sameBytes(actual: Uint8Array, expected: Uint8Array): void {
  if (actual.length === expected.length && actual.every((byte, i) => byte === expected[i])) return;
  deepEqual(Array.from(actual), Array.from(expected));
}
