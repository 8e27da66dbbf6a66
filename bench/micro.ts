/**
 * The parts of the hot path separately: `npm run bench -- micro`. With `--write` also the section of
 * docs/PERFORMANCE.md.
 */
import process from "node:process";
import { Teller } from "./harness/measure.ts";
import { runtime, type RuntimeName } from "./harness/runtimes.ts";
import { writeSections } from "./report/document.ts";
import { machine } from "./report/run.ts";
import { table } from "./report/tables.ts";

const RUNTIMES: readonly RuntimeName[] = ["Node", "Bun", "Deno"];
/** It takes a minute or two on each runtime. */
const MOST_SECONDS = 600;

type Part = [name: string, nanoseconds: number | null];

async function measured(name: RuntimeName): Promise<Part[]> {
  const parts = new Teller(runtime(name).run("micro/parts"));
  try {
    return await parts.line<Part[]>(MOST_SECONDS);
  } finally {
    await parts.stop();
  }
}

function time(nanoseconds: number | null | undefined): string {
  if (nanoseconds === null || nanoseconds === undefined) return "failed";
  if (nanoseconds < 1000) return `${nanoseconds.toFixed(0)} ns`;
  return `${(nanoseconds / 1000).toFixed(nanoseconds < 10_000 ? 2 : 1)} µs`;
}

const results: Part[][] = [];
for (const name of RUNTIMES) {
  console.log(`On ${name} ...`);
  results.push(await measured(name));
}
const rows = results[0]!.map(([name], i) => [name, ...results.map((parts) => time(parts[i]?.[1]))]);
const text = table([["", ...RUNTIMES], ...rows]);
console.log(`\n${text}`);
if (process.argv.includes("--write")) {
  const versions = RUNTIMES.map((name) => `${name} ${runtime(name).version}`).join(", ");
  const date = new Date().toISOString().slice(0, 10);
  writeSections([`\
## The parts of the path

What each takes by itself: medians of \`mitata\`, of code that has run hot and has no other
beside it, so that the same inside a server takes longer.

${text}

Measured on ${date} by \`npm run bench -- micro\`, on ${machine()}, with ${versions}.`]);
}
