/** A few inputs of each fuzzer, on every runtime; `npm run fuzz` tries as many as one likes, on Node. */
import { throws } from "node:assert/strict";
import { test } from "../harness.ts";
import { faultOf, inputOf, shrunk } from "./inputs.ts";
import { hexOf, type Target } from "./target.ts";
import { targets } from "./targets.ts";

const SEED = 6455;
const INPUTS = 400;

const PROPERTIES: Readonly<Record<string, string>> = {
  request:
    "a request is judged the same however it is cut, and what is accepted keeps the rules of RFC 6455, section 4.2",
  response:
    "a response comes to the same however it is cut, and opens only by the rules of RFC 6455, section 4.1",
  extensions:
    "RFC 6455, section 9.1, and RFC 7692, section 7.1: offers and answers are read by the letter, and both ends agree",
  protocol: "RFC 6455, sections 5 to 8: frames come to what the letter says, however they are cut",
  compressed: "RFC 7692, section 7.2: compressed messages come to the same however their frames are cut",
  inflate: "RFC 1951: payloads are decompressed as by the letter, or refused, within the limit",
  pair: "two ends that are joined agree on every message, ping and close, whatever happens to them",
};

for (const target of targets) {
  test(`fuzzed: ${PROPERTIES[target.name]}`, () => {
    for (let index = 0; index < INPUTS; index++) {
      const input = inputOf(target, SEED, index);
      const fault = faultOf(target, input);
      if (fault !== undefined) {
        throw new Error(`${target.name}, seed ${SEED}, input ${index}, ${hexOf(input)}: ${fault.message}`);
      }
    }
  });
}

test("a fault is found, and its input made shorter", () => {
  const wrong: Target = {
    name: "wrong",
    make: (random) => random.bytes(100),
    check: (input) => {
      if (input.includes(7) && input.includes(9)) throw new Error("7 and 9");
    },
    largestArray: () => 0,
  };
  let index = 0;
  while (faultOf(wrong, inputOf(wrong, SEED, index)) === undefined) index++;
  const input = inputOf(wrong, SEED, index);
  throws(() => wrong.check(input), { message: "7 and 9" });
  const short = shrunk(wrong, input);
  if (!["0709", "0907"].includes(hexOf(short))) throw new Error(hexOf(short));
});
