/** Numbers that look random and are the same for the same seed, and mutations made of them. */

/** A generator for one input of one run: any of them can be made again without those before it. */
export class Random {
  // Sfc32: 128 bits, so that ten million generators do not share a stretch.
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  constructor(seed: number, stream: number = 0, index: number = 0) {
    this.#a = seed | 0;
    this.#b = stream | 0;
    this.#c = index | 0;
    for (let i = 0; i < 12; i++) this.next();
  }

  /** A whole number of 32 bits. */
  next(): number {
    const sum = (((this.#a + this.#b) | 0) + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0;
    return sum >>> 0;
  }

  /** A whole number from 0 up to `below`. */
  below(below: number): number {
    return Math.floor(this.next() / 0x100000000 * below);
  }

  /** True once in this many times. */
  once(times: number): boolean {
    return this.below(times) === 0;
  }

  pick<Item>(items: readonly Item[]): Item {
    return items[this.below(items.length)]!;
  }

  bytes(size: number): Uint8Array {
    const bytes = new Uint8Array(size);
    for (let i = 0; i < size; i++) bytes[i] = this.next();
    return bytes;
  }
}

/** FNV-1a of the bytes, 32 bits; `begun` goes on with an earlier one. */
export function hashOf(bytes: Uint8Array, begun: number = 0x811c9dc5): number {
  let hash = begun;
  for (let i = 0; i < bytes.length; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193);
  return hash >>> 0;
}

/** All in one array. */
export function joined(pieces: readonly Uint8Array[]): Uint8Array {
  let size = 0;
  for (const piece of pieces) size += piece.length;
  const bytes = new Uint8Array(size);
  let end = 0;
  for (const piece of pieces) {
    bytes.set(piece, end);
    end += piece.length;
  }
  return bytes;
}

const TELLING = [
  0x00,
  0x01,
  0x0a,
  0x0d,
  0x20,
  0x22,
  0x2c,
  0x3b,
  0x7e,
  0x7f,
  0x80,
  0x88,
  0xc2,
  0xf0,
  0xfe,
  0xff,
];

/** The bytes with a few changes: flipped, cut out, doubled, put in, moved, or cut off. */
export function mutated(original: Uint8Array, random: Random, most: number = 4): Uint8Array {
  let bytes = original;
  for (let count = 1 + random.below(most); count > 0 && bytes.length > 0; count--) {
    const at = random.below(bytes.length);
    const to = Math.min(bytes.length, at + 1 + random.below(random.once(8) ? 64 : 4));
    const [head, middle, tail] = [bytes.subarray(0, at), bytes.subarray(at, to), bytes.subarray(to)];
    switch (random.below(8)) {
      case 0:
      case 1:
        bytes = bytes.slice();
        bytes[at]! ^= 1 << random.below(8);
        break;
      case 2:
        bytes = bytes.slice();
        bytes[at] = random.pick(TELLING);
        break;
      case 3:
        bytes = joined([head, tail]);
        break;
      case 4:
        bytes = joined([head, middle, middle, tail]);
        break;
      case 5:
        bytes = joined([head, random.bytes(1 + random.below(6)), middle, tail]);
        break;
      case 6: {
        const other = random.below(bytes.length);
        bytes = joined([head, bytes.subarray(other, other + 1 + random.below(16)), tail]);
        break;
      }
      default:
        bytes = random.once(4) ? head : joined([head, tail, middle]);
    }
  }
  return bytes;
}
