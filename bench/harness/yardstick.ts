/** The current speed of the machine, which depends on what else its host runs. */
import process from "node:process";

const ARRAY = new Uint8Array(4096);
const PASSES = 5000;

function work(): number {
  let sum = 0;
  for (let pass = 0; pass < PASSES; pass++) {
    for (let i = 0; i < ARRAY.length; i++) sum = (sum + ARRAY[i]! ^ pass) | 0;
  }
  return sum;
}

// Measures the machine, not how long the engine takes to compile the loop.
const expected = work();
work();

/** CPU milliseconds of a fixed piece of work that touches almost no memory. */
export function yardstick(): number {
  const before = process.cpuUsage();
  if (work() !== expected) throw new Error("The same work has come to another sum.");
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}
