/** The types of a measurement suite. */
import type { Figure } from "./figures.ts";
import type { RuntimeName } from "./runtimes.ts";

/** A program that is measured, in a process of its own. */
export interface Subject {
  /** Its name on the command line and in JSON. */
  readonly id: string;
  readonly title: string;
  readonly runtime: RuntimeName;
  /** The library and its version, unless it is the runtime itself. */
  readonly library?: string;
  /** The file in `bench/`, without extension. */
  readonly program: string;
  /** The folder that contains `bench/`, for another version. */
  readonly root?: string;
  /** The id of the subject to compare it with. */
  readonly peer?: string;
  /** The id of the subject that does the minimum on this runtime. */
  readonly limit?: string;
  /** Not a WebSocket server: the generator sends the same bytes and expects them back. */
  readonly bare?: boolean;
}

/** What is asked of every subject. */
export interface Workload {
  /** Its name on the command line and in JSON. */
  readonly id: string;
  readonly title: string;
  /** The file in `bench/load/` that generates the load, without extension. */
  readonly load: string;
  /** Parameters of the load generator, besides program and time. */
  readonly order: Readonly<Record<string, number>>;
  /** Message size in bytes as the application sees it. */
  readonly size: number;
  /** Open sockets of the generator. */
  readonly connections: number;
  /** Seconds of warm-up, if more than the default is needed. */
  readonly warmup?: number;
  /** Its position on the x axis of a growth chart. */
  readonly at?: number;
}

/** Table columns besides the figure. */
export type Column = "per second" | "kernel" | "cores" | "payload" | "latency" | "peak memory";

/** A chart of several workloads over a growing quantity. */
export interface Growth {
  /** The label of the x axis. */
  readonly axis: string;
  /** Whether the figure should grow linearly, rather than stay constant. */
  readonly linear?: boolean;
}

/** Workloads measured in one run and reported in one section of docs/PERFORMANCE.md. */
export interface Suite {
  readonly id: string;
  /** The heading of the section. */
  readonly title: string;
  /** Which side of the connections is measured. */
  readonly side: "server" | "client";
  /** What is compared. */
  readonly figure: Figure;
  readonly columns: readonly Column[];
  readonly subjects: readonly Subject[];
  readonly workloads: readonly Workload[];
  /** One chart for all workloads, instead of one each. */
  readonly growth?: Growth;
  /** Markdown about the method, before the tables. */
  readonly method: string;
  /** Markdown about the differences between subjects, after the tables. */
  readonly differences?: string;
}
