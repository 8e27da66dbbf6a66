/** What was tried in place of parts of the frame path, and is not in the library: slower on one runtime or on all. */

/** Masks `bytes[start..end)` with a key, and answers what it has seen, as the library's own does. */
export type Mask = (bytes: Uint8Array, start: number, end: number, key: number) => number;

function bytewise(bytes: Uint8Array, start: number, end: number, key: number): number {
  let seen = 0;
  for (let i = start; i < end; i++) seen |= bytes[i]! ^= (key >>> (24 - 8 * ((i - start) & 3))) & 0xff;
  return seen;
}

/** The words of `size` bytes that lie whole in the payload, and the rest before and behind them byte by byte. */
function aligned(
  size: number,
  maskWords: (bytes: Uint8Array, from: number, to: number, key: number) => number,
): Mask {
  return (bytes, start, end, key) => {
    const from = start + (-(bytes.byteOffset + start) & (size - 1));
    const to = from + (end - from & -size);
    const by = 8 * (from - start & 3);
    const turned = by === 0 ? key : key << by | key >>> (32 - by);
    // The key's bytes as they lie in the memory of a machine whose words begin with the lowest.
    const word = turned << 24 | (turned & 0xff00) << 8 | turned >>> 8 & 0xff00 | turned >>> 24;
    return bytewise(bytes, start, from, key) | maskWords(bytes, from, to, word) |
      bytewise(bytes, to, end, turned);
  };
}

function words(bytes: Uint8Array, from: number, to: number): Int32Array {
  return new Int32Array(bytes.buffer, bytes.byteOffset + from, (to - from) >>> 2);
}

const oneWord = aligned(4, (bytes, from, to, key) => {
  const all = words(bytes, from, to);
  let seen = 0;
  for (let i = 0; i < all.length; i++) seen |= all[i]! ^= key;
  return seen;
});

const twoWords = aligned(8, (bytes, from, to, key) => {
  const all = words(bytes, from, to);
  const { length } = all;
  let seen = 0;
  for (let i = 0; i + 1 < length; i = (i + 2) | 0) seen |= (all[i]! ^= key) | (all[(i + 1) | 0]! ^= key);
  return seen;
});

const sixteenWords = aligned(64, (bytes, from, to, key) => {
  const all = words(bytes, from, to);
  const { length } = all;
  let seen = 0;
  for (let i = 0; i + 15 < length; i = (i + 16) | 0) {
    seen |= (all[i]! ^= key) | (all[(i + 1) | 0]! ^= key) | (all[(i + 2) | 0]! ^= key) |
      (all[(i + 3) | 0]! ^= key) | (all[(i + 4) | 0]! ^= key) | (all[(i + 5) | 0]! ^= key) |
      (all[(i + 6) | 0]! ^= key) | (all[(i + 7) | 0]! ^= key) | (all[(i + 8) | 0]! ^= key) |
      (all[(i + 9) | 0]! ^= key) | (all[(i + 10) | 0]! ^= key) | (all[(i + 11) | 0]! ^= key) |
      (all[(i + 12) | 0]! ^= key) | (all[(i + 13) | 0]! ^= key) | (all[(i + 14) | 0]! ^= key) |
      (all[(i + 15) | 0]! ^= key);
  }
  return seen;
});

const bigIntegers = aligned(32, (bytes, from, to, key) => {
  const all = new BigUint64Array(bytes.buffer as ArrayBuffer, bytes.byteOffset + from, (to - from) >>> 3);
  const both = BigInt(key >>> 0) << 32n | BigInt(key >>> 0);
  const { length } = all;
  let seen = 0n;
  for (let i = 0; i + 3 < length; i = (i + 4) | 0) {
    const first = BigInt.asUintN(64, all[i]! ^ both);
    const second = BigInt.asUintN(64, all[(i + 1) | 0]! ^ both);
    const third = BigInt.asUintN(64, all[(i + 2) | 0]! ^ both);
    const fourth = BigInt.asUintN(64, all[(i + 3) | 0]! ^ both);
    all[i] = first;
    all[(i + 1) | 0] = second;
    all[(i + 2) | 0] = third;
    all[(i + 3) | 0] = fourth;
    seen = BigInt.asUintN(64, seen | BigInt.asUintN(64, first | second) | BigInt.asUintN(64, third | fourth));
  }
  return Number(BigInt.asUintN(32, seen)) | Number(seen >> 32n);
});

/** Word by word wherever the payload begins, by a view that is made for each or for many frames. */
function viewed(viewOf: (bytes: Uint8Array) => DataView): Mask {
  return (bytes, start, end, key) => {
    const view = viewOf(bytes);
    const ragged = end - (end - start & 3);
    let seen = 0;
    for (let i = start; i < ragged; i = (i + 4) | 0) {
      const word = view.getInt32(i) ^ key;
      view.setInt32(i, word);
      seen |= word;
    }
    return seen | bytewise(bytes, ragged, end, key);
  };
}

const newView = (bytes: Uint8Array): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

let viewedBytes: Uint8Array = new Uint8Array(0);
let lastView: DataView = newView(viewedBytes);

function sameView(bytes: Uint8Array): DataView {
  if (bytes !== viewedBytes) lastView = newView(viewedBytes = bytes);
  return lastView;
}

/** By what they are called in the table, for payloads of any size. */
export const masks: Readonly<Record<string, Mask>> = {
  "byte by byte": bytewise,
  "a DataView of each frame": viewed(newView),
  "a DataView of many frames": viewed(sameView),
};

/** For those that are long enough for words. */
export const wordMasks: Readonly<Record<string, Mask>> = {
  "one word at a time": oneWord,
  "two words": twoWords,
  "sixteen words": sixteenWords,
  "64-bit integers": bigIntegers,
};
