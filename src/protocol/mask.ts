/**
 * Masking (RFC 6455, section 5.3).
 *
 * @module
 */

const keyBytes: Uint8Array = /* @__PURE__ */ new Uint8Array(4);
const keyWord: Int32Array = /* @__PURE__ */ new Int32Array(keyBytes.buffer);
// Below this a view of 32-bit words costs more than it saves.
const WORDWISE_FROM = 80;

/**
 * Masks or unmasks `bytes[start..end)` in place. `key` is the masking key as a big-endian number; `offset` is the
 * number of payload bytes before `start`. Returns all resulting bytes OR-ed together, so that `(result & 0x80808080)
 * === 0` means that they are ASCII.
 */
export function applyMask(
  bytes: Uint8Array,
  start: number,
  end: number,
  key: number,
  offset: number,
): number {
  let turned = turn(key, offset & 3);
  if (end - start < WORDWISE_FROM) return maskBytes(bytes, start, end, turned);
  const ragged = -(bytes.byteOffset + start) & 3;
  const from = start + ragged;
  let seen = maskBytes(bytes, start, from, turned);
  turned = turn(turned, ragged);
  const words = new Int32Array(bytes.buffer, bytes.byteOffset + from, (end - from) >>> 2);
  seen |= maskWords(words, wordOf(turned));
  return seen | maskBytes(bytes, from + 4 * words.length, end, turned);
}

/** The key rotated by up to three bytes. */
function turn(key: number, by: number): number {
  return by === 0 ? key : (key << (8 * by)) | (key >>> (32 - 8 * by));
}

/** The key as a word in the byte order of this machine. */
function wordOf(key: number): number {
  for (let i = 0; i < 4; i++) keyBytes[i] = key >>> (24 - 8 * i);
  return keyWord[0]!;
}

// Here and below: several at a time, and "| 0" where V8 cannot prove that an index stays an integer. Measured: twice
// as fast as one by one.
function maskBytes(bytes: Uint8Array, start: number, end: number, key: number): number {
  const first = key >>> 24;
  const second = (key >>> 16) & 0xff;
  const third = (key >>> 8) & 0xff;
  const fourth = key & 0xff;
  let seen = 0;
  let i = start;
  for (; i + 3 < end; i = (i + 4) | 0) {
    seen |= (bytes[i]! ^= first) | (bytes[(i + 1) | 0]! ^= second) | (bytes[(i + 2) | 0]! ^= third) |
      (bytes[(i + 3) | 0]! ^= fourth);
  }
  if (i < end) seen |= bytes[i]! ^= first;
  if (i + 1 < end) seen |= bytes[i + 1]! ^= second;
  if (i + 2 < end) seen |= bytes[i + 2]! ^= third;
  return seen;
}

function maskWords(words: Int32Array, key: number): number {
  const { length } = words;
  let seen = 0;
  let i = 0;
  for (; i + 7 < length; i = (i + 8) | 0) {
    seen |= (words[i]! ^= key) | (words[(i + 1) | 0]! ^= key) | (words[(i + 2) | 0]! ^= key) |
      (words[(i + 3) | 0]! ^= key) | (words[(i + 4) | 0]! ^= key) | (words[(i + 5) | 0]! ^= key) |
      (words[(i + 6) | 0]! ^= key) | (words[(i + 7) | 0]! ^= key);
  }
  for (; i < length; i++) seen |= words[i]! ^= key;
  return seen;
}

const pool: Uint8Array<ArrayBuffer> = /* @__PURE__ */ new Uint8Array(4096);
let used = pool.length;

/**
 * A new masking key. RFC 6455, section 5.3: "The masking key needs to be unpredictable; thus, the masking key MUST be
 * derived from a strong source of entropy".
 */
export function maskingKey(): number {
  if (used === pool.length) {
    crypto.getRandomValues(pool);
    used = 0;
  }
  const key = (pool[used]! << 24) | (pool[used + 1]! << 16) | (pool[used + 2]! << 8) | pool[used + 3]!;
  used += 4;
  return key;
}
