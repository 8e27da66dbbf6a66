import { Buffer } from "node:buffer";
import { deepEqual, equal, notEqual } from "node:assert/strict";
import { test } from "../harness.ts";
import { concat, copyOf } from "../../src/protocol/bytes.ts";
import { noise, sameBytes } from "./frames.ts";

test("RFC 6455, section 6.2: a copy holds the bytes of its range", () => {
  const bytes = Uint8Array.of(1, 2, 3, 4, 5);
  for (let start = 0; start <= 5; start++) {
    for (let end = start; end <= 5; end++) sameBytes(copyOf(bytes, start, end), bytes.slice(start, end));
  }
});

test("RFC 6455, section 6.2: a copy is a plain Uint8Array with memory of its own, whatever it was made from", () => {
  const memory = noise(40);
  for (
    const source of [memory, memory.subarray(7, 29), Buffer.from(memory), Buffer.from(memory.buffer, 5, 9)]
  ) {
    for (const [start, end] of [[0, source.length], [1, 4]] as const) {
      const expected = Array.from(source).slice(start, end);
      const copy = copyOf(source, start, end);
      equal(Object.getPrototypeOf(copy), Uint8Array.prototype);
      notEqual(copy.buffer, source.buffer);
      equal(copy.buffer.byteLength, end - start);
      source[start]! ^= 0xff;
      deepEqual(Array.from(copy), expected);
    }
  }
});

test("RFC 6455, section 5.4: pieces are put together in order", () => {
  deepEqual(concat([], 0), new Uint8Array(0));
  const joined = concat([Uint8Array.of(1, 2), new Uint8Array(0), Buffer.from([3]), Uint8Array.of(4, 5)], 5);
  deepEqual(joined, Uint8Array.of(1, 2, 3, 4, 5));
});
