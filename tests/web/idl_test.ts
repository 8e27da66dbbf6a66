/** Web IDL conversions, and the sums of bufferedAmount. */
import assert from "node:assert/strict";
import { BufferedAmount } from "../../src/web/buffered_amount.ts";
import { clampToShort, enforceShort, stringSequence } from "../../src/web/idl.ts";
import { test } from "../harness.ts";

test("Web IDL, [Clamp] unsigned short: limits, halves to even, no number is 0", () => {
  for (
    const [value, expected] of [
      [-1, 0],
      [65536, 65535],
      [Infinity, 65535],
      [-Infinity, 0],
      [NaN, 0],
      ["x", 0],
      [null, 0],
      ["3000", 3000],
      [0.5, 0],
      [1.5, 2],
      [2.5, 2],
      [2999.5, 3000],
      [2999.6, 3000],
      [3000.4, 3000],
    ] as const
  ) assert.equal(clampToShort(value), expected, String(value));
});

test("Web IDL, [EnforceRange] unsigned short: truncates, and throws beyond the limits", () => {
  assert.equal(enforceShort(3000.9), 3000);
  assert.equal(enforceShort("3000"), 3000);
  assert.equal(enforceShort(65535), 65535);
  assert.equal(enforceShort(null), 0);
  for (const wrong of [-1, 65536, NaN, Infinity, "x"]) assert.throws(() => enforceShort(wrong), TypeError);
});

test("Web IDL, sequence<USVString>: an object that can be iterated, nothing else", () => {
  assert.deepEqual(stringSequence(new Set(["a", 1])), ["a", "1"]);
  for (const wrong of ["abc", null, 1, {}]) assert.throws(() => stringSequence(wrong), TypeError);
});

test("bufferedAmount: messages leave the sum as their frames leave the connection, payload after header", async () => {
  const amount = new BufferedAmount();
  amount.sent(10, 12);
  amount.sent(200, 204);
  amount.sent(0, 2);
  await new Promise((resolve) => setImmediate(resolve));
  const left = (waiting: number): number => {
    amount.waiting(waiting);
    return amount.value;
  };
  // A pong that waits too.
  assert.equal(left(218 + 7), 210);
  assert.equal(left(218), 210);
  assert.equal(left(217), 210);
  assert.equal(left(216), 210);
  assert.equal(left(215), 209);
  assert.equal(left(206), 200);
  assert.equal(left(202), 200);
  assert.equal(left(201), 199);
  assert.equal(left(3), 1);
  assert.equal(left(2), 0);
  assert.equal(left(0), 0);
});

test("bufferedAmount: what came too late counts for ever, and what waited if the end was not clean", async () => {
  for (const clean of [true, false]) {
    const amount = new BufferedAmount();
    amount.sent(100, 102);
    amount.unsendable(7);
    assert.equal(amount.value, 107);
    await new Promise((resolve) => setImmediate(resolve));
    amount.waiting(50);
    assert.equal(amount.value, 57);
    amount.end(clean);
    assert.equal(amount.value, clean ? 7 : 57);
  }
});
