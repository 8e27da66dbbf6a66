/** The two ways to DEFLATE: by zlib's handle, and by its documented functions alone. Nobody can tell them apart. */
import { deepEqual, equal, ok } from "node:assert/strict";
import { createDeflateRaw, createInflateRaw } from "node:zlib";
import { oneShotCodec, zlibCodec } from "../src/deflate.ts";
import type { Inflated } from "../src/permessage_deflate/deflate_codec.ts";
import { ZlibHandle } from "../src/zlib_handle.ts";
import { test } from "./harness.ts";
import { KINDS, sample } from "./permessage_deflate/support.ts";
import { StrictInflater } from "./permessage_deflate/strict_inflater.ts";
import { bytesOf, random, sameBytes } from "./protocol/frames.ts";

const NOTHING = new Uint8Array(0);
const FINAL = [0x03, 0x00];
const CODECS = { "by handle": zlibCodec, "by one-shot calls": oneShotCodec };

/** What came of it, told apart from what shares its memory. */
function outcome(result: Inflated | "too-large" | "invalid"): unknown {
  return typeof result === "string"
    ? result
    : { bytes: Uint8Array.from(result.bytes), consumed: result.consumed };
}

for (const [name, codec] of Object.entries(CODECS)) {
  test(`DEFLATE ${name}: blocks keep to their window, end with an empty stored one, and hold what went in`, () => {
    const next = random(7);
    for (const kind of KINDS) {
      for (const size of [1, 200, 3800, 3801, 70_000, 300_000]) {
        for (const windowBits of [8, 9, 12, 15]) {
          const bytes = sample(kind, size, next);
          const blocks = codec.deflate(bytes, { window: NOTHING, windowBits, level: 1 + next(9) }).slice();
          deepEqual([...blocks.slice(-4)], [0, 0, 0xff, 0xff]);
          sameBytes(new StrictInflater(windowBits, false).message(blocks.subarray(0, -4)), bytes);
          const inflated = codec.inflate(bytesOf(blocks, FINAL), size, true);
          ok(typeof inflated === "object", String(inflated));
          sameBytes(inflated.bytes, bytes);
        }
      }
    }
  });

  test(`DEFLATE ${name}: what went before is referred to, as far as the window goes and no farther`, () => {
    const next = random(8);
    for (const windowBits of [8, 9, 12, 15]) {
      const window = sample("noise", 2 ** windowBits, next);
      const bytes = window.slice(-200);
      const blocks = codec.deflate(bytes, { window, windowBits, level: 6 }).slice(0, -4);
      const strict = new StrictInflater(windowBits, true);
      // As a stored block: its header, and the bytes.
      const [low, high] = [window.length & 0xff, window.length >>> 8];
      strict.message(bytesOf([0, low, high, ~low & 0xff, ~high & 0xff], window, [0]));
      sameBytes(strict.message(blocks), bytes);
      const afresh = codec.deflate(bytes, { window: NOTHING, windowBits, level: 6 }).length;
      if (codec === zlibCodec) ok(blocks.length < afresh / 4, `${blocks.length} of ${afresh} bytes`);
    }
  });
}

test("DEFLATE: both ways agree about what is invalid, too large, or followed by more", () => {
  const next = random(9);
  const seen = new Set<string>();
  for (let round = 0; round < 3000; round++) {
    const size = next(3000);
    const bytes = sample(KINDS[next(KINDS.length)]!, size, next);
    let blocks: Uint8Array = oneShotCodec.deflate(bytes, {
      window: NOTHING,
      windowBits: 15,
      level: 1 + next(9),
    }).slice();
    if (next(3) > 0) blocks = bytesOf(blocks, FINAL);
    if (next(4) === 0) blocks = bytesOf(blocks, sample("noise", next(10), next));
    if (next(4) === 0) blocks = blocks.slice(0, next(blocks.length + 1));
    if (next(4) === 0 && blocks.length > 0) blocks[next(blocks.length)]! ^= 1 << next(8);
    if (blocks.length === 0) continue;
    const limit = next(4) === 0 ? next(size + 1) : size + next(100);
    const whole = next(2) === 0;
    const one = outcome(oneShotCodec.inflate(blocks, limit, whole));
    const other = outcome(zlibCodec.inflate(blocks, limit, whole));
    seen.add(typeof one === "string" ? one : "inflated");
    // Where one thing is wrong behind another, either may be told.
    if (typeof one === "string") ok(typeof other === "string", `round ${round}: ${one}`);
    else deepEqual(other, one, `round ${round}`);
  }
  for (const kind of ["inflated", "invalid", "too-large"]) ok(seen.has(kind), kind);
});

test("DEFLATE: a handle that met bad data works on, and a large result is not overwritten by the next", () => {
  const hello = bytesOf([0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00, 0x00, 0xff, 0xff], FINAL);
  equal(zlibCodec.inflate(Uint8Array.of(0x07), 10, true), "invalid");
  deepEqual(outcome(zlibCodec.inflate(hello, 10, true)), { bytes: bytesOf("Hello"), consumed: hello.length });
  const large = zlibCodec.deflate(sample("noise", 500_000, random(1)), {
    window: NOTHING,
    windowBits: 15,
    level: 1,
  });
  const copy = large.slice();
  zlibCodec.deflate(bytesOf("something else"), { window: NOTHING, windowBits: 15, level: 1 });
  sameBytes(large, copy);
});

test("zlib's handle is used on this runtime, and what is not like it is not", () => {
  ok(ZlibHandle.of(createDeflateRaw()) !== undefined);
  ok(ZlibHandle.of(createInflateRaw()) !== undefined);
  for (
    const strange of [{}, { _handle: null }, { _handle: { reset() {}, writeSync() {} }, _writeState: [] }]
  ) {
    equal(ZlibHandle.of(strange), undefined);
  }
});
