/** Many rounds become one figure: the median, beside the least and the most. */
import type { Sample } from "../load/job.ts";
import { perCpuSecond, type Result } from "./measure.ts";

/** What all rounds of one subject under one workload come to. All but the range are medians. */
export interface Summary {
  readonly workload: string;
  readonly subject: string;
  readonly failure?: string;
  /** Messages for each second of the server's CPU, and the least and most of any round. */
  readonly perCpuSecond: number;
  readonly perCpuSecondRange: readonly [number, number];
  /** Messages for each second of the clock. */
  readonly perSecond: number;
  /** Cores that the server and the load generator kept busy. */
  readonly serverCores: number;
  readonly loadCores: number;
  /** Octets of an answer's payload, on average. */
  readonly answerBytes: number;
  /** Bytes of resident memory at the peak: the most of any round. */
  readonly peakMemory: number;
  /** `perCpuSecond` over that of the peer, if it has one that was measured. */
  readonly toPeer?: number;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Summaries of what was measured, in the order of the results. Those without a sample are left out. */
export function summarize(results: readonly Result[]): Summary[] {
  const speed = (result: Result): number => median(result.samples.map(perCpuSecond));
  return results.filter((result) => result.samples.length > 0).map((result) => {
    const { workload, subject, samples, failure } = result;
    const of = (figure: (sample: Sample) => number): number => median(samples.map(figure));
    const speeds = samples.map(perCpuSecond);
    const peer = results.find((other) =>
      other.workload === workload && other.subject.id === subject.peer && other.samples.length > 0
    );
    return {
      workload: workload.id,
      subject: subject.id,
      ...(failure === undefined ? {} : { failure }),
      perCpuSecond: speed(result),
      perCpuSecondRange: [Math.min(...speeds), Math.max(...speeds)],
      perSecond: of((sample) => sample.messages / sample.seconds),
      serverCores: of((sample) => sample.serverCpu / sample.seconds),
      loadCores: of((sample) => sample.loadCpu / sample.seconds),
      answerBytes: of((sample) => sample.answerBytes / sample.messages),
      peakMemory: Math.max(...samples.map((sample) => sample.peakMemory)),
      ...(peer === undefined ? {} : { toPeer: speed(result) / speed(peer) }),
    };
  });
}
