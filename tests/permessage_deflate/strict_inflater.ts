/** DEFLATE read by the letter of RFC 1951, with nothing from src and no library: what the tests compare with. */

/** Codes of one alphabet: how many there are of each length, and their symbols in order. */
interface Huffman {
  readonly counts: readonly number[];
  readonly symbols: readonly number[];
}

// RFC 1951, section 3.2.5: lengths 3 to 258, distances 1 to 32768.
const LENGTH_EXTRA = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];
const DISTANCE_EXTRA = Array.from({ length: 30 }, (_, code) => Math.max(0, (code >> 1) - 1));
const LENGTHS = [...bases(LENGTH_EXTRA.slice(0, 28), 3), 258];
const DISTANCES = bases(DISTANCE_EXTRA, 1);
// RFC 1951, section 3.2.7.
const CODE_LENGTH_ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
// RFC 1951, section 3.2.6.
const FIXED_LITERALS = huffman(
  Array.from({ length: 288 }, (_, symbol) => symbol < 144 ? 8 : symbol < 256 ? 9 : symbol < 280 ? 7 : 8),
);
const FIXED_DISTANCES = huffman(new Array<number>(30).fill(5));

function bases(extra: readonly number[], first: number): number[] {
  const values: number[] = [];
  for (const bits of extra) {
    values.push(first);
    first += 2 ** bits;
  }
  return values;
}

function huffman(lengths: readonly number[]): Huffman {
  const counts = new Array<number>(16).fill(0);
  for (const length of lengths) counts[length]!++;
  counts[0] = 0;
  let left = 1;
  for (let length = 1; length < 16; length++) {
    left = 2 * left - counts[length]!;
    if (left < 0) throw new Error("more codes than their lengths allow");
  }
  const symbols = [...lengths.keys()].filter((symbol) => lengths[symbol]! > 0)
    .sort((a, b) => lengths[a]! - lengths[b]! || a - b);
  return { counts, symbols };
}

/** The receiver of one direction, which refuses whatever its sender may not do. */
export class StrictInflater {
  /** The types of the blocks of the last message. */
  blocks: ("stored" | "fixed" | "dynamic")[] = [];
  /** How many of them were final ones. */
  finals = 0;
  /** The longest distance of the last message. */
  farthest = 0;
  readonly #windowSize: number;
  readonly #takeover: boolean;
  #output: number[] = [];
  // Where the message begins in the output.
  #start = 0;
  #input: Uint8Array = new Uint8Array(0);
  #bit = 0;

  /** Allows distances of up to `2 ** windowBits` bytes; into what came before a message only with `takeover`. */
  constructor(windowBits: number, takeover: boolean) {
    this.#windowSize = 2 ** windowBits;
    this.#takeover = takeover;
  }

  /** The message of a payload (RFC 7692, section 7.2.2). Throws at the first thing that is wrong with it. */
  message(payload: Uint8Array): Uint8Array {
    this.#input = Uint8Array.from([...payload, 0x00, 0x00, 0xff, 0xff]);
    this.#bit = 0;
    this.#output = this.#takeover ? this.#output.slice(-this.#windowSize) : [];
    this.#start = this.#output.length;
    this.blocks = [];
    this.finals = 0;
    this.farthest = 0;
    do this.#block(); while (this.#bit < 8 * this.#input.length);
    if (this.blocks.at(-1) !== "stored") throw new Error("the message does not end with a stored block");
    return Uint8Array.from(this.#output.slice(this.#start));
  }

  #block(): void {
    const final = this.#bits(1) === 1;
    const type = this.#bits(2);
    if (type === 0) this.#stored();
    else if (type === 1) this.#compressed("fixed", FIXED_LITERALS, FIXED_DISTANCES);
    else if (type === 2) this.#dynamic();
    else throw new Error("a block of the reserved type");
    if (!final) return;
    this.finals++;
    this.#toByte();
  }

  #stored(): void {
    this.#toByte();
    const length = this.#bits(16);
    if (this.#bits(16) !== (length ^ 0xffff)) throw new Error("NLEN is not the complement of LEN");
    for (let i = 0; i < length; i++) this.#output.push(this.#bits(8));
    this.blocks.push("stored");
  }

  #dynamic(): void {
    const literals = this.#bits(5) + 257;
    const distances = this.#bits(5) + 1;
    const count = this.#bits(4) + 4;
    if (literals > 286 || distances > 30) throw new Error("an alphabet is too large");
    const codeLengths = new Array<number>(19).fill(0);
    for (let i = 0; i < count; i++) codeLengths[CODE_LENGTH_ORDER[i]!] = this.#bits(3);
    const code = huffman(codeLengths);
    const lengths: number[] = [];
    while (lengths.length < literals + distances) {
      const symbol = this.#symbol(code);
      if (symbol === 16 && lengths.length === 0) throw new Error("no length to repeat");
      if (symbol < 16) lengths.push(symbol);
      else if (symbol === 16) this.#repeat(lengths, lengths.at(-1)!, 3 + this.#bits(2));
      else this.#repeat(lengths, 0, symbol === 17 ? 3 + this.#bits(3) : 11 + this.#bits(7));
    }
    if (lengths.length > literals + distances) throw new Error("more lengths than symbols");
    if (lengths[256] === 0) throw new Error("the end of the block has no code");
    this.#compressed("dynamic", huffman(lengths.slice(0, literals)), huffman(lengths.slice(literals)));
  }

  #repeat(lengths: number[], length: number, times: number): void {
    for (let i = 0; i < times; i++) lengths.push(length);
  }

  #compressed(type: "fixed" | "dynamic", literals: Huffman, distances: Huffman): void {
    this.blocks.push(type);
    for (;;) {
      const symbol = this.#symbol(literals);
      if (symbol === 256) return;
      if (symbol < 256) {
        this.#output.push(symbol);
        continue;
      }
      const code = symbol - 257;
      if (code >= LENGTHS.length) throw new Error("a length that is reserved");
      const length = LENGTHS[code]! + this.#bits(LENGTH_EXTRA[code]!);
      const far = this.#symbol(distances);
      const distance = DISTANCES[far]! + this.#bits(DISTANCE_EXTRA[far]!);
      if (distance > this.#windowSize) throw new Error(`a distance of ${distance} is beyond the window`);
      if (distance > this.#output.length) throw new Error(`a distance of ${distance} is before the start`);
      this.farthest = Math.max(this.farthest, distance);
      for (let i = 0; i < length; i++) this.#output.push(this.#output[this.#output.length - distance]!);
    }
  }

  #symbol({ counts, symbols }: Huffman): number {
    let code = 0;
    let first = 0;
    let index = 0;
    for (let length = 1; length < 16; length++) {
      code |= this.#bits(1);
      const count = counts[length]!;
      if (code - first < count) return symbols[index + code - first]!;
      index += count;
      first = 2 * (first + count);
      code *= 2;
    }
    throw new Error("no symbol has this code");
  }

  #bits(count: number): number {
    let value = 0;
    for (let i = 0; i < count; i++) {
      const byte = this.#input[this.#bit >>> 3];
      if (byte === undefined) throw new Error("the message ends inside a block");
      value |= ((byte >>> (this.#bit++ & 7)) & 1) << i;
    }
    return value;
  }

  #toByte(): void {
    this.#bit = 8 * Math.ceil(this.#bit / 8);
  }
}
