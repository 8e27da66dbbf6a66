/** What the fuzzers have found, byte for byte: each was wrong once. */
import { Buffer } from "node:buffer";
import { test } from "../harness.ts";
import { targets } from "./targets.ts";

const FOUND: readonly (readonly [target: string, hex: string, what: string])[] = [
  [
    "compressed",
    "00000000000089800000000041898b000000c80000",
    "a compressed message that ends too early fails, or does not, whether its beginning came at once or byte by byte",
  ],
  [
    "protocol",
    "001c080001d100000000",
    "a message that had begun is handed on after the end, when its owner asks for pieces then",
  ],
];

for (const [name, hex, what] of FOUND) {
  test(`found by fuzzing: ${what}`, () => {
    targets.find((target) => target.name === name)!.check(Uint8Array.from(Buffer.from(hex, "hex")));
  });
}
