import { equal, ok } from "node:assert/strict";
import { GatheredMessage } from "../../src/connection/gathered_message.ts";
import { test } from "../harness.ts";
import { allocations, noise, sameBytes } from "../protocol/frames.ts";

test("pieces of bytes become one array of just their size", () => {
  for (const size of [0, 1, 1023, 1024, 1025, 5000]) {
    const bytes = noise(size);
    for (const step of [1, 7, 1024, 5000]) {
      const gathered = new GatheredMessage();
      for (let at = 0; at < size || at === 0; at += step) gathered.add(bytes.slice(at, at + step));
      equal(gathered.size, size);
      const whole = gathered.finish() as Uint8Array;
      sameBytes(whole, bytes);
    }
  }
});

test("pieces of text become one text, which counts in bytes of UTF-8", () => {
  const gathered = new GatheredMessage();
  let text = "";
  for (let index = 0; index < 5000; index++) {
    const piece = index % 3 === 0 ? "" : `é${index}€👋`;
    gathered.add(piece);
    text += piece;
  }
  equal(gathered.finish(), text);
  equal(gathered.size, new TextEncoder().encode(text).length);
});

test("RFC 6455, section 10.4: a message in pieces of one byte costs little more than its bytes", () => {
  const size = 300_000;
  const piece = new Uint8Array(1);
  const sizes = allocations(() => {
    const gathered = new GatheredMessage();
    for (let count = 0; count < size; count++) gathered.add(piece);
    equal((gathered.finish() as Uint8Array).length, size);
  });
  ok(sizes.length < 30, `${sizes.length} arrays`);
  ok(sizes.reduce((sum, each) => sum + each, 0) < 6 * size);
});

test("RFC 6455, section 10.4: empty pieces are not kept", () => {
  const { push } = Array.prototype;
  let longest = 0;
  const gathered = new GatheredMessage();
  Array.prototype.push = function (this: unknown[], ...items: unknown[]): number {
    const length = push.apply(this, items);
    if (items[0] === "") longest = Math.max(longest, length);
    return length;
  };
  try {
    for (let count = 0; count < 10_000; count++) gathered.add("");
  } finally {
    Array.prototype.push = push;
  }
  equal(gathered.finish(), "");
  ok(longest <= 1024);
});

test("an empty message is its own: whoever detaches its buffer takes nothing from others", () => {
  const gathered = new GatheredMessage();
  gathered.add(new Uint8Array(0));
  const message = gathered.finish() as Uint8Array<ArrayBuffer>;
  structuredClone(message, { transfer: [message.buffer] });
  const next = new GatheredMessage();
  next.add(Uint8Array.of(1, 2));
  sameBytes(next.finish() as Uint8Array, Uint8Array.of(1, 2));
});
