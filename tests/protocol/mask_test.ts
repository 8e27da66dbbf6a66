import { equal, notDeepEqual, ok } from "node:assert/strict";
import { test } from "../harness.ts";
import { applyMask, maskingKey } from "../../src/protocol/mask.ts";
import { bytesOf, fromHex, noise, sameBytes } from "./frames.ts";

const KEYS = [0, -1, 0x37fa213d, 0x80000000 | 0, 0x01020304, 0xfefdfcfb | 0];

/** By the letter of section 5.3: "octet i of the transformed data is octet i of the original XOR octet i MOD 4". */
function masked(bytes: Uint8Array, key: number, offset: number): number[] {
  const octets = [key >>> 24, (key >>> 16) & 255, (key >>> 8) & 255, key & 255];
  return Array.from(bytes, (byte, i) => byte ^ octets[(i + offset) % 4]!);
}

test("RFC 6455, section 5.7: the masked Hello", () => {
  const bytes = fromHex("7f9f4d5158");
  applyMask(bytes, 0, 5, 0x37fa213d, 0);
  sameBytes(bytes, bytesOf("Hello"));
});

test("RFC 6455, section 5.3: any size, place in memory, offset and key, and not a byte beside it", () => {
  const sizes = [...Array(20).keys(), 46, 47, 48, 49, 50, 51, 52, 53, 99, 100, 101, 102, 103, 200];
  for (const size of sizes) {
    for (let place = 0; place < 8; place++) {
      for (let offset = 0; offset < 5; offset++) {
        for (const key of KEYS) {
          // The array itself may begin anywhere in its memory, and the range anywhere in the array.
          const memory = noise(size + 16, size);
          const view = memory.subarray(place >> 1);
          const start = place - (place >> 1);
          const before = memory.slice();
          applyMask(view, start, start + size, key, offset);
          const inside = masked(before.subarray(place, place + size), key, offset);
          sameBytes(memory, bytesOf(before.subarray(0, place), inside, before.subarray(place + size)));
        }
      }
    }
  }
});

test("RFC 6455, section 5.3: an offset beyond 2^31 keeps its place in the key", () => {
  for (const offset of [2 ** 31 + 1, 2 ** 32 + 2, 2 ** 40 + 3, 2 ** 53 - 1]) {
    const bytes = new Uint8Array(6);
    applyMask(bytes, 0, 6, 0x01020304, offset);
    sameBytes(bytes, Uint8Array.from(masked(new Uint8Array(6), 0x01020304, offset % 4)));
  }
});

test("RFC 6455, section 5.3: masking in pieces is masking as a whole, and masking twice is nothing", () => {
  const original = noise(200_000);
  const whole = original.slice();
  applyMask(whole, 0, whole.length, 0x37fa213d, 0);
  notDeepEqual(whole, original);
  for (const step of [1, 3, 49, 4093, 65536]) {
    const pieces = original.slice();
    for (let start = 0; start < pieces.length; start += step) {
      applyMask(pieces, start, Math.min(start + step, pieces.length), 0x37fa213d, start);
    }
    equal(pieces.findIndex((byte, i) => byte !== whole[i]), -1, `in steps of ${step}`);
  }
  applyMask(whole, 0, whole.length, 0x37fa213d, 0);
  equal(whole.findIndex((byte, i) => byte !== original[i]), -1);
});

test("RFC 6455, section 8.1: the answer shows every byte that is not ASCII", () => {
  for (let size = 1; size <= 70; size++) {
    for (let at = 0; at < size; at++) {
      const bytes = new Uint8Array(size).fill(0x41);
      bytes[at] = 0xc3;
      applyMask(bytes, 0, size, 0x11223344, 0);
      const seen = applyMask(bytes, 0, size, 0x11223344, 0);
      ok((seen & 0x80808080) !== 0, `byte ${at} of ${size}`);
    }
  }
});

test("RFC 6455, section 8.1: the answer for ASCII has none of the bits 0x80808080, whatever the key", () => {
  for (const key of KEYS) {
    for (let size = 0; size <= 120; size++) {
      for (let start = 0; start < 4; start++) {
        const bytes = new Uint8Array(size + 4).fill(0x7f);
        applyMask(bytes, start, start + size, key, start);
        const seen = applyMask(bytes, start, start + size, key, start);
        equal(seen & 0x80808080, 0, `${size} bytes from ${start}, key ${(key >>> 0).toString(16)}`);
      }
    }
  }
});

test("RFC 6455, section 5.3: masking keys are fresh, and no bit of them can be foretold", () => {
  const count = 20_000;
  const keys = Array.from({ length: count }, maskingKey);
  // Of 20,000 random keys two are equal once in 21 times; four pairs are out of the question.
  ok(new Set(keys).size > count - 4, `${new Set(keys).size} different keys of ${count}`);
  for (let bit = 0; bit < 32; bit++) {
    const ones = keys.filter((key) => (key >>> bit) & 1).length;
    ok(Math.abs(ones - count / 2) < 600, `bit ${bit} is set in ${ones} of ${count} keys`);
  }
  const differences = new Set(keys.slice(1).map((key, i) => (key - keys[i]!) | 0));
  ok(differences.size > count - 5, "successive keys do not follow a rule");
  for (const key of keys) equal(key, key | 0);
});
