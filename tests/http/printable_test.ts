import { equal } from "node:assert/strict";
import { printable } from "../../src/http/printable.ts";
import { test } from "../harness.ts";

test("what a peer said loses its control characters, C1 included, and nothing else", () => {
  equal(printable("  a\x00b\x1bc\x7fd\x80e\x9ff\r\n g\u00a0 "), "a b c d e f   g");
  equal(printable("caf\u00e9 \u63e1\u624b \u{1f91d}"), "caf\u00e9 \u63e1\u624b \u{1f91d}");
});

test("no more than 600 characters of it are kept", () => {
  equal(printable("x".repeat(10_000)), "x".repeat(600));
});
