import { deepEqual, equal, ok } from "node:assert/strict";
import { Gathering, utf8Length } from "../../src/connection/gathered_message.ts";
import { test } from "../harness.ts";
import { allocations, noise, sameBytes } from "../protocol/frames.ts";

test("pieces of bytes become one array of just their size", () => {
  for (const size of [0, 1, 1023, 1024, 1025, 5000]) {
    const bytes = noise(size);
    for (const step of [1, 7, 1024, 5000]) {
      const gathering = new Gathering();
      for (let at = 0; at < size || at === 0; at += step) gathering.add(bytes.slice(at, at + step));
      equal(gathering.size, size);
      const whole = gathering.finish() as Uint8Array;
      sameBytes(whole, bytes);
    }
  }
});

test("pieces of text become one text, which counts in bytes of UTF-8", () => {
  const gathering = new Gathering();
  let text = "";
  for (let index = 0; index < 5000; index++) {
    const piece = index % 3 === 0 ? "" : `é${index}€👋`;
    gathering.add(piece);
    text += piece;
  }
  equal(gathering.finish(), text);
  equal(gathering.size, new TextEncoder().encode(text).length);
});

test("RFC 6455, section 10.4: a message in pieces of one byte costs little more than its bytes", () => {
  const size = 300_000;
  const piece = new Uint8Array(1);
  const sizes = allocations(() => {
    const gathering = new Gathering();
    for (let count = 0; count < size; count++) gathering.add(piece);
    equal((gathering.finish() as Uint8Array).length, size);
  });
  ok(sizes.length < 30, `${sizes.length} arrays`);
  ok(sizes.reduce((sum, each) => sum + each, 0) < 6 * size);
});

test("RFC 6455, section 10.4: empty pieces are not kept", () => {
  const { push } = Array.prototype;
  let longest = 0;
  const gathering = new Gathering();
  Array.prototype.push = function (this: unknown[], ...items: unknown[]): number {
    const length = push.apply(this, items);
    if (items[0] === "") longest = Math.max(longest, length);
    return length;
  };
  try {
    for (let count = 0; count < 10_000; count++) gathering.add("");
  } finally {
    Array.prototype.push = push;
  }
  equal(gathering.finish(), "");
  ok(longest <= 1024);
});

test("utf8Length() is the length that an encoder gives", () => {
  const encoder = new TextEncoder();
  const texts = ["", "a", "\x7f\x80\u07ff\u0800\uffff", "👋", "a👋é€\u{10ffff}\0"];
  deepEqual(texts.map(utf8Length), texts.map((text) => encoder.encode(text).length));
});
