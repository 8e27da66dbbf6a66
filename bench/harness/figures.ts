/** What can be compared, made from one sample. */
import type { Sample } from "../load/job.ts";

/** A kind of figure. */
export interface Figure {
  /** The head of its column. */
  readonly title: string;
  /** What one of what was counted is. */
  readonly counted: string;
  readonly lessIsBetter: boolean;
  of(sample: Sample): number;
  text(value: number): string;
}

const whole = (value: number): string => Math.round(value).toLocaleString("en");

/** How many of something for each second of CPU that the subject used. */
export function perCpuSecond(counted: string): Figure {
  return {
    title: `${counted} per CPU-second`,
    counted,
    lessIsBetter: false,
    of: (sample) => sample.messages / sample.serverCpu,
    text: whole,
  };
}

/** Microseconds of CPU for each of something. */
export function microsecondsEach(counted: string, one: string): Figure {
  return {
    title: `µs of CPU per ${one}`,
    counted,
    lessIsBetter: true,
    of: (sample) => sample.serverCpu / sample.messages * 1e6,
    text: (value) => value.toFixed(value < 10 ? 2 : 1),
  };
}

/** Bytes for each connection that is held. */
export const bytesEach: Figure = {
  title: "bytes per connection",
  counted: "connections",
  lessIsBetter: true,
  of: (sample) => (sample.heldMemory ?? NaN) / sample.messages,
  text: whole,
};
