/** One thread of a run: takes inputs by their numbers until there are no more. */
import { parentPort, workerData } from "node:worker_threads";
import process from "node:process";
import { allocations } from "../protocol/frames.ts";
import { faultOf, inputOf, shrunk } from "./inputs.ts";
import { hexOf, type Target } from "./target.ts";
import { targets } from "./targets.ts";
import { type Report, STOP, type Work } from "./worker_messages.ts";

const BATCH = 250;
// Code is compiled and tables are filled during the first inputs; what is kept after that is kept forever.
const WARM = 4000;
const MOST_GROWTH = 16 * 1024 * 1024;
/** Inputs of each target whose arrays are measured. It makes everything after it slower, and so comes last. */
const MEASURED = 2000;
/** What all connections share: memory of frames, and what is put together for the decoder. */
const SHARED_SIZES: readonly number[] = [256 * 1024, 128 * 1024];

const { seed, inputs, names, thread, threads, place, shared }: Work = workerData;
const { gc } = globalThis as { gc?: () => void };
const chosen: Target[] = names.map((name) => targets.find((target) => target.name === name)!);

// Most inputs end in an error, and most of its cost is a stack that nobody reads: a failing input can be tried again.
Error.stackTraceLimit = 0;

function tell(report: Report): void {
  parentPort!.postMessage(report);
}

async function memoryUsed(): Promise<number> {
  for (let i = 0; i < 3; i++) {
    gc!();
    // Memory outside of the heap is given back in a turn of its own.
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

function fail(target: Target, index: number, input: Uint8Array, message: string): void {
  Atomics.store(shared, STOP, 1);
  tell({ kind: "failed", target: target.name, index, message, shrunk: hexOf(shrunk(target, input)) });
}

async function fuzz(target: Target, number: number): Promise<void> {
  const began = performance.now();
  let tried = 0;
  let before: number | undefined;
  let start = Atomics.add(shared, 1 + number, BATCH);
  for (; start < inputs && Atomics.load(shared, STOP) === 0; start = Atomics.add(shared, 1 + number, BATCH)) {
    for (let index = start; index < Math.min(inputs, start + BATCH); index++) {
      Atomics.store(shared, place, number);
      Atomics.store(shared, place + 1, index);
      const input = inputOf(target, seed, index);
      const fault = faultOf(target, input);
      if (fault !== undefined) return fail(target, index, input, fault.message);
      tried++;
    }
    if (before === undefined && tried >= WARM) before = await memoryUsed();
  }
  tell({ kind: "done", target: target.name, inputs: tried, milliseconds: performance.now() - began });
  const growth = before === undefined ? 0 : await memoryUsed() - before;
  if (growth > MOST_GROWTH) {
    Atomics.store(shared, STOP, 1);
    tell({
      kind: "grew",
      target: target.name,
      message: `memory grew by ${growth} bytes in ${tried - WARM} inputs`,
    });
  }
}

/** No array that the library makes is larger than the limits allow. */
function measure(target: Target, number: number): void {
  const end = Math.min(inputs, MEASURED);
  for (let index = thread; index < end && Atomics.load(shared, STOP) === 0; index += threads) {
    Atomics.store(shared, place, number);
    Atomics.store(shared, place + 1, index);
    const input = inputOf(target, seed, index);
    const most = target.largestArray(input);
    const tooLarge = allocations(() => void target.check(input.slice()))
      .find((size) => size > most && !SHARED_SIZES.includes(size));
    if (tooLarge !== undefined) {
      fail(target, index, input, `an array of ${tooLarge} bytes, where ${most} are the most`);
    }
  }
}

for (const [number, target] of chosen.entries()) await fuzz(target, number);
for (const [number, target] of chosen.entries()) measure(target, number);
