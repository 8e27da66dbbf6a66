/** What a suite of measurements is made of. */
import type { RuntimeName } from "./runtimes.ts";

/** A server that is measured, in a process of its own. */
export interface Subject {
  /** Its name on the command line and in the JSON. */
  readonly id: string;
  readonly title: string;
  readonly runtime: RuntimeName;
  /** What it serves with and its version, where that is not the runtime itself. */
  readonly library?: string;
  /** The file in `bench/servers/`, without its ending. */
  readonly server: string;
  /** The id of the subject that it is compared with. */
  readonly peer?: string;
}

/** What is asked of every subject. */
export interface Workload {
  /** Its name on the command line and in the JSON. */
  readonly id: string;
  readonly title: string;
  /** The file in `bench/load/` that makes the load, without its ending. */
  readonly load: string;
  /** What the load generator is told besides the server and the time. */
  readonly order: Readonly<Record<string, number>>;
  /** Bytes of a message as the application sees it. */
  readonly size: number;
}

/** Workloads that are measured in one run and reported in one section of docs/PERFORMANCE.md. */
export interface Suite {
  readonly id: string;
  /** The heading of the section. */
  readonly title: string;
  /** The npm script that measures it. */
  readonly command: string;
  readonly subjects: readonly Subject[];
  readonly workloads: readonly Workload[];
  /** Markdown that says what was done, before the tables. */
  readonly method: string;
  /** Markdown that says how the subjects differ in what they do, after the tables. */
  readonly differences: string;
}
