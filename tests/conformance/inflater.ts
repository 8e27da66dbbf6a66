/**
 * A DEFLATE decoder (RFC 1951) that follows RFC 7692 by the letter: a distance beyond the agreed window is an error
 * even if the bytes are still in memory, which zlib accepts, and a message ends where its last block does.
 */
import { Buffer } from "node:buffer";

const TAIL = Uint8Array.of(0x00, 0x00, 0xff, 0xff);

const LENGTH_BASES = [
  3,
  4,
  5,
  6,
  7,
  8,
  9,
  10,
  11,
  13,
  15,
  17,
  19,
  23,
  27,
  31,
  35,
  43,
  51,
  59,
  67,
  83,
  99,
  115,
];
LENGTH_BASES.push(131, 163, 195, 227, 258);
const LENGTH_BITS = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];
const DISTANCE_BITS = Array.from({ length: 30 }, (_, code) => code < 4 ? 0 : (code >> 1) - 1);
const DISTANCE_BASES = DISTANCE_BITS.map((bits, code) =>
  code < 4 ? code + 1 : ((2 + (code & 1)) << bits) + 1
);
const ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/** A prefix code: what each possible stretch of the next `bits` bits begins with, as symbol << 4 | length. */
interface Code {
  readonly bits: number;
  readonly table: Uint16Array;
}

function codeOf(lengths: readonly number[]): Code {
  const bits = Math.max(1, ...lengths);
  const table = new Uint16Array(1 << bits);
  for (let length = 1, code = 0; length <= bits; length++, code <<= 1) {
    for (let symbol = 0; symbol < lengths.length; symbol++) {
      if (lengths[symbol] !== length) continue;
      if (code >= 1 << length) {
        throw new Error("A prefix code has too many symbols (RFC 1951, section 3.2.2).");
      }
      let reversed = 0;
      for (let bit = 0; bit < length; bit++) reversed |= (code >> bit & 1) << (length - 1 - bit);
      for (let at = reversed; at < table.length; at += 1 << length) table[at] = symbol << 4 | length;
      code++;
    }
  }
  return { bits, table };
}

const FIXED_LITERALS = codeOf(
  Array.from({ length: 288 }, (_, symbol) => symbol < 144 ? 8 : symbol < 256 ? 9 : symbol < 280 ? 7 : 8),
);
const FIXED_DISTANCES = codeOf(new Array<number>(30).fill(5));

class Bits {
  readonly #bytes: Uint8Array;
  #next = 0;
  #held = 0;
  #count = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get done(): boolean {
    return this.#count === 0 && this.#next === this.#bytes.length;
  }

  take(count: number): number {
    this.#hold(count);
    if (this.#count < count) throw new Error("The data end within a block (RFC 7692, section 7.2.1).");
    const value = this.#held & (1 << count) - 1;
    this.#held >>>= count;
    this.#count -= count;
    return value;
  }

  symbol({ bits, table }: Code): number {
    this.#hold(bits);
    const entry = table[this.#held & (1 << bits) - 1]!;
    const length = entry & 15;
    if (length === 0) throw new Error("A bit pattern is no code (RFC 1951, section 3.2.2).");
    if (length > this.#count) throw new Error("The data end within a block (RFC 7692, section 7.2.1).");
    this.#held >>>= length;
    this.#count -= length;
    return entry >> 4;
  }

  /** Goes on at the next byte. */
  align(): void {
    this.#held >>>= this.#count & 7;
    this.#count &= ~7;
  }

  #hold(count: number): void {
    while (this.#count < count && this.#next < this.#bytes.length) {
      this.#held |= this.#bytes[this.#next++]! << this.#count;
      this.#count += 8;
    }
  }
}

/** Inflates the messages of one direction of a connection. */
export class Inflater {
  readonly #windowSize: number;
  readonly #takeover: boolean;
  #output: Uint8Array = new Uint8Array(1 << 16);
  #end = 0;

  /** `windowBits` and `takeover` are what the sender agreed to keep to. */
  constructor({ windowBits, takeover }: { readonly windowBits: number; readonly takeover: boolean }) {
    this.#windowSize = 1 << windowBits;
    this.#takeover = takeover;
  }

  /** The data of a compressed message; throws if it is not what RFC 7692, section 7.2.1, makes of any. */
  inflate(payload: Uint8Array): Uint8Array {
    const kept = this.#takeover ? Math.min(this.#end, this.#windowSize) : 0;
    this.#output.copyWithin(0, this.#end - kept, this.#end);
    this.#end = kept;
    const input = new Bits(Buffer.concat([payload, TAIL]));
    while (!input.done) this.#block(input);
    return this.#output.slice(kept, this.#end);
  }

  #block(input: Bits): void {
    const final = input.take(1) === 1;
    const type = input.take(2);
    if (type === 0) this.#stored(input);
    else if (type === 1) this.#compressed(input, FIXED_LITERALS, FIXED_DISTANCES);
    else if (type === 2) this.#compressed(input, ...dynamicCodes(input));
    else throw new Error("A block has the reserved type 3 (RFC 1951, section 3.2.3).");
    // RFC 7692, section 7.2.3.4: what comes behind a final block begins with the next byte.
    if (final) input.align();
  }

  #stored(input: Bits): void {
    input.align();
    const length = input.take(16);
    if ((length ^ input.take(16)) !== 0xffff) {
      throw new Error("The length of a stored block is wrong (RFC 1951, section 3.2.4).");
    }
    this.#reserve(length);
    for (let i = 0; i < length; i++) this.#output[this.#end++] = input.take(8);
  }

  #compressed(input: Bits, literals: Code, distances: Code): void {
    for (;;) {
      const symbol = input.symbol(literals);
      if (symbol === 256) return;
      this.#reserve(258);
      if (symbol < 256) {
        this.#output[this.#end++] = symbol;
        continue;
      }
      if (symbol > 285) throw new Error("A length has no meaning (RFC 1951, section 3.2.5).");
      const length = LENGTH_BASES[symbol - 257]! + input.take(LENGTH_BITS[symbol - 257]!);
      const code = input.symbol(distances);
      if (code > 29) throw new Error("A distance has no meaning (RFC 1951, section 3.2.5).");
      const distance = DISTANCE_BASES[code]! + input.take(DISTANCE_BITS[code]!);
      if (distance > this.#windowSize) {
        throw new Error(
          `A distance of ${distance} is beyond the window of ${this.#windowSize} (RFC 7692, 7.1.2).`,
        );
      }
      if (distance > this.#end) {
        throw new Error(`A distance of ${distance} is before the first byte (RFC 7692, section 7.1.1).`);
      }
      const output = this.#output;
      for (let from = this.#end - distance, to = this.#end, i = 0; i < length; i++) {
        output[to + i] = output[from + i]!;
      }
      this.#end += length;
    }
  }

  #reserve(count: number): void {
    if (this.#end + count <= this.#output.length) return;
    const larger = new Uint8Array(2 * this.#output.length + count);
    larger.set(this.#output.subarray(0, this.#end));
    this.#output = larger;
  }
}

function dynamicCodes(input: Bits): [Code, Code] {
  const literals = 257 + input.take(5);
  const distances = 1 + input.take(5);
  const count = 4 + input.take(4);
  const ofLengths = new Array<number>(19).fill(0);
  for (let i = 0; i < count; i++) ofLengths[ORDER[i]!] = input.take(3);
  const code = codeOf(ofLengths);
  const lengths: number[] = [];
  while (lengths.length < literals + distances) {
    const symbol = input.symbol(code);
    if (symbol < 16) lengths.push(symbol);
    else if (symbol === 16) repeat(lengths, lengths.at(-1) ?? 0, 3 + input.take(2));
    else repeat(lengths, 0, symbol === 17 ? 3 + input.take(3) : 11 + input.take(7));
  }
  if (lengths.length > literals + distances) {
    throw new Error("There are more code lengths than codes (RFC 1951, section 3.2.7).");
  }
  return [codeOf(lengths.slice(0, literals)), codeOf(lengths.slice(literals))];
}

function repeat(lengths: number[], length: number, times: number): void {
  for (let i = 0; i < times; i++) lengths.push(length);
}
