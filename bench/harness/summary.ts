/**
 * Many rounds become one figure: the median, beside the least and the most. Ratios are made within each round, whose
 * samples lie close together in time, since the machine is now faster and now slower.
 */
import type { Latency, Sample } from "../load/job.ts";
import type { Figure } from "./figures.ts";
import type { Result } from "./measure.ts";

/** What all rounds of one subject under one workload come to. All but the range and the peak are medians. */
export interface Summary {
  readonly workload: string;
  readonly subject: string;
  readonly failure?: string;
  /** What the suite compares, and the least and most of any round. */
  readonly figure: number;
  readonly range: readonly [number, number];
  /** Messages for each second of the clock. */
  readonly perSecond: number;
  /** Cores that the server and the load generator kept busy. */
  readonly serverCores: number;
  readonly loadCores: number;
  /** Microseconds of CPU for each message, in kernel mode and in user mode. */
  readonly kernelTime?: number;
  readonly userTime?: number;
  /** Octets of an answer's payload, on average. */
  readonly answerBytes: number;
  /** Bytes of resident memory at the peak: the most of any round. */
  readonly peakMemory: number;
  /** Microseconds that half of the round trips took at most, and 99 in 100 of them. */
  readonly latency?: Latency;
  /** Of each round, the figure over that of the peer, if it has one that was measured; and the least and most of them. */
  readonly toPeer?: number;
  readonly toPeerRange?: readonly [number, number];
  /** Of each round, the figure over that of the limit. */
  readonly toLimit?: number;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** The least and the most. */
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

/** Summaries of what was measured, in the order of the results. Those without a sample are left out. */
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
