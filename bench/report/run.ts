/** What a report is made from. */
import { cpus, release, totalmem, type as systemType } from "node:os";
import type { Extent, Result } from "../harness/measure.ts";
import { runtime, type RuntimeName } from "../harness/runtimes.ts";
import type { Suite } from "../harness/suite.ts";
import { median, summarize } from "../harness/summary.ts";

/** A suite and its results. */
export interface Measured {
  readonly suite: Suite;
  readonly results: readonly Result[];
}

/** One run of the bench. */
export interface Run {
  /** The npm script that it was started with. */
  readonly command: string;
  readonly extent: Extent;
  readonly date: string;
  readonly measured: readonly Measured[];
}

/** The machine. */
export function machine(): string {
  const { length, 0: first } = cpus();
  const memory = (totalmem() / 1024 ** 3).toFixed(1);
  return `${length} cores (${first?.model.trim()}), ${memory} GiB of memory, ${systemType()} ${release()}`;
}

/** The versions of everything measured, and of the generator's runtime. */
export function versions(measured: readonly Measured[]): string[] {
  const subjects = measured.flatMap(({ suite }) => suite.subjects);
  const runtimes = new Set<RuntimeName>(["Node", ...subjects.map((subject) => subject.runtime)]);
  const libraries = new Set(subjects.flatMap(({ library }) => library ?? []));
  return [...[...runtimes].map((name) => `${name} ${runtime(name).version}`), ...libraries];
}

/** Disturbances of the measurement: other processes, and how evenly the machine ran. */
export function disturbance(measured: readonly Measured[]): string {
  return `${othersBusy(measured)} ${unevenness(measured)}`;
}

function unevenness(measured: readonly Measured[]): string {
  const sticks = measured.flatMap(({ results }) => results.flatMap(({ yardsticks }) => yardsticks));
  const [middle, least, most] = [median(sticks), Math.min(...sticks), Math.max(...sticks)];
  const percent = (of: number): string => `${Math.round((100 * of) / middle)} %`;
  return `A fixed piece of work, done before each sample with nothing else to do, took from ${
    percent(least)
  } to \
${percent(most)} of its median of ${middle.toFixed(1)} ms of CPU.`;
}

function othersBusy(measured: readonly Measured[]): string {
  const others = measured.flatMap(({ results }) =>
    results.flatMap(({ samples }) => samples.flatMap(({ otherCpu = NaN, seconds }) => otherCpu / seconds))
  ).filter((cores) => !Number.isNaN(cores));
  if (others.length === 0) return "Nothing tells what other processes did meanwhile.";
  const mean = others.reduce((sum, each) => sum + each, 0) / others.length;
  const [average, most] = [mean, Math.max(...others)].map((cores) => cores.toFixed(2));
  return `Other processes kept ${average} cores busy meanwhile, ${most} at worst.`;
}

/** The run and all its samples. */
export function json({ command, extent, date, measured }: Run): string {
  const suites = measured.map(({ suite: { id, figure, subjects, workloads }, results }) => ({
    id,
    figure: figure.title,
    subjects,
    workloads,
    summaries: summarize(figure, results),
    samples: results.map(({ workload, subject, samples, yardsticks, failure }) => ({
      workload: workload.id,
      subject: subject.id,
      ...(failure === undefined ? {} : { failure }),
      samples,
      yardsticks,
    })),
  }));
  const whatRan = { command, date, machine: machine(), versions: versions(measured), extent };
  return `${JSON.stringify({ ...whatRan, suites }, undefined, 2)}\n`;
}
