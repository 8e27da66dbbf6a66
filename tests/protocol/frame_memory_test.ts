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

test("what is given back is written to again, but not what lies before something else", () => {
  const memory = new FrameMemory(64);
  for (const text of ["one", "two", "three"]) writeTextFrame(memory, 0x81, text, undefined);
  memory.giveBack(memory.bytes, 5, 10);
  equal(memory.end, 17, "something lies behind it");
  memory.giveBack(new Uint8Array(17), 10, 17);
  equal(memory.end, 17, "it is other memory");
  memory.giveBack(memory.bytes, 10, 17);
  equal(memory.end, 10);
  equal(writeTextFrame(memory, 0x81, "2", undefined), 10);
  equal(hex(memory.bytes.subarray(0, 5)), "81036f6e65");
  equal(hex(memory.bytes.subarray(10, memory.end)), "810132");
});

/** Writes a frame of this many bytes, and answers where it is. */
function piece(memory: FrameMemory, size: number): [bytes: Uint8Array, start: number, end: number] {
  const header = size < 128 ? 2 : 4;
  const start = writeFrame(memory, 0x82, new Uint8Array(size - header), undefined);
  return [memory.bytes, start, memory.end];
}

test("memory that comes back in any order is written to again when all of it has", () => {
  for (const order of [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]]) {
    const memory = new FrameMemory(64);
    const pieces = [piece(memory, 10), piece(memory, 20), piece(memory, 30)];
    const held = new Set([0, 1, 2]);
    for (const index of order) {
      const least = Math.max(0, ...[...held].map((each) => pieces[each]![2]));
      equal(memory.end >= least, true, `${order}: nothing that is held may be written to`);
      memory.giveBack(...pieces[index]!);
      held.delete(index);
    }
    equal(memory.end, 0, `${order}`);
  }
});

test("a chunk that was full is used again when all of it has come back, and not before", () => {
  const memory = new FrameMemory(64);
  const [first, second] = [piece(memory, 32), piece(memory, 32)];
  const third = piece(memory, 40);
  notEqual(third[0], first[0]);
  memory.giveBackView(second[0].subarray(second[1], second[2]));
  const fourth = piece(memory, 40);
  notEqual(fourth[0], first[0], "half of it is still held");
  memory.giveBackView(first[0].subarray(first[1], first[2]));
  const fifth = piece(memory, 40);
  equal(fifth[0], first[0]);
  equal(fifth[1], 0);
});

test("a view of the chunk at hand comes back as a piece of it does, and one of other memory is let be", () => {
  const memory = new FrameMemory(64);
  const [bytes, start, end] = piece(memory, 20);
  memory.giveBackView(new Uint8Array(64).subarray(start, end));
  equal(memory.end, 20);
  memory.giveBackView(bytes.subarray(start, end));
  equal(memory.end, 0);
});

test("of chunks that never come back only a few are waited for", () => {
  const memory = new FrameMemory(64);
  const first = piece(memory, 40);
  for (let i = 0; i < 20; i++) piece(memory, 40);
  memory.giveBack(...first);
  notEqual(piece(memory, 40)[0], first[0], "it has been forgotten");
});

test("some empty chunks are kept, and no more than some", () => {
  const memory = new FrameMemory(64);
  const pieces = Array.from({ length: 8 }, () => piece(memory, 40));
  piece(memory, 40);
  for (const each of pieces) memory.giveBack(...each);
  const old = new Set(pieces.map(([bytes]) => bytes));
  const again = Array.from({ length: 8 }, () => piece(memory, 40)[0]);
  equal(again.filter((bytes) => old.has(bytes)).length, 4);
  equal(new Set(again).size, 8, "each is used once");
});

test("of what large frames have needed, the largest piece is kept for the next, and no short frame is written there", () => {
  const memory = new FrameMemory(64);
  const pieces = [100, 200, 150].map((size) => piece(memory, size));
  for (const each of pieces) memory.giveBack(...each);
  const short = piece(memory, 20);
  equal(short[0].length, 64);
  const again = [180, 90].map((size) => piece(memory, size)[0]);
  equal(again[0], pieces[1]![0]);
  equal(again[1]!.length, 90, "there is only one");
});

test("a piece that is larger than what is kept is left to the garbage collector", () => {
  const memory = new FrameMemory(64);
  const [largest, larger] = [piece(memory, 8 * 64), piece(memory, 8 * 64 + 1)];
  memory.giveBack(...larger);
  notEqual(piece(memory, 8 * 64)[0], larger[0]);
  memory.giveBackView(largest[0].subarray(largest[1], largest[2]));
  equal(piece(memory, 8 * 64)[0], largest[0]);
  const late = piece(memory, 8 * 64 + 1);
  piece(memory, 8 * 64);
  memory.giveBack(...late);
  notEqual(piece(memory, 8 * 64)[0], late[0], "nor is it waited for");
});

test("large pieces that never come back are waited for as long as they are no more than sixteen chunks", () => {
  for (const others of [1, 2]) {
    const memory = new FrameMemory(64);
    const first = piece(memory, 300);
    for (let i = 0; i <= others; i++) piece(memory, 400);
    memory.giveBack(...first);
    equal(piece(memory, 300)[0] === first[0], others === 1);
  }
});
