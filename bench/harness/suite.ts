/** What a suite of measurements is made of. */
import type { Figure } from "./figures.ts";
import type { RuntimeName } from "./runtimes.ts";

/** A program that is measured, in a process of its own. */
export interface Subject {
  /** Its name on the command line and in the JSON. */
  readonly id: string;
  readonly title: string;
  readonly runtime: RuntimeName;
  /** What it is made with and its version, where that is not the runtime itself. */
  readonly library?: string;
  /** The file in `bench/`, without its ending. */
  readonly program: string;
  /** The folder that `bench/` is in, where that is another version's. */
  readonly root?: string;
  /** The id of the subject that it is compared with. */
  readonly peer?: string;
  /** The id of the subject that does the least that can be done on the runtime. */
  readonly limit?: string;
  /** Speaks no WebSocket: the generator sends it the same octets, and wants them back. */
  readonly bare?: boolean;
}

/** What is asked of every subject. */
export interface Workload {
  /** Its name on the command line and in the JSON. */
  readonly id: string;
  readonly title: string;
  /** The file in `bench/load/` that makes the load, without its ending. */
  readonly load: string;
  /** What the load generator is told besides the program and the time. */
  readonly order: Readonly<Record<string, number>>;
  /** Bytes of a message as the application sees it. */
  readonly size: number;
  /** Sockets that the generator has open at a time. */
  readonly connections: number;
  /** Seconds of load before the measured span, where the bench's own are too few for what is done. */
  readonly warmup?: number;
  /** Where it stands on the axis of its suite's chart, if that is one of growth. */
  readonly at?: number;
}

/** Columns of a table beside the figure. */
export type Column = "per second" | "kernel" | "cores" | "payload" | "latency" | "peak memory";

/** A chart of several workloads, over what grows from one to the next. */
export interface Growth {
  /** What stands below the axis. */
  readonly axis: string;
  /** Whether the figure should rise as the axis does, and not stay as it is. */
  readonly linear?: boolean;
}

/** Workloads that are measured in one run and reported in one section of docs/PERFORMANCE.md. */
export interface Suite {
  readonly id: string;
  /** The heading of the section. */
  readonly title: string;
  /** Which end of the connections the subjects are. */
  readonly side: "server" | "client";
  /** What is compared. */
  readonly figure: Figure;
  readonly columns: readonly Column[];
  readonly subjects: readonly Subject[];
  readonly workloads: readonly Workload[];
  /** Each workload has a chart of its own; with this there is one for all. */
  readonly growth?: Growth;
  /** Markdown that says what was done, before the tables. */
  readonly method: string;
  /** Markdown that says how the subjects differ in what they do, after the tables. */
  readonly differences?: string;
}
