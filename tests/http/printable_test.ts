import { equal } from "node:assert/strict";
import { hasControlCharacter, isVisibleAscii, printable } from "../../src/http/printable.ts";
import { test } from "../harness.ts";

test("what a peer said loses its control characters, C1 included, and nothing else", () => {
  equal(printable("  a\x00b\x1bc\x7fd\x80e\x9ff\r\n g\u00a0 "), "a b c d e f   g");
  equal(printable("caf\u00e9 \u63e1\u624b \u{1f91d}"), "caf\u00e9 \u63e1\u624b \u{1f91d}");
});

test("no more than 600 characters of it are kept", () => {
  equal(printable("x".repeat(10_000)), "x".repeat(600));
});

test("what is visible ASCII, and what has a control character", () => {
  for (const text of ["a", "/chat?x=~"]) equal(isVisibleAscii(text), true, text);
  for (const text of ["", "a b", "\x7f", "é", "a\t"]) {
    equal(isVisibleAscii(text), false, JSON.stringify(text));
  }
  for (const text of ["", "a b", "a\tb", "é"]) {
    equal(hasControlCharacter(text), false, JSON.stringify(text));
  }
  for (const text of ["\0", "a\n", "\r", "\x7f", "\x1f"]) equal(hasControlCharacter(text), true);
});
