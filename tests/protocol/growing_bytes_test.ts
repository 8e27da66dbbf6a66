import { equal } from "node:assert/strict";
import { GrowingBytes } from "../../src/protocol/growing_bytes.ts";
import { test } from "../harness.ts";
import { allocations, bytesOf, noise, random, sameBytes } from "./frames.ts";

test("growing bytes hold copies of all that came, in one buffer that grows only when it must", () => {
  const next = random(1);
  for (let round = 0; round < 50; round++) {
    const growing = new GrowingBytes();
    let all: Uint8Array = new Uint8Array(0);
    for (let count = next(20); count > 0; count--) {
      const chunk = noise(1 + next(300), round);
      const start = next(2) * next(chunk.length);
      const end = chunk.length - next(2) * next(chunk.length - start);
      const size = growing.size + end - start;
      const { capacity } = growing;
      const made = allocations(() => growing.append(chunk, start, end, 2 * size));
      equal(made.length, size > capacity ? 1 : 0);
      all = bytesOf(all, chunk.subarray(start, end));
      chunk.fill(0);
      equal(growing.size, all.length);
      sameBytes(growing.bytes, all);
    }
  }
});

test("growing bytes of which there are none give away a buffer of nobody else's", () => {
  const [one, other] = [new GrowingBytes().take(), new GrowingBytes().take()];
  equal(one.length, 0);
  equal(one.buffer === other.buffer, false);
});

test("growing bytes that are taken begin anew; those that are cleared keep their buffer", () => {
  const growing = new GrowingBytes();
  growing.append(bytesOf("one"), 0, 3, 10);
  growing.clear();
  equal(growing.size, 0);
  equal(growing.capacity, 10);
  growing.append(bytesOf("two"), 0, 3, 99);
  const taken = growing.take();
  sameBytes(taken, bytesOf("two"));
  equal(growing.capacity, 0);
  growing.append(bytesOf("three"), 0, 5, 5);
  sameBytes(taken, bytesOf("two"));
  sameBytes(growing.bytes, bytesOf("three"));
});
