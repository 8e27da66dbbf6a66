/** The command line of a suite. */
import { writeFileSync } from "node:fs";
import process from "node:process";
import { parseArgs } from "node:util";
import { measure } from "./measure.ts";
import { disturbance, json, type Run, tables, writeSection } from "./report.ts";
import type { Suite } from "./suite.ts";

const WARMUP_SECONDS = 1;

function usage({ command, subjects, workloads }: Suite): string {
  return `npm run ${command} -- [options]
  --seconds N            the measured span of each sample (default 3)
  --rounds N             samples of each subject under each workload (default 5)
  --only SUBJECT...      of ${subjects.map((each) => each.id).join(", ")}
  --workload WORKLOAD    of ${workloads.map((each) => each.id).join(", ")}; may be given more than once
  --json FILE            keep every sample in a file
  --write                write the section of docs/PERFORMANCE.md anew
  --help                 show this`;
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new RangeError(`--${name} wants a number above 0, not "${text}".`);
  return value;
}

function chosen<T extends { readonly id: string }>(all: readonly T[], ids: readonly string[]): readonly T[] {
  const unknown = ids.find((id) => all.every((each) => each.id !== id));
  if (unknown !== undefined) {
    throw new RangeError(`There is no "${unknown}"; there are ${all.map((each) => each.id).join(", ")}.`);
  }
  return ids.length === 0 ? all : all.filter((each) => ids.includes(each.id));
}

function commandLine(suite: Suite) {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      seconds: { type: "string", default: "3" },
      rounds: { type: "string", default: "5" },
      only: { type: "string", multiple: true, default: [] },
      workload: { type: "string", multiple: true, default: [] },
      json: { type: "string" },
      write: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (positionals.length > 0 && values.only.length === 0) {
    throw new RangeError(`"${positionals[0]}" is no option; see --help.`);
  }
  const rounds = positive("rounds", values.rounds);
  if (!Number.isInteger(rounds)) throw new RangeError("--rounds wants a whole number.");
  const selected: Suite = {
    ...suite,
    subjects: chosen(suite.subjects, [...values.only, ...positionals]),
    workloads: chosen(suite.workloads, values.workload),
  };
  if (values.write && (selected.subjects !== suite.subjects || selected.workloads !== suite.workloads)) {
    throw new RangeError("--write wants all subjects and all workloads; leave out --only and --workload.");
  }
  const extent = { rounds, warmup: WARMUP_SECONDS, seconds: positive("seconds", values.seconds) };
  return { selected, extent, jsonFile: values.json, write: values.write, help: values.help };
}

/** Runs the suite as the command line says. The process exits with 1 when a subject has failed, 2 when it was misused. */
export async function runSuite(suite: Suite): Promise<void> {
  let options: ReturnType<typeof commandLine>;
  try {
    options = commandLine(suite);
    if (process.platform !== "linux") throw new Error("The bench reads /proc, and so runs on Linux only.");
  } catch (error) {
    console.error((error as Error).message);
    process.exitCode = 2;
    return;
  }
  if (options.help) {
    console.log(usage(suite));
    return;
  }
  const { selected, extent } = options;
  const date = new Date().toISOString().slice(0, 10);
  const results = await measure(selected, extent, (line) => console.log(line));
  const run: Run = { suite: selected, extent, date, results };
  console.log(`\n${tables(run)}\n\n${disturbance(run)}`);
  if (options.jsonFile !== undefined) writeFileSync(options.jsonFile, json(run));
  if (results.some((result) => result.failure !== undefined)) {
    process.exitCode = 1;
    if (options.write) {
      console.error("docs/PERFORMANCE.md stays as it was, since not everything was measured.");
    }
  } else if (options.write) writeSection(run);
}
