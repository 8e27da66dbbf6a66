/** Inputs by their number, and how to make a failing one smaller. */
import { hashOf, Random } from "./random.ts";
import type { Target } from "./target.ts";

const encoder = new TextEncoder();

/** Input `index` of a target in the run with this seed, whatever else that run does. */
export function inputOf(target: Target, seed: number, index: number): Uint8Array {
  return target.make(new Random(seed, hashOf(encoder.encode(target.name)), index));
}

/** What goes wrong with an input, if anything does. */
export function faultOf(target: Target, input: Uint8Array): Error | undefined {
  try {
    target.check(input.slice());
    return undefined;
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

const MOST_TRIES = 5000;

/** A shorter input with which something goes wrong, too: pieces are left out, and bytes made 0, as long as it does. */
export function shrunk(target: Target, input: Uint8Array): Uint8Array {
  let smallest = input;
  let tries = 0;
  const take = (candidate: Uint8Array): boolean => {
    if (tries++ > MOST_TRIES || faultOf(target, candidate) === undefined) return false;
    smallest = candidate;
    return true;
  };
  for (let size = input.length >> 1; size > 0; size >>= 1) {
    for (let at = 0; at < smallest.length;) {
      const shorter = new Uint8Array(Math.max(at, smallest.length - size));
      shorter.set(smallest.subarray(0, at));
      shorter.set(smallest.subarray(at + size), at);
      if (shorter.length === smallest.length || !take(shorter)) at += size;
    }
  }
  for (let at = 0; at < smallest.length; at++) {
    if (smallest[at] === 0) continue;
    const simpler = smallest.slice();
    simpler[at] = 0;
    take(simpler);
  }
  return smallest;
}
