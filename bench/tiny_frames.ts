/**
 * How much CPU a peer can use by sending almost nothing, on each runtime: `npm run bench -- tiny-frames`, the source
 * of the figures in docs/LIMITS.md.
 */
import { Teller } from "./harness/measure.ts";
import { runtime, type RuntimeName } from "./harness/runtimes.ts";
import { table } from "./report/tables.ts";

const RUNTIMES: readonly RuntimeName[] = ["Node", "Deno", "Bun"];

const results: [string, number][][] = [];
for (const name of RUNTIMES) {
  const measuring = new Teller(runtime(name).run("micro/tiny_frames"));
  try {
    results.push(await measuring.line(120));
  } finally {
    await measuring.stop();
  }
}
const rows = results[0]!.map(([name], i) => [name, ...results.map((each) => each[i]![1].toFixed(2))]);
console.log(table([["CPU-seconds for each MiB received", ...RUNTIMES], ...rows]));
