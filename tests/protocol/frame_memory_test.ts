import { equal, notEqual } from "node:assert/strict";
import { writeFrame, writeTextFrame } from "../../src/protocol/frame.ts";
import { FrameMemory } from "../../src/protocol/frame_memory.ts";
import { test } from "../harness.ts";
import { hex } from "./frames.ts";

test("frames lie one behind the other", () => {
  const memory = new FrameMemory(64);
  equal(writeTextFrame(memory, 0x81, "Hello", undefined), 0);
  equal(writeFrame(memory, 0x82, Uint8Array.of(1, 2), 0x37fa213d), 7);
  equal(writeTextFrame(memory, 0x81, "Grüße", undefined), 15);
  equal(
    hex(memory.bytes.subarray(0, memory.end)),
    "810548656c6c6f" + "828237fa213d36f8" + "81074772c3bcc39f65",
  );
});

test("a frame that does not fit begins a chunk of its own, and those before it stay as they are", () => {
  const memory = new FrameMemory(32);
  writeTextFrame(memory, 0x81, "first", undefined);
  const chunk = memory.bytes;
  equal(chunk.length, 32);
  equal(writeFrame(memory, 0x82, new Uint8Array(40).fill(9), undefined), 0);
  notEqual(memory.bytes, chunk);
  equal(memory.bytes.length, 42, "a large frame has what it needs");
  equal(hex(chunk.subarray(0, 7)), "81056669727374");
});

test("a text whose bytes do not fit where its characters would is written elsewhere, whole", () => {
  for (
    const [text, size] of [["é".repeat(60), 120], ["\u{1f91d}".repeat(40), 160], [
      "€".repeat(100),
      300,
    ]] as const
  ) {
    for (let used = 0; used < 64; used++) {
      const memory = new FrameMemory(128);
      memory.reserve(used);
      memory.end = used;
      const start = writeTextFrame(memory, 0x81, text, undefined);
      const header = size < 126 ? 2 : 4;
      equal(memory.end - start, header + size, `behind ${used} bytes`);
      equal(new TextDecoder().decode(memory.bytes.subarray(start + header, memory.end)), text);
    }
  }
});

test("a header that turns out longer than that of an ASCII text moves the payload", () => {
  for (const key of [undefined, 0]) {
    for (const [length, header] of [[63, 4], [41, 2], [32767, 4], [32768, 10]] as const) {
      const memory = new FrameMemory(256 * 1024);
      const start = writeTextFrame(memory, 0x81, "é".repeat(length), key);
      const size = header + (key === undefined ? 0 : 4);
      equal(memory.end - start, size + 2 * length);
      equal(new TextDecoder().decode(memory.bytes.subarray(start + size, memory.end)), "é".repeat(length));
    }
  }
});

test("what is given back is written to again, but only the last of it", () => {
  const memory = new FrameMemory(64);
  writeTextFrame(memory, 0x81, "one", undefined);
  writeTextFrame(memory, 0x81, "two", undefined);
  memory.giveBack(memory.bytes, 0, 5);
  equal(memory.end, 10, "something lies behind it");
  memory.giveBack(new Uint8Array(10), 5, 10);
  equal(memory.end, 10, "it is other memory");
  memory.giveBack(memory.bytes, 5, 10);
  equal(memory.end, 5);
  equal(writeTextFrame(memory, 0x81, "2", undefined), 5);
  equal(hex(memory.bytes.subarray(0, memory.end)), "81036f6e65" + "810132");
});

test("what one large frame has needed is not kept for the next", () => {
  const memory = new FrameMemory(64);
  const start = writeFrame(memory, 0x82, new Uint8Array(100), undefined);
  memory.giveBack(memory.bytes, start, memory.end);
  writeTextFrame(memory, 0x81, "small", undefined);
  equal(memory.bytes.length, 64);
});
