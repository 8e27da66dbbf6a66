/**
 * Masking (RFC 6455, section 5.3).
 *
 * @module
 */

// A key is laid out here as its bytes come in memory, to be read as one word of whatever endianness.
const keyBytes: Uint8Array = /* @__PURE__ */ new Uint8Array(4);
const keyWord: Int32Array = /* @__PURE__ */ new Int32Array(keyBytes.buffer);
// Below this the views cost more than they save.
const WORDWISE_FROM = 48;

/**
 * Masks or unmasks `bytes[start..end)` in place. `key` holds the masking key's four bytes, the first in the highest
 * position; `offset` is how many bytes of the payload came before `start`. Answers the bytes after the change OR-ed
 * together, so that `(answer & 0x80808080) === 0` says that all of them are ASCII.
 */
export function applyMask(
  bytes: Uint8Array,
  start: number,
  end: number,
  key: number,
  offset: number,
): number {
  let position = start;
  let seen = 0;
  let phase = offset & 3;
  if (end - start >= WORDWISE_FROM) {
    while (((bytes.byteOffset + position) & 3) !== 0) {
      seen |= bytes[position]! ^= (key >>> (24 - 8 * phase)) & 0xff;
      position++;
      phase = (phase + 1) & 3;
    }
    const words = new Int32Array(bytes.buffer, bytes.byteOffset + position, (end - position) >>> 2);
    const word = wordKey(key, phase);
    for (let i = 0; i < words.length; i++) seen |= words[i]! ^= word;
    position += words.length << 2;
  }
  for (; position < end; position++) {
    seen |= bytes[position]! ^= (key >>> (24 - 8 * phase)) & 0xff;
    phase = (phase + 1) & 3;
  }
  return seen;
}

/** The key as one word, turned so that its byte for `phase` comes first in memory. */
function wordKey(key: number, phase: number): number {
  for (let i = 0; i < 4; i++) keyBytes[i] = key >>> (24 - 8 * ((phase + i) & 3));
  return keyWord[0]!;
}

const pool: Uint8Array<ArrayBuffer> = /* @__PURE__ */ new Uint8Array(4096);
let used = pool.length;

/**
 * A fresh masking key. RFC 6455, section 5.3: "The masking key needs to be unpredictable; thus, the masking key MUST
 * be derived from a strong source of entropy".
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
