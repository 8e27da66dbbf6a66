/** Streams of frames that are mostly right, with what may be wrong with them. */
import type { MessageLimits } from "../../src/protocol/message_assembler.ts";
import { latin1 } from "./heads.ts";
import { joined, type Random } from "./random.ts";

const encoder = new TextEncoder();
const TEXTS = [
  "",
  "a",
  "hello",
  "é",
  "世界",
  "\u{1f44b}\u{1f600}",
  "\ufeffx",
  '{"id":1}',
  "a".repeat(47),
  "b".repeat(126),
];
/** Bytes that no text may hold, and characters that end too early. */
const BAD_TEXTS = [
  "\x80",
  "\xc0\x80",
  "\xc1\xbf",
  "\xe0\x80\x80",
  "\xed\xa0\x80",
  "\xed\xbf\xbf",
  "\xf0\x8f\xbf\xbf",
  "\xf4\x90\x80\x80",
  "\xf5",
  "\xff",
  "\xfe",
  "ok\xe4\xb8",
  "\xf0\x9f\x91",
  "\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80edited",
  "x".repeat(90) + "\xbf",
];
const CODES = [1000, 1001, 1002, 1003, 1007, 1010, 1011, 1014, 3000, 4999];
const BAD_CODES = [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2999, 5000, 65535];

/** What a frame is, where it is not what it should be. */
export interface FrameParts {
  readonly first: number;
  readonly payload: Uint8Array;
  /** Whether it is masked. */
  readonly masked: boolean;
  /** Bytes of the extended length, if not as few as will do. */
  readonly extended?: 0 | 2 | 8;
  /** The length that the header tells: high and low 32 bits. */
  readonly told?: readonly [high: number, low: number];
}

/** The bytes of a frame. */
export function frameOf({ first, payload, masked, extended, told }: FrameParts, random: Random): Uint8Array {
  const { length } = payload;
  const [high, low] = told ?? [0, length];
  const more = extended ?? (high > 0 || low > 0xffff ? 8 : low > 125 ? 2 : 0);
  const start = 2 + more + (masked ? 4 : 0);
  const bytes = new Uint8Array(start + length);
  bytes[0] = first;
  bytes[1] = (masked ? 0x80 : 0) | (more === 0 ? low & 0x7f : more === 2 ? 126 : 127);
  for (let i = 0; i < more; i++) {
    const shift = 8 * (more - 1 - i);
    bytes[2 + i] = shift >= 32 ? high >>> (shift - 32) : low >>> shift;
  }
  bytes.set(payload, start);
  if (!masked) return bytes;
  const key = random.next();
  for (let i = 0; i < 4; i++) bytes[start - 4 + i] = key >>> (24 - 8 * i);
  for (let i = 0; i < length; i++) bytes[start + i]! ^= bytes[start - 4 + (i & 3)]!;
  return bytes;
}

/** Makes one stream. */
export class FrameMaker {
  readonly #random: Random;
  readonly #masked: boolean;
  readonly #limits: MessageLimits;
  /** Compresses a fragment, where messages may be compressed. */
  readonly #compress: ((fragment: Uint8Array, last: boolean) => Uint8Array) | undefined;
  readonly #frames: Uint8Array[] = [];

  constructor(
    random: Random,
    masked: boolean,
    limits: MessageLimits,
    compress?: (fragment: Uint8Array, last: boolean) => Uint8Array,
  ) {
    this.#random = random;
    this.#masked = masked;
    this.#limits = limits;
    this.#compress = compress;
  }

  /** Some frames, one after the other. */
  stream(): Uint8Array {
    const random = this.#random;
    for (let count = 1 + random.below(6); count > 0; count--) {
      const what = random.below(12);
      if (what < 6) this.#message();
      else if (what < 9) this.#control();
      else if (what === 9) this.#close();
      else if (random.once(2)) this.#defect();
      else this.#message();
    }
    if (random.once(2)) this.#close();
    return joined(this.#frames);
  }

  #frame(first: number, payload: Uint8Array, more: Partial<FrameParts> = {}): void {
    this.#frames.push(frameOf({ first, payload, masked: this.#masked, ...more }, this.#random));
  }

  #control(): void {
    const random = this.#random;
    const size = random.pick([0, 1, 4, 124, 125]);
    this.#frame(random.once(2) ? 0x89 : 0x8a, random.bytes(size));
  }

  #close(): void {
    const random = this.#random;
    const code = random.once(4) ? random.pick(BAD_CODES) : random.pick(CODES);
    const reason = random.once(6) ? latin1(random.pick(BAD_TEXTS)) : encoder.encode(random.pick(TEXTS));
    const payload = joined([Uint8Array.of(code >> 8, code), reason]).slice(0, 125);
    this.#frame(0x88, random.once(6) ? payload.subarray(0, random.below(3)) : payload);
  }

  #data(text: boolean): Uint8Array {
    const random = this.#random;
    const { maxMessageSize } = this.#limits;
    if (random.once(12)) {
      const size = random.pick([
        125,
        126,
        127,
        255,
        256,
        maxMessageSize - 1,
        maxMessageSize,
        maxMessageSize + 1,
      ]);
      // Much of it takes time; sizes that matter for large limits are tried now and then.
      if (size < 3000 || random.once(40)) return new Uint8Array(size).fill(0x61 + random.below(26));
    }
    if (!text) return random.bytes(random.below(random.once(6) ? 300 : 24));
    if (random.once(8)) return latin1(random.pick(TEXTS) + random.pick(BAD_TEXTS) + random.pick(["", "x"]));
    return encoder.encode(random.pick(TEXTS) + random.pick(TEXTS));
  }

  #message(): void {
    const random = this.#random;
    const text = random.once(2);
    const data = this.#data(text);
    const compressed = this.#compress !== undefined && !random.once(4);
    let fragments = random.once(2) ? 1 : 1 + random.below(4);
    if (random.once(30)) fragments = this.#limits.maxFragments + random.below(2);
    if (fragments > 50) fragments = 3;
    for (let index = 0, start = 0; index < fragments; index++) {
      const last = index === fragments - 1;
      const end = last ? data.length : start + random.below(1 + data.length - start);
      const piece = data.subarray(start, end);
      let payload = compressed ? this.#compress!(piece, last).slice() : piece;
      if (compressed && random.once(24) && payload.length > 0) {
        payload[random.below(payload.length)]! ^= 1 << random.below(8);
      }
      if (compressed && random.once(24)) payload = payload.subarray(0, random.below(payload.length + 1));
      const first = (last ? 0x80 : 0) | (index > 0 ? 0 : (text ? 1 : 2) | (compressed ? 0x40 : 0));
      this.#frame(first, payload);
      start = end;
      if (!last && random.once(4)) this.#control();
      if (!last && random.once(24)) this.#close();
    }
  }

  #defect(): void {
    const random = this.#random;
    const payload = random.bytes(random.below(8));
    const plain = 0x80 | (1 + random.below(2));
    switch (random.below(11)) {
      case 0:
        return this.#frame(plain | random.pick([0x10, 0x20, 0x40, 0x70]), payload);
      case 1:
        return this.#frame(0x80 | random.pick([3, 4, 5, 6, 7, 11, 12, 13, 14, 15]), payload);
      case 2:
        return this.#frame(plain, payload, { masked: !this.#masked });
      case 3:
        return this.#frame(random.pick([8, 9, 10]), payload);
      case 4:
        return this.#frame(random.pick([0x88, 0x89, 0x8a]), new Uint8Array(126));
      case 5:
        return this.#frame(plain, payload, { extended: random.once(2) ? 2 : 8 });
      case 6:
        return this.#frame(plain, payload, {
          extended: 8,
          told: random.pick([
            [0x80000000, 0],
            [0xffffffff, 0xffffffff],
            [0x200000, 0],
            [0x1fffff, 0xffffffff],
            [1, 0],
          ]),
        });
      case 7:
        return this.#frame(0x80, payload);
      case 8:
        return this.#frame(random.once(2) ? 1 : 2, payload);
      case 9:
        return this.#frame(plain, payload, {
          told: [0, random.pick([126, 65535, 65536, this.#limits.maxMessageSize])],
        });
      default:
        return this.#frame(0x40 | random.pick([0x80, 0x89, 0x88, 0x00]), payload);
    }
  }
}
