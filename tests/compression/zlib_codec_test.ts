/** The two ways to DEFLATE: by zlib's handle, and by its documented functions alone. Nobody can tell them apart. */
import { deepEqual, equal, ok } from "node:assert/strict";
import { createDeflateRaw, createInflateRaw } from "node:zlib";
import { oneShotCodec, zlibCodec } from "../../src/compression/zlib_codec.ts";
import { Inflater } from "../../src/compression/inflater.ts";
import type { DeflateCodec, Inflated } from "../../src/permessage_deflate/deflate_codec.ts";
import { SlidingWindow } from "../../src/permessage_deflate/sliding_window.ts";
import { ZlibHandle } from "../../src/compression/zlib_handle.ts";
import { amount, test } from "../harness.ts";
import { KINDS, sample } from "../permessage_deflate/support.ts";
import { StrictInflater } from "../permessage_deflate/strict_inflater.ts";
import { bytesOf, random, sameBytes } from "../protocol/frames.ts";

const NOTHING = new Uint8Array(0);
const FINAL = [0x03, 0x00];
const HELLO = Uint8Array.of(0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00);
const CODECS = { "by handle": zlibCodec, "by one-shot calls": oneShotCodec };

/** What came of it, told apart from what shares its memory, and what the window is then. */
function outcome(
  codec: Pick<DeflateCodec, "inflate">,
  blocks: Uint8Array,
  window: SlidingWindow | undefined,
  limit: number,
): unknown {
  const result = codec.inflate(blocks, window, limit);
  if (typeof result === "string") return result;
  const { bytes, consumed } = result;
  return { bytes: Uint8Array.from(bytes), consumed, window: window && Uint8Array.from(window.bytes) };
}

function windowOf(bytes: Uint8Array): SlidingWindow {
  const window = new SlidingWindow(15);
  window.append(bytes);
  return window;
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
          const inflated = codec.inflate(blocks.subarray(0, -4), undefined, size);
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
  const codecs = [oneShotCodec, zlibCodec];
  for (let round = 0; round < amount(3000, 400); round++) {
    const size = next(3000);
    const bytes = sample(KINDS[next(KINDS.length)]!, size, next);
    let blocks: Uint8Array = oneShotCodec.deflate(bytes, {
      window: NOTHING,
      windowBits: 15,
      level: 1 + next(9),
    }).slice();
    if (next(3) > 0) blocks = next(2) === 0 ? blocks.slice(0, -4) : bytesOf(blocks, FINAL);
    if (next(4) === 0) blocks = bytesOf(blocks, sample("noise", next(10), next));
    if (next(4) === 0) blocks = blocks.slice(0, next(blocks.length + 1));
    if (next(4) === 0 && blocks.length > 0) blocks[next(blocks.length)]! ^= 1 << next(8);
    if (blocks.length === 0) continue;
    const limit = next(4) === 0 ? next(size + 1) : size + next(100);
    const begun = sample("text", next(2) * next(400), next);
    const [one, other] = next(2) === 0
      ? codecs.map((codec) => codec.inspect(blocks, windowOf(begun), limit) ?? "not refused")
      : codecs.map((codec) => outcome(codec, blocks, windowOf(begun), limit));
    seen.add(typeof one === "string" ? one : "inflated");
    // Where one thing is wrong behind another, either may be told.
    if (typeof one === "string") ok(typeof other === "string", `round ${round}: ${one}`);
    else deepEqual(other, one, `round ${round}`);
  }
  for (const kind of ["inflated", "invalid", "too-large"]) ok(seen.has(kind), kind);
});

test("DEFLATE: a handle that met bad data works on, and a large result is not overwritten by the next", () => {
  equal(zlibCodec.inflate(Uint8Array.of(0x07), undefined, 10), "invalid");
  const { bytes, consumed } = zlibCodec.inflate(HELLO, undefined, 10) as Inflated;
  deepEqual([Uint8Array.from(bytes), consumed], [bytesOf("Hello"), HELLO.length]);
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

/** A decoder, and how many bytes were put into zlib. */
function counted(): { readonly inflater: Inflater; readonly handle: { read: number } & ZlibHandle } {
  const handle = Object.assign(ZlibHandle.of(createInflateRaw())!, { read: 0 });
  const write = handle.write.bind(handle);
  handle.write = (flush, input, ...rest) => {
    handle.read += input.length;
    write(flush, input, ...rest);
  };
  return { inflater: new Inflater(handle), handle };
}

test("the decoder is not given the window again for each short message of a connection", () => {
  const { inflater, handle } = counted();
  const window = windowOf(sample("noise", 32_768, random(2)));
  for (let i = 0; i < 1000; i++) {
    const inflated = inflater.inflate(HELLO, window, 100) as Inflated;
    deepEqual([Uint8Array.from(inflated.bytes), inflated.consumed], [bytesOf("Hello"), HELLO.length]);
  }
  ok(handle.read < 32_768 + 1000 * 32, `${handle.read} bytes`);
  sameBytes(window.bytes.slice(-5), bytesOf("Hello"));
});

test("the decoder stands behind the window it was given, whoever it worked for before, and whatever came of that", () => {
  const next = random(3);
  const { inflater } = counted();
  const peers = [15, 15, 12].map((bits) => ({
    window: new SlidingWindow(bits),
    other: new SlidingWindow(bits),
  }));
  for (let round = 0; round < amount(1500, 200); round++) {
    const { window, other } = peers[next(4) === 0 ? next(3) : 0]!;
    const bytes = sample(KINDS[next(KINDS.length)]!, 1 + next(next(8) === 0 ? 40_000 : 30), next);
    const afresh = next(4) === 0;
    const before = afresh ? NOTHING : other.bytes.slice();
    const { size } = window;
    const deflated = oneShotCodec.deflate(bytes, { window: before, windowBits: Math.log2(size), level: 6 });
    let blocks: Uint8Array = deflated.slice(0, -4);
    const way = next(12);
    // A final block; one that what is put back ends; no block; too much; a look; one that nobody knows of.
    if (way === 0) blocks = bytesOf(deflated, FINAL, [0]);
    else if (way === 1) blocks = Uint8Array.of(1, 7, 0, 0xf8, 0xff, 1, 2, 3);
    else if (way === 2) blocks = Uint8Array.of(0x07);
    else if (way === 3) inflater.inspect(blocks, window, 100_000);
    else if (way === 4) { for (const each of [window, other]) each.append(bytes); }
    const limit = next(12) === 0 ? bytes.length - 1 : 100_000;
    const wanted = outcome(oneShotCodec, blocks, other, limit);
    deepEqual(outcome(inflater, blocks, window, limit), wanted, `round ${round}, way ${way}`);
  }
});

test("a message that does not end with what was left out of it is invalid, wherever it stops", () => {
  const { inflater } = counted();
  let ended = 0;
  for (let seed = 0; seed < 4; seed++) {
    const bytes = sample("text", 3000, random(seed));
    const blocks = oneShotCodec.deflate(bytes, { window: NOTHING, windowBits: 15, level: 6 }).slice(0, -4);
    for (let size = 1; size < blocks.length; size++) {
      const part = blocks.subarray(0, size);
      const result = outcome(inflater, part, undefined, 100_000);
      deepEqual(result, outcome(oneShotCodec, part, undefined, 100_000), `${size} of ${blocks.length}`);
      if (result !== "invalid") ended++;
    }
  }
  // The four octets may spell the code that ends the block.
  ok(ended < 20, `${ended} have ended`);
  // A final block that the four octets end, and one that they begin to end.
  for (const [final, size] of [["01070 0f8ff010203", 7], ["f348cdc9c907", 5]] as const) {
    const octets = Uint8Array.from(final.replaceAll(" ", "").match(/../g)!, (each) => parseInt(each, 16));
    const inflated = inflater.inflate(octets, undefined, 100);
    ok(typeof inflated === "object", final);
    deepEqual([inflated.bytes.length, inflated.consumed], [size, octets.length]);
  }
});
