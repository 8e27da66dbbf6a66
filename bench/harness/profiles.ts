/** CPU profiles of woshou's servers under the loads of the bench. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { writeSections } from "../report/document.ts";
import { machine } from "../report/run.ts";
import { table } from "../report/tables.ts";
import { OWNERS, type TimeSpent, timeSpent } from "../report/time_spent.ts";
import { loadServer, startServer } from "./measure.ts";
import { runtime } from "./runtimes.ts";
import type { Subject, Suite, Workload } from "./suite.ts";

const WARMUP_SECONDS = 1;
/** What the end of a load and of a server may take at most. */
const TAIL_SECONDS = 0.3;
const FUNCTIONS = 6;

const HEADING = "Where the time goes";
const METHOD = `\
What woshou's servers do under some of the loads above, as the runtimes' own profilers tell it (\`--cpu-prof\`): the share of
each in the time that was not idle. A profiler makes what it looks at slower, small functions most. On Node and Deno "the
runtime" holds waiting for events, reading, and their own JavaScript; Bun's profiler does not see what is native, but for
functions that JavaScript calls, and counts its time to the function that ran last.`;

async function profile(subject: Subject, workload: Workload, seconds: number): Promise<TimeSpent> {
  const folder = mkdtempSync(join(tmpdir(), "woshou-profile-"));
  try {
    const [server, { port }] = await startServer(subject, ["--cpu-prof", `--cpu-prof-dir=${folder}`]);
    try {
      const { warmup = WARMUP_SECONDS } = workload;
      await loadServer(server, port, subject, workload, { warmup, seconds });
    } finally {
      await server.end();
    }
    const [file] = readdirSync(folder);
    if (file === undefined) throw new Error(`${subject.title} has written no profile. ${server.errors}`);
    return timeSpent(
      JSON.parse(readFileSync(join(folder, file), "utf8")),
      seconds - TAIL_SECONDS,
      TAIL_SECONDS,
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const percent = (share: number): string => share < 0.0005 ? "" : `${(100 * share).toFixed(1)} %`;

function tableOf(subjects: readonly Subject[], spent: readonly TimeSpent[]): string {
  const rows = OWNERS.map((owner) => [owner, ...spent.map(({ owners }) => percent(owners.get(owner) ?? 0))]);
  const most = subjects.map(({ title }, i) => {
    const functions = spent[i]!.functions.slice(0, FUNCTIONS);
    return `- ${title}: ${functions.map(([name, share]) => `\`${name}\` ${percent(share)}`).join("; ")}`;
  });
  const heads = ["", ...subjects.map(({ title }) => title)];
  return `${table([heads, ...rows.filter((row) => row.slice(1).some((cell) => cell !== ""))])}\n\n${
    most.join("\n")
  }`;
}

/** Profiles woshou's servers under these workloads, one after the other, as the command line says. */
export async function runProfiles(suites: readonly Suite[], ids: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    options: {
      seconds: { type: "string", default: "3" },
      workload: { type: "string", multiple: true, default: [...ids] },
      write: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    return console.log(`npm run bench:profile -- [options]
  --seconds N            the profiled span of each sample (default 3)
  --workload WORKLOAD    of ${ids.join(", ")}; may be given more than once
  --write                write the section "${HEADING}" of docs/PERFORMANCE.md anew
  --help                 show this`);
  }
  const seconds = Number(values.seconds);
  if (!(seconds > TAIL_SECONDS) || values.workload.some((id) => !ids.includes(id))) {
    console.error("--seconds wants a number above 0.3, and --workload one of those that --help lists.");
    process.exitCode = 2;
    return;
  }
  const parts: string[] = [];
  for (const { subjects, workloads } of suites) {
    const ours = subjects.filter(({ id }) => id.startsWith("woshou-"));
    for (const workload of workloads.filter(({ id }) => values.workload.includes(id))) {
      const spent: TimeSpent[] = [];
      for (const subject of ours) spent.push(await profile(subject, workload, seconds));
      parts.push(`### ${workload.title}: where the time goes\n\n${tableOf(ours, spent)}`);
      console.log(`\n${parts.at(-1)}`);
    }
  }
  if (!values.write) return;
  const date = new Date().toISOString().slice(0, 10);
  const versions = suites[0]!.subjects.filter(({ id }) => id.startsWith("woshou-"))
    .map((subject) => `${subject.runtime} ${runtime(subject.runtime).version}`);
  const measured =
    `Measured on ${date} by \`npm run bench:profile\`, ${seconds} s each, on ${machine()}, with \
${versions.join(", ")}.`;
  writeSections([[`## ${HEADING}`, METHOD, ...parts, measured].join("\n\n")]);
}
