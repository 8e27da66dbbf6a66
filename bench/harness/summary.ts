/**
 * Combines rounds into one figure: the median, with minimum and maximum. Ratios are taken within each round, whose
 * samples are close in time, since the speed of the machine changes.
 */
import type { Latency, Sample } from "../load/job.ts";
import type { Figure } from "./figures.ts";
import type { Result } from "./measure.ts";

/** The summary of one subject under one workload. Everything but range and peak is a median. */
export interface Summary {
  readonly workload: string;
  readonly subject: string;
  readonly failure?: string;
  /** The figure of the suite, with minimum and maximum. */
  readonly figure: number;
  readonly range: readonly [number, number];
  /** Messages per second of wall time. */
  readonly perSecond: number;
  /** Cores that the server and the load generator kept busy. */
  readonly serverCores: number;
  readonly loadCores: number;
  /** CPU microseconds per message, in kernel and in user mode. */
  readonly kernelTime?: number;
  readonly userTime?: number;
  /** Average payload bytes of an answer. */
  readonly answerBytes: number;
  /** Peak resident memory in bytes: the maximum of all rounds. */
  readonly peakMemory: number;
  /** Median and 99th percentile of the round trip in microseconds. */
  readonly latency?: Latency;
  /** The figure relative to the peer's in each round, with minimum and maximum. */
  readonly toPeer?: number;
  readonly toPeerRange?: readonly [number, number];
  /** The figure relative to the limit's in each round. */
  readonly toLimit?: number;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Minimum and maximum. */
export function rangeOf(values: readonly number[]): [number, number] {
  return [Math.min(...values), Math.max(...values)];
}

function latencyOf(samples: readonly Sample[]): Latency | undefined {
  const latencies = samples.flatMap(({ latency }) => latency ?? []);
  if (latencies.length === 0) return undefined;
  return {
    p50: median(latencies.map(({ p50 }) => p50)),
    p99: median(latencies.map(({ p99 }) => p99)),
  };
}

/** Summarizes results in their order. Results without samples are left out. */
export function summarize(figure: Figure, results: readonly Result[]): Summary[] {
  const measured = results.filter((result) => result.samples.length > 0);
  return measured.map((result) => {
    const { workload, subject, samples, failure } = result;
    const of = (value: (sample: Sample) => number): number => median(samples.map(value));
    const figures = samples.map((sample) => figure.of(sample));
    const to = (id: string | undefined): number[] | undefined => {
      const other = measured.find((each) => each.workload === workload && each.subject.id === id);
      if (other === undefined) return undefined;
      const rounds = figures.slice(0, other.samples.length);
      return rounds.map((own, round) => own / figure.of(other.samples[round]!));
    };
    const kernel = (sample: Sample): number => sample.serverKernelCpu ?? NaN;
    const each = (seconds: (sample: Sample) => number): number =>
      of((sample) => seconds(sample) / sample.messages * 1e6);
    const [latency, toPeer, toLimit] = [latencyOf(samples), to(subject.peer), to(subject.limit)];
    return {
      workload: workload.id,
      subject: subject.id,
      ...(failure === undefined ? {} : { failure }),
      figure: median(figures),
      range: rangeOf(figures),
      perSecond: of((sample) => sample.messages / sample.seconds),
      serverCores: of((sample) => sample.serverCpu / sample.seconds),
      loadCores: of((sample) => sample.loadCpu / sample.seconds),
      ...(samples.some((sample) => Number.isNaN(kernel(sample))) ? {} : {
        kernelTime: each(kernel),
        userTime: each((sample) => sample.serverCpu - kernel(sample)),
      }),
      answerBytes: of((sample) => sample.answerBytes / sample.messages),
      peakMemory: Math.max(...samples.map((sample) => sample.peakMemory)),
      ...(latency === undefined ? {} : { latency }),
      ...(toPeer === undefined ? {} : { toPeer: median(toPeer), toPeerRange: rangeOf(toPeer) }),
      ...(toLimit === undefined ? {} : { toLimit: median(toLimit) }),
    };
  });
}
