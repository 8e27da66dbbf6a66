import { deepEqual, equal } from "node:assert/strict";
import { test } from "../harness.ts";
import {
  encodeFrame,
  encodeTextFrame,
  headerSize,
  type TextRuntime,
  textWriter,
} from "../../src/protocol/frame.ts";
import { bytesOf, frame, fromHex, hex, noise, parseFrames, sameBytes } from "./frames.ts";

const KEY = 0x37fa213d;
const KEY_BYTES = [0x37, 0xfa, 0x21, 0x3d];
const SIZES = [
  0,
  1,
  2,
  3,
  4,
  5,
  63,
  64,
  65,
  124,
  125,
  126,
  127,
  255,
  256,
  65534,
  65535,
  65536,
  65537,
  100_003,
];

test("RFC 6455, section 5.7: the examples, byte for byte", () => {
  equal(hex(encodeTextFrame(0x81, "Hello", undefined)), "810548656c6c6f");
  equal(hex(encodeTextFrame(0x81, "Hello", KEY)), "818537fa213d7f9f4d5158");
  equal(hex(encodeTextFrame(0x01, "Hel", undefined)), "010348656c");
  equal(hex(encodeTextFrame(0x80, "lo", undefined)), "80026c6f");
  equal(hex(encodeFrame(0x89, bytesOf("Hello"), undefined)), "890548656c6c6f");
  equal(hex(encodeFrame(0x8a, bytesOf("Hello"), KEY)), "8a8537fa213d7f9f4d5158");
  equal(hex(encodeFrame(0x82, new Uint8Array(256), undefined).subarray(0, 4)), "827e0100");
  const large = encodeFrame(0x82, new Uint8Array(65536), undefined);
  equal(hex(large.subarray(0, 10)), "827f0000000000010000");
});

test("RFC 6455, section 5.2: every size in the fewest bytes, masked and not", () => {
  for (const size of SIZES) {
    const payload = noise(size);
    const before = payload.slice();
    for (const key of [undefined, KEY, 0, -1, 0x80000000 | 0]) {
      const encoded = encodeFrame(0x82, payload, key);
      const octets = key === undefined ? undefined : [24, 16, 8, 0].map((shift) => (key >>> shift) & 255);
      const expected = frame({ opcode: 2, payload, key: octets });
      equal(encoded.length, headerSize(size, key !== undefined) + size);
      equal(Object.getPrototypeOf(encoded), Uint8Array.prototype);
      equal(hex(encoded), hex(expected), `${size} bytes, key ${key}`);
      const [parsed, ...more] = parseFrames(encoded, key !== undefined);
      equal(more.length, 0);
      equal(hex(parsed!.payload), hex(payload));
    }
    equal(hex(payload), hex(before), "the caller's bytes are left alone");
  }
});

test("RFC 6455, section 5.2: FIN, reserved bits and opcode stand in the first byte as given", () => {
  for (let first = 0; first < 256; first++) equal(encodeFrame(first, new Uint8Array(1), undefined)[0], first);
});

test("RFC 6455, section 5.2: sizes of headers, also of frames that no memory holds", () => {
  const sizes = [[0, 2], [125, 2], [126, 4], [65535, 4], [65536, 10], [2 ** 32, 10], [
    2 ** 53 - 1,
    10,
  ]] as const;
  for (const [length, size] of sizes) {
    equal(headerSize(length, false), size, `${length} bytes`);
    equal(headerSize(length, true), size + 4, `${length} bytes, masked`);
  }
});

test("RFC 6455, section 5.6: text of every length around the limits, as UTF-8", () => {
  for (const size of SIZES) {
    const texts = ["a".repeat(size)];
    if (size > 0) texts.push("é".repeat(size), "a".repeat(size - 1) + "\u{1f600}", "\x7f".repeat(size));
    for (const text of texts) {
      const plain = encodeTextFrame(0x81, text, undefined);
      equal(hex(plain), hex(frame({ opcode: 1, payload: text })));
      const masked = encodeTextFrame(0x81, text, KEY);
      equal(hex(masked), hex(frame({ opcode: 1, payload: text, key: KEY_BYTES })));
      equal(plain.length, plain.byteLength);
      equal(plain.byteLength, plain.buffer.byteLength, "nothing of other memory is within reach");
    }
  }
});

test("RFC 6455, section 5.6: a character beyond ASCII at any place", () => {
  for (
    const character of ["\x7f", "\x80", "\xff", "\u0100", "\u07ff", "\u0800", "\uffff", "\u{10000}", "\0"]
  ) {
    for (const size of [1, 2, 40, 63, 64, 65, 66, 200]) {
      for (const at of [0, size >> 1, size - 1]) {
        const text = "a".repeat(at) + character + "a".repeat(size - 1 - at);
        sameBytes(encodeTextFrame(0x81, text, undefined), frame({ opcode: 1, payload: text }));
      }
    }
  }
});

test("RFC 6455, section 5.6: lone surrogates are sent as U+FFFD", () => {
  for (const text of ["\ud800", "\udfff", "a\udc00b", "\ud800\ud800", "x".repeat(70) + "\ud83d"]) {
    const [sent] = parseFrames(encodeTextFrame(0x81, text, KEY), true);
    const decoded = new TextDecoder("utf-8", { fatal: true }).decode(sent!.payload);
    equal(decoded, text.replaceAll(/[\ud800-\udfff]/g, "\ufffd"));
  }
});

test("RFC 6455, section 5.6: a text is written alike with a Buffer and without one, or not at all where room may be short", () => {
  const texts = [
    "",
    "a",
    "plain ASCII".repeat(9),
    "é".repeat(40),
    "€uro, 握手",
    "😀".repeat(7),
    "a\ud800b",
    "\udc00",
    "x\ud83d",
  ];
  for (const { write } of [textWriter(globalThis as TextRuntime), textWriter({})]) {
    for (const text of texts) {
      const expected = new TextEncoder().encode(text);
      for (let room = 0; room <= expected.length + 8; room++) {
        const bytes = new Uint8Array(room + 6);
        const written = write(bytes, 3, 3 + room, text);
        if (room >= expected.length + 4) equal(written, expected.length);
        if (room < expected.length) equal(written, -1, `${text} in ${room}`);
        if (written !== -1) equal(hex(bytes.subarray(3, 3 + written)), hex(expected));
        deepEqual([...bytes.subarray(0, 3), ...bytes.subarray(3 + room)], [0, 0, 0, 0, 0, 0]);
      }
    }
  }
});

test("RFC 6455, section 5.2: frames one behind the other are read as they were sent", () => {
  const stream = bytesOf(encodeTextFrame(0x01, "a", KEY), encodeFrame(0x80, fromHex("ff00"), KEY));
  const read = parseFrames(stream, true).map(({ fin, opcode, payload }) => [fin, opcode, hex(payload)]);
  deepEqual(read, [[false, 1, "61"], [true, 0, "ff00"]]);
});
