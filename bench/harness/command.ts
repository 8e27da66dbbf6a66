/** The command line of the bench. */
import { writeFileSync } from "node:fs";
import process from "node:process";
import { parseArgs } from "node:util";
import { writeDocument } from "../report/document.ts";
import { goalsReached } from "../report/goals.ts";
import { disturbance, json, type Measured, type Run } from "../report/run.ts";
import { tables } from "../report/tables.ts";
import { against, checkOut } from "./checkout.ts";
import { crossCheck, WSLOAD } from "./cross_check.ts";
import { measure } from "./measure.ts";
import type { Suite } from "./suite.ts";

const WARMUP_SECONDS = 1;

function ids(of: readonly { readonly id: string }[]): string[] {
  return [...new Set(of.map((each) => each.id))];
}

function usage(command: string, suites: readonly Suite[]): string {
  return `npm run ${command}${command.includes(" ") ? "" : " --"} [options]
  --seconds N            the measured span of each sample (default 1)
  --rounds N             samples of each subject under each workload (default 5)
  --only SUBJECT...      of ${ids(suites.flatMap((suite) => suite.subjects)).join(", ")}
  --workload WORKLOAD    of ${ids(suites.flatMap((suite) => suite.workloads)).join(", ")},
                         or a whole suite: ${ids(suites).join(", ")}; may be given more than once
  --against COMMIT       instead of the peers, the library of another commit, under the same programs and in turn with
                         the one that is here, uncommitted changes and all
  --json FILE            keep every sample in a file
  --write                write the sections of docs/PERFORMANCE.md and their charts anew, of whole suites
  --cross-check          instead, hold the load generator against the one in C, echoes of 32 B
  --wsload FILE          its source (default ${WSLOAD})
  --help                 show this`;
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new RangeError(`--${name} wants a number above 0, not "${text}".`);
  return value;
}

/** The suites with the selected subjects and workloads. */
function selection(
  suites: readonly Suite[],
  subjects: readonly string[],
  workloads: readonly string[],
): readonly Suite[] {
  const known = {
    subjects: ids(suites.flatMap((suite) => suite.subjects)),
    workloads: ids([...suites.flatMap((suite) => suite.workloads), ...suites]),
  };
  for (const [all, wanted] of [[known.subjects, subjects], [known.workloads, workloads]] as const) {
    const unknown = wanted.find((id) => !all.includes(id));
    if (unknown !== undefined) throw new RangeError(`There is no "${unknown}"; there are ${all.join(", ")}.`);
  }
  return suites.map((suite) => ({
    ...suite,
    subjects: suite.subjects.filter(({ id }) => subjects.length === 0 || subjects.includes(id)),
    workloads: suite.workloads.filter(({ id }) =>
      workloads.length === 0 || workloads.includes(id) || workloads.includes(suite.id)
    ),
  })).filter((suite) => suite.subjects.length > 0 && suite.workloads.length > 0);
}

function commandLine(suites: readonly Suite[]) {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      seconds: { type: "string", default: "1" },
      rounds: { type: "string", default: "5" },
      only: { type: "string", multiple: true, default: [] },
      workload: { type: "string", multiple: true, default: [] },
      against: { type: "string" },
      json: { type: "string" },
      write: { type: "boolean", default: false },
      "cross-check": { type: "boolean", default: false },
      wsload: { type: "string", default: WSLOAD },
      help: { type: "boolean", default: false },
    },
  });
  if (positionals.length > 0 && values.only.length === 0) {
    throw new RangeError(`"${positionals[0]}" is no option; see --help.`);
  }
  const rounds = positive("rounds", values.rounds);
  if (!Number.isInteger(rounds)) throw new RangeError("--rounds wants a whole number.");
  const subjects = [...values.only, ...positionals];
  const selected = selection(suites, subjects, values.workload);
  const isWhole = values.workload.every((id) => suites.some((suite) => suite.id === id));
  if (values.write && (subjects.length > 0 || !isWhole || values.against !== undefined)) {
    throw new RangeError(
      "--write wants whole suites; leave out --only and --against, and name only suites with --workload.",
    );
  }
  const extent = { rounds, warmup: WARMUP_SECONDS, seconds: positive("seconds", values.seconds) };
  return {
    ...values,
    selected: values.against === undefined || values.help
      ? selected
      : against(checkOut(values.against), selected),
    extent,
  };
}

/** Runs the suites as the command line says. Exits with 1 if a subject failed, and with 2 for a wrong command line. */
export async function runSuites(command: string, suites: readonly Suite[]): Promise<void> {
  let options: ReturnType<typeof commandLine>;
  try {
    options = commandLine(suites);
    if (process.platform !== "linux") throw new Error("The bench reads /proc, and so runs on Linux only.");
  } catch (error) {
    console.error((error as Error).message);
    process.exitCode = 2;
    return;
  }
  const { selected, extent } = options;
  const progress = (line: string): void => console.log(line);
  if (options.help) return progress(usage(command, suites));
  if (options["cross-check"]) return await crossCheck(options.wsload, selected, extent, progress);
  const date = new Date().toISOString().slice(0, 10);
  const measured: Measured[] = [];
  for (const suite of selected) measured.push({ suite, results: await measure(suite, extent, progress) });
  const run: Run = { command, extent, date, measured };
  for (const each of measured) console.log(`\n## ${each.suite.title}\n\n${tables(each, () => "")}`);
  const goals = options.against === undefined ? goalsReached(measured) : [];
  for (const { title, text } of goals) console.log(`\n## ${title}\n\n${text}`);
  console.log(`\n${disturbance(measured)}`);
  if (options.json !== undefined) writeFileSync(options.json, json(run));
  if (measured.some(({ results }) => results.some((result) => result.failure !== undefined))) {
    process.exitCode = 1;
    if (options.write) {
      console.error("docs/PERFORMANCE.md stays as it was, since not everything was measured.");
    }
  } else if (options.write) writeDocument(run);
}
