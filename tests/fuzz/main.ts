/**
 * The fuzzer: `npm run fuzz -- --inputs N --seed S [--target T]...`. One input again: `--target T --seed S --input K`, or
 * `--target T --hex BYTES`.
 */
import { Buffer } from "node:buffer";
import { availableParallelism } from "node:os";
import process from "node:process";
import { parseArgs } from "node:util";
import { Worker } from "node:worker_threads";
import { faultOf, inputOf } from "./inputs.ts";
import { hexOf } from "./target.ts";
import { targets } from "./targets.ts";
import { type Report, STOP, type Work } from "./worker_messages.ts";

const { values } = parseArgs({
  options: {
    inputs: { type: "string", default: "700000" },
    seed: { type: "string", default: "6455" },
    target: { type: "string", multiple: true, default: [] },
    input: { type: "string" },
    hex: { type: "string" },
  },
});

function fail(message: string): never {
  console.error(message);
  process.exit(2);
}

function numberOf(name: "inputs" | "seed" | "input", text: string): number {
  const number = Number(text);
  if (Number.isInteger(number) && number >= 0 && number < 2 ** 31) return number;
  return fail(`Cannot use ${text} for --${name}: give a whole number from 0 to ${2 ** 31 - 1}.`);
}

const unknown = values.target.find((name) => !targets.some((target) => target.name === name));
if (unknown !== undefined) {
  fail(`There is no target "${unknown}"; there are ${targets.map(({ name }) => name).join(", ")}.`);
}
const chosen = targets.filter(({ name }) => values.target.length === 0 || values.target.includes(name));
const seed = numberOf("seed", values.seed);

/** A thread that stays at one input for so long hangs. */
const HANGS_AFTER = 30_000;
/** Then it may be making a failing input shorter. */
const HANGS_WHILE_SHRINKING = 300_000;
const PROGRESS_EVERY = 5000;

function tryOne(): number {
  const [target] = chosen;
  if (values.target.length !== 1 || target === undefined) fail("Say which one with --target.");
  const input = values.hex === undefined
    ? inputOf(target, seed, numberOf("input", values.input!))
    : Uint8Array.from(Buffer.from(values.hex, "hex"));
  console.log(`${target.name}, ${input.length} bytes: ${hexOf(input)}`);
  const fault = faultOf(target, input);
  console.log(fault === undefined ? "ok" : fault.stack);
  return fault === undefined ? 0 : 1;
}

function again(name: string, more: string): string {
  return `npm run fuzz -- --target ${name} ${more}`;
}

const grouped = (number: number): string => Math.round(number).toLocaleString("en-US");

async function run(): Promise<number> {
  const inputs = Math.ceil(numberOf("inputs", values.inputs) / chosen.length);
  const threads = availableParallelism();
  const places = 1 + chosen.length;
  const shared = new Int32Array(new SharedArrayBuffer(4 * (places + 2 * threads)));
  console.log(
    `seed ${seed}, ${grouped(inputs)} inputs for each of ${chosen.length} targets, ${threads} threads`,
  );
  const tried = new Map<string, { inputs: number; milliseconds: number }>();
  let faults = 0;
  const report = (said: Report): void => {
    if (said.kind === "done") {
      const sum = tried.get(said.target) ?? { inputs: 0, milliseconds: 0 };
      sum.inputs += said.inputs;
      sum.milliseconds = Math.max(sum.milliseconds, said.milliseconds);
      tried.set(said.target, sum);
      return;
    }
    faults++;
    console.error(`FAIL ${said.target}: ${said.message}`);
    if (said.kind !== "failed") return;
    console.error(`again: ${again(said.target, `--seed ${seed} --input ${said.index}`)}`);
    console.error(`made shorter: ${again(said.target, `--hex ${said.shrunk}`)}`);
  };
  const began = performance.now();
  const timer = setInterval(() => {
    const number = shared[places]!;
    const { name } = chosen[number]!;
    console.log(
      `${grouped((performance.now() - began) / 1000)} s: ${name}, ${
        grouped(Math.min(inputs, shared[1 + number]!))
      }`,
    );
  }, PROGRESS_EVERY);
  const names = chosen.map(({ name }) => name);
  await Promise.all(
    Array.from({ length: threads }, async (_, thread) => {
      const place = places + 2 * thread;
      const workerData: Work = { seed, inputs, names, thread, threads, place, shared };
      const worker = new Worker(new URL("./worker.js", import.meta.url), { workerData });
      worker.on("message", report);
      const watch = watchOver(shared, place, () => {
        const name = names[shared[place]!]!;
        console.error(`FAIL ${name}: it hangs`);
        console.error(`again: ${again(name, `--seed ${seed} --input ${shared[place + 1]!}`)}`);
        // A thread that does not come back cannot be asked to end.
        process.exit(1);
      });
      const code = await new Promise<number>((resolve) => {
        worker.on("error", (error) => {
          faults++;
          console.error(error);
        });
        worker.on("exit", resolve);
      });
      clearInterval(watch);
      if (code !== 0) faults++;
    }),
  );
  clearInterval(timer);
  let all = 0;
  for (const [name, { inputs, milliseconds }] of tried) {
    all += inputs;
    const seconds = milliseconds / 1000;
    console.log(
      `${name.padEnd(12)}${grouped(inputs).padStart(12)} inputs${grouped(seconds).padStart(7)} s` +
        `${grouped(inputs / seconds).padStart(9)}/s`,
    );
  }
  const seconds = (performance.now() - began) / 1000;
  console.log(
    `${"all".padEnd(12)}${grouped(all).padStart(12)} inputs${grouped(seconds).padStart(7)} s, seed ${seed}`,
  );
  if (faults === 0 && all !== inputs * chosen.length) fail(`${all} inputs were tried`);
  return faults === 0 ? 0 : 1;
}

/** Calls back when a thread does not come on. */
function watchOver(shared: Int32Array, place: number, hangs: () => void): ReturnType<typeof setInterval> {
  let last = "";
  let since = performance.now();
  return setInterval(() => {
    const now = `${shared[place]} ${shared[place + 1]} ${shared[STOP]}`;
    const limit = shared[STOP] === 0 ? HANGS_AFTER : HANGS_WHILE_SHRINKING;
    if (now !== last) {
      last = now;
      since = performance.now();
    } else if (performance.now() - since > limit) {
      hangs();
    }
  }, 1000);
}

process.exitCode = values.input !== undefined || values.hex !== undefined ? tryOne() : await run();
