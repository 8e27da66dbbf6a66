import { equal, ok } from "node:assert/strict";
import { SlidingWindow } from "../../src/permessage_deflate/sliding_window.ts";
import { test } from "../harness.ts";
import { allocations, bytesOf, noise, random, sameBytes } from "../protocol/frames.ts";

const SIZES = [8, 9, 10, 11, 12, 13, 14, 15];

test("a sliding window holds the last bytes of what it was given, however that came", () => {
  for (const bits of SIZES) {
    const size = 2 ** bits;
    const window = new SlidingWindow(bits);
    const next = random(bits);
    let all: Uint8Array = new Uint8Array(0);
    equal(window.bytes.length, 0);
    for (let round = 0; round < 300; round++) {
      const length = [0, 1, next(20), next(size), size - 1, size, size + 1, next(3 * size)][next(8)]!;
      const added = noise(length, bits * 1000 + round);
      window.append(added);
      // What is borrowed may be written to afterwards.
      all = bytesOf(all, added).slice(-size);
      added.fill(0);
      sameBytes(window.bytes, all);
      if (next(40) === 0) {
        window.clear();
        all = new Uint8Array(0);
        equal(window.bytes.length, 0);
      }
    }
  }
});

test("a sliding window fills up byte by byte, and loses the oldest then", () => {
  const window = new SlidingWindow(8);
  for (let i = 0; i < 600; i++) {
    window.append(Uint8Array.of(i));
    const first = Math.max(0, i - 255);
    sameBytes(window.bytes, Uint8Array.from({ length: i + 1 - first }, (_, index) => first + index));
  }
});

test("a sliding window takes no memory before its first byte, then an eighth more than what it was given, at most its size", () => {
  for (const bits of SIZES) {
    const size = 2 ** bits;
    const piece = noise(100);
    let total = 0;
    const sizes = allocations(() => {
      const window = new SlidingWindow(bits);
      for (let round = 0; round < 5 * size / 100; round++) {
        window.append(piece);
        total += piece.length;
        const capacity = window.bytes.buffer.byteLength;
        ok(capacity <= size, `${capacity} bytes for a window of ${size}`);
        ok(
          capacity >= Math.min(size, total) && capacity <= total * 9 / 8,
          `${capacity} after ${total} bytes`,
        );
      }
      equal(window.bytes.length, size);
    });
    equal(sizes.at(-1), size);
  }
  const sizes = allocations(() => void new SlidingWindow(15).append(new Uint8Array(0)));
  ok(sizes.every((each) => each === 0), "nothing for nothing");
});

test("a sliding window that is given byte by byte moves what it holds a few times only", () => {
  const moved = allocations(() => {
    const window = new SlidingWindow(15);
    for (let i = 0; i < 100_000; i++) window.append(Uint8Array.of(i));
  }).filter((size) => size > 1);
  ok(moved.length < 100, `${moved.length} times`);
});

test("a sliding window says when it has changed, and gives what it holds as one piece or two", () => {
  const window = new SlidingWindow(8);
  const next = random(5);
  const seen = new Set([window.changes]);
  for (let round = 1; round < 500; round++) {
    if (next(20) === 0) window.clear();
    else window.append(noise(next(next(4) === 0 ? 400 : 30), round));
    seen.add(window.changes);
    equal(seen.size, round + 1);
    const [older, newer] = window.pieces;
    const both = bytesOf(older, newer);
    equal(both.length, window.length);
    if (next(3) > 0) continue;
    sameBytes(window.bytes, both);
    equal(window.changes, [...seen].at(-1));
  }
});
