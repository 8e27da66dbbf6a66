/** Two ends of ours, joined: operations on both, as an input says. */
import { operationOf } from "../pair/operations.ts";
import { World, type WorldOptions } from "../pair/world.ts";
import type { Random } from "../random.ts";
import { Choices, type Target } from "../target.ts";
import { wishesOf } from "./extensions.ts";

function optionsOf(choices: Choices): WorldOptions {
  const flags = choices.byte();
  const level = choices.below(10);
  const deflate = { client: wishesOf(choices), server: wishesOf(choices) };
  return {
    ...((flags & 3) !== 0 && { deflate }),
    level,
    threshold: (flags & 4) !== 0 ? 0 : 32,
    // The reader by the letter is slow.
    strict: (flags >> 3) % 4 === 0,
  };
}

function make(random: Random): Uint8Array {
  return random.bytes(6 + random.below(random.once(4) ? 300 : 90));
}

function check(input: Uint8Array): void {
  const choices = new Choices(input);
  const world = new World(optionsOf(choices));
  while (!choices.done) world.apply(operationOf(choices));
  world.settle();
}

export const pair: Target = {
  name: "pair",
  make,
  check,
  // Twice the largest message.
  largestArray: () => 2 << 20,
};
