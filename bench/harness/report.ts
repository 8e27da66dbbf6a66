/** What was measured, as tables, as a section of docs/PERFORMANCE.md and as JSON. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { cpus, release, totalmem, type as systemType } from "node:os";
import { join } from "node:path";
import type { Extent, Result } from "./measure.ts";
import { projectRoot } from "./project.ts";
import { runtime, type RuntimeName } from "./runtimes.ts";
import type { Subject, Suite, Workload } from "./suite.ts";
import { summarize, type Summary } from "./summary.ts";

/** All that a report is made from. */
export interface Run {
  readonly suite: Suite;
  readonly extent: Extent;
  readonly date: string;
  readonly results: readonly Result[];
}

const MIB = 1024 * 1024;
const DOCUMENT = join(projectRoot, "docs", "PERFORMANCE.md");
const PREAMBLE = `# Performance

Each section is written by the command that it names, from one run of it. Compare figures within one section only: another
machine, or the same one an hour later, gives others.
`;

function machine(): string {
  const { length, 0: first } = cpus();
  const memory = (totalmem() / 1024 ** 3).toFixed(1);
  return `${length} cores (${first?.model.trim()}), ${memory} GiB of memory, ${systemType()} ${release()}`;
}

function versions(subjects: readonly Subject[]): string[] {
  const runtimes = new Set<RuntimeName>(["Node", ...subjects.map((subject) => subject.runtime)]);
  const libraries = new Set(subjects.flatMap(({ library }) => library ?? []));
  return [...[...runtimes].map((name) => `${name} ${runtime(name).version}`), ...libraries];
}

function whole(value: number): string {
  return Math.round(value).toLocaleString("en");
}

/** Markdown that reads well unrendered too: the columns are padded, and all but the first stand right. */
function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const lines = rows.map((row) => {
    const cells = row.map((cell, column) =>
      column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!)
    );
    return `| ${cells.join(" | ")} |`;
  });
  const rule = widths.map((width, column) => column === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`);
  return [lines[0], `| ${rule.join(" | ")} |`, ...lines.slice(1)].join("\n");
}

function row(subjects: readonly Subject[], { size }: Workload, summary: Summary): string[] {
  const subject = subjects.find((each) => each.id === summary.subject)!;
  const peer = subjects.find((each) => each.id === subject.peer);
  const [least, most] = summary.perCpuSecondRange;
  return [
    subject.title,
    whole(summary.perCpuSecond),
    `${whole(least)} to ${whole(most)}`,
    whole(summary.perSecond),
    `${summary.serverCores.toFixed(2)} / ${summary.loadCores.toFixed(2)}`,
    `${whole(summary.answerBytes)} (${(summary.answerBytes / size * 100).toFixed(0)} %)`,
    `${whole(summary.peakMemory / MIB)} MiB`,
    summary.toPeer === undefined ? "" : `${summary.toPeer.toFixed(2)} × ${peer!.title}`,
  ];
}

/** What disturbed the measurement: the cores that other processes kept busy meanwhile. */
export function disturbance({ results }: Run): string {
  const others = results.flatMap(({ samples }) => samples.map((sample) => sample.otherCpu / sample.seconds));
  if (others.length === 0) return "Nothing was measured.";
  const mean = others.reduce((sum, each) => sum + each, 0) / others.length;
  const [average, most] = [mean, Math.max(...others)].map((cores) => cores.toFixed(2));
  return `Other processes kept ${average} cores busy meanwhile, ${most} at worst.`;
}

/** A table for each workload, each under its title. */
export function tables({ suite, results }: Run): string {
  const summaries = summarize(results);
  const failures = results.filter((result) => result.failure !== undefined);
  const heads = [
    "server",
    "messages per CPU-second",
    "of all rounds",
    "messages per second",
    "cores of server / load",
    "payload of an answer",
    "peak memory",
    "to its peer",
  ];
  return suite.workloads.map((workload) => {
    const rows = summaries.filter((summary) => summary.workload === workload.id).map((summary) =>
      row(suite.subjects, workload, summary)
    );
    const failed = failures.filter((result) => result.workload === workload).map(({ subject, failure }) =>
      `\n${subject.title} failed: ${failure}`
    );
    return [`### ${workload.title}\n`, table([heads, ...rows]), ...failed].join("\n");
  }).join("\n\n");
}

/** What the run was, and every sample of it. */
export function json(run: Run): string {
  const { suite: { id, subjects, workloads }, extent, date, results } = run;
  const samples = results.map(({ workload, subject, samples, failure }) => ({
    workload: workload.id,
    subject: subject.id,
    ...(failure === undefined ? {} : { failure }),
    samples,
  }));
  const summaries = summarize(results);
  const whatRan = { suite: id, date, machine: machine(), versions: versions(subjects), extent };
  return `${JSON.stringify({ ...whatRan, subjects, workloads, summaries, samples }, undefined, 2)}\n`;
}

function section(run: Run): string {
  const { suite, extent: { rounds, warmup, seconds }, date } = run;
  return `## ${suite.title}

${suite.method}

Each figure is the median of ${rounds} rounds in which the servers took turns, each time in a new process: ${warmup} s of load to
warm up, then ${seconds} s that count. CPU-seconds are those of all threads of the server's process, in user and in kernel mode.
Peak memory is the most that process ever had resident, in any round.

Measured on ${date}: ${machine()}; ${versions(suite.subjects).join(", ")}.
${disturbance(run)}

\`npm ci && npm ci --prefix tests/runtimes && npm run ${suite.command} -- --seconds ${seconds} --rounds ${rounds} --write\` does it
again, on Linux, and writes this section anew; \`--json FILE\` keeps every sample.

${tables(run)}

${suite.differences}
`;
}

/** Writes the section into docs/PERFORMANCE.md, in the place of the one of the same title or at the end. */
export function writeSection(run: Run): void {
  const old = existsSync(DOCUMENT) ? readFileSync(DOCUMENT, "utf8") : PREAMBLE;
  const heading = `## ${run.suite.title}\n`;
  const parts = old.split(/^(?=## )/m);
  const place = parts.findIndex((part) => part.startsWith(heading));
  parts[place === -1 ? parts.length : place] = section(run);
  writeFileSync(DOCUMENT, `${parts.map((part) => part.trimEnd()).join("\n\n")}\n`);
}
