import { deepEqual, equal } from "node:assert/strict";
import { latin1Reader } from "../../src/protocol/latin1.ts";
import { test } from "../harness.ts";

test("each octet is one character, with a Buffer and without one", () => {
  const octets = Uint8Array.from({ length: 20_000 }, (_, index) => index & 0xff);
  for (const read of [latin1Reader({}), latin1Reader(globalThis)]) {
    for (const [start, end] of [[0, 20_000], [1, 257], [300, 300], [19_999, 20_000]] as const) {
      const text = read(octets, start, end);
      equal(text.length, end - start);
      deepEqual(Uint8Array.from(text, (character) => character.charCodeAt(0)), octets.slice(start, end));
    }
  }
});
