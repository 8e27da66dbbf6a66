/** Comparable figures from one sample. */
import type { Sample } from "../load/job.ts";

/** A kind of figure. */
export interface Figure {
  /** The column title. */
  readonly title: string;
  /** The unit counted. */
  readonly counted: string;
  readonly lessIsBetter: boolean;
  of(sample: Sample): number;
  text(value: number): string;
}

const whole = (value: number): string => Math.round(value).toLocaleString("en");

/** How many per second of the subject's CPU. */
export function perCpuSecond(counted: string): Figure {
  return {
    title: `${counted} per CPU-second`,
    counted,
    lessIsBetter: false,
    of: (sample) => sample.messages / sample.serverCpu,
    text: whole,
  };
}

/** CPU microseconds per unit. */
export function microsecondsEach(counted: string, one: string): Figure {
  return {
    title: `µs of CPU per ${one}`,
    counted,
    lessIsBetter: true,
    of: (sample) => sample.serverCpu / sample.messages * 1e6,
    text: (value) => value.toFixed(value < 10 ? 2 : 1),
  };
}

/** Bytes per open connection. */
export const bytesEach: Figure = {
  title: "bytes per connection",
  counted: "connections",
  lessIsBetter: true,
  of: (sample) => (sample.heldMemory ?? NaN) / sample.messages,
  text: whole,
};
