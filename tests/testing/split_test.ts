import { deepEqual, equal, notDeepEqual, ok, throws } from "node:assert/strict";
import { pieceSizes } from "../../src/testing/split.ts";
import { test } from "../harness.ts";

function first(count: number, next: () => number): number[] {
  return Array.from({ length: count }, next);
}

test("without a split pieces are as large as they come", () => {
  equal(pieceSizes(undefined)(), Infinity);
});

test('"bytes" and a number give pieces of one size', () => {
  deepEqual(first(3, pieceSizes("bytes")), [1, 1, 1]);
  deepEqual(first(3, pieceSizes(7)), [7, 7, 7]);
});

test("a seed gives the same sizes each time, from 1 to the largest, and another seed gives others", () => {
  const sizes = first(2000, pieceSizes({ seed: 1, largest: 10 }));
  deepEqual(sizes, first(2000, pieceSizes({ seed: 1, largest: 10 })));
  notDeepEqual(sizes, first(2000, pieceSizes({ seed: 2, largest: 10 })));
  deepEqual([...new Set(sizes)].sort((a, b) => a - b), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  const usual = first(20_000, pieceSizes({ seed: 1 }));
  ok(Math.max(...usual) <= 1024 && Math.max(...usual) > 900 && Math.min(...usual) >= 1);
});

test("sizes that are no whole number of at least 1 throw a RangeError", () => {
  for (const split of [0, -1, 1.5, NaN, Infinity]) {
    throws(() => pieceSizes(split), RangeError);
    throws(() => pieceSizes({ seed: 1, largest: split }), RangeError);
  }
});
