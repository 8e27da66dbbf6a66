/** Results as Markdown that is readable as plain text too. */
import type { Column, Subject, Suite, Workload } from "../harness/suite.ts";
import { median, rangeOf, summarize, type Summary } from "../harness/summary.ts";
import type { Measured } from "./run.ts";

const MIB = 1024 * 1024;

const whole = (value: number): string => Math.round(value).toLocaleString("en");
/** Milliseconds, from microseconds. */
const milliseconds = (value: number): string => (value / 1000).toFixed(value < 10_000 ? 2 : 0);

/** Padded columns; all but the first are right-aligned. */
export function table(rows: readonly (readonly string[])[]): string {
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

const microseconds = (value: number): string => value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0);

interface ColumnWriter {
  head(counted: string): string;
  cell(summary: Summary, workload: Workload): string;
}

const writers: Record<Column, ColumnWriter> = {
  "per second": {
    head: (counted) => `${counted} per second`,
    cell: ({ perSecond }) => whole(perSecond),
  },
  "kernel": {
    head: () => "µs each: kernel + rest",
    cell: ({ kernelTime, userTime }) =>
      kernelTime === undefined || userTime === undefined
        ? ""
        : `${microseconds(kernelTime)} + ${microseconds(userTime)}`,
  },
  "cores": {
    head: () => "cores of subject / load",
    cell: ({ serverCores, loadCores }) => `${serverCores.toFixed(2)} / ${loadCores.toFixed(2)}`,
  },
  "payload": {
    head: () => "payload of an answer",
    cell: ({ answerBytes }, { size }) => `${whole(answerBytes)} (${(answerBytes / size * 100).toFixed(0)} %)`,
  },
  "latency": {
    head: () => "p50 / p99, ms",
    cell: ({ latency }) =>
      latency === undefined ? "" : `${milliseconds(latency.p50)} / ${milliseconds(latency.p99)}`,
  },
  "peak memory": {
    head: () => "peak memory",
    cell: ({ peakMemory }) => `${whole(peakMemory / MIB)} MiB`,
  },
};

/** With the range over all rounds: it shows how much the median is worth. */
function ratio(suite: Suite, { toPeer, toPeerRange }: Summary, id: string | undefined): string {
  if (toPeer === undefined || toPeerRange === undefined) return "";
  const [least, most] = toPeerRange.map((value) => value.toFixed(2));
  const rounds = least === most ? "" : ` (${least} to ${most})`;
  return `${toPeer.toFixed(2)} × ${suite.subjects.find((subject) => subject.id === id)!.title}${rounds}`;
}

function workloadTable(suite: Suite, workload: Workload, summaries: readonly Summary[]): string {
  const { figure } = suite;
  const of = summaries.filter((summary) => summary.workload === workload.id);
  // Empty columns are left out.
  const columns = suite.columns.map((name) => writers[name]).filter((writer) =>
    of.some((summary) => writer.cell(summary, workload) !== "")
  );
  const peers = of.some(({ toPeer }) => toPeer !== undefined);
  const limits = of.some(({ toLimit }) => toLimit !== undefined);
  const heads = [
    "subject",
    figure.title,
    "of all rounds",
    ...columns.map((writer) => writer.head(figure.counted)),
    ...(peers ? ["to its peer"] : []),
    ...(limits ? ["to the limit"] : []),
  ];
  const rows = of.map((summary) => {
    const subject = suite.subjects.find((each) => each.id === summary.subject)!;
    return [
      subject.title,
      figure.text(summary.figure),
      summary.range.map((value) => figure.text(value)).join(" to "),
      ...columns.map((writer) => writer.cell(summary, workload)),
      ...(peers ? [ratio(suite, summary, subject.peer)] : []),
      ...(limits ? [summary.toLimit?.toFixed(2) ?? ""] : []),
    ];
  });
  return table([heads, ...rows]);
}

/** The ratio of a subject's last figure to its first, in each round. */
function growthOf({ suite: { figure, growth, workloads }, results }: Measured, subject: Subject): string {
  const [first, last] = [workloads[0]!, workloads.at(-1)!].map((workload) =>
    results.find((each) => each.subject === subject && each.workload === workload)?.samples ?? []
  );
  const expected = growth!.linear === true ? workloads.at(-1)!.at! / workloads[0]!.at! : 1;
  const times = last!.slice(0, first!.length).map((sample, round) =>
    figure.of(sample) / figure.of(first![round]!) / expected
  );
  if (times.length === 0) return "";
  return `${median(times).toFixed(2)} (${rangeOf(times).map((value) => value.toFixed(2)).join(" to ")})`;
}

/** One row per workload, one column per subject. */
function growthTable(measured: Measured, summaries: readonly Summary[]): string {
  const { suite: { figure, growth, subjects, workloads } } = measured;
  const heads = [`${growth!.axis}; ${figure.title}`, ...subjects.map(({ title }) => title)];
  const rows = workloads.map(({ id, at }) => [
    whole(at!),
    ...subjects.map((subject) => {
      const summary = summaries.find((each) => each.workload === id && each.subject === subject.id);
      return summary === undefined ? "" : figure.text(summary.figure);
    }),
  ]);
  const ends = [workloads.at(-1)!, workloads[0]!].map(({ at }) => whole(at!)).join(" to ");
  const each = growth!.linear === true ? ", for each" : "";
  return table([
    heads,
    ...rows,
    [`times as much: ${ends}${each}`, ...subjects.map((subject) => growthOf(measured, subject))],
  ]);
}

/** The tables of a suite, each after the Markdown of `before`, followed by the failures. */
export function tables(
  measured: Measured,
  before: (workload: Workload | undefined) => string,
): string {
  const { suite, results } = measured;
  const summaries = summarize(suite.figure, results);
  const failures = results.filter((result) => result.failure !== undefined).map(
    ({ workload, subject, failure }) => `${workload.title}; ${subject.title} failed: ${failure}`,
  );
  const all = suite.growth !== undefined
    ? [`${before(undefined)}${growthTable(measured, summaries)}`]
    : suite.workloads.map((workload) =>
      `### ${workload.title}\n\n${before(workload)}${workloadTable(suite, workload, summaries)}`
    );
  return [...all, ...failures].join("\n\n");
}
