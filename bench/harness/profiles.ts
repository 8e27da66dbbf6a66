/** CPU profiles of woshou's servers under the loads of the bench. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { table } from "../report/tables.ts";
import { OWNERS, type TimeSpent, timeSpent } from "../report/time_spent.ts";
import { loadServer, startServer } from "./measure.ts";
import type { Look } from "./profile_command.ts";
import type { Subject, Workload } from "./suite.ts";

const WARMUP_SECONDS = 1;
/** The most time that the end of load and server may take. */
const TAIL_SECONDS = 0.3;
const FUNCTIONS = 6;

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

/** Shares of woshou's time by owner of the code. */
export const profiles: Look = {
  command: "bench -- profile",
  heading: "Where the time goes",
  method: METHOD,
  leastSeconds: TAIL_SECONDS,
  async part({ subjects }, workload, seconds) {
    const ours = subjects.filter(({ id }) => id.startsWith("woshou-"));
    const spent: TimeSpent[] = [];
    for (const subject of ours) spent.push(await profile(subject, workload, seconds));
    return `where the time goes\n\n${tableOf(ours, spent)}`;
  },
};
