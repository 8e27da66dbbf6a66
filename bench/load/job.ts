/** The job of a load generator, as JSON in its first argument, and its answer on one line. */
import process from "node:process";

/** The parameters of every load generator. */
export interface Job {
  /** Where the server listens, on 127.0.0.1. */
  readonly port: number;
  /** The server is not a WebSocket server, but echoes bytes. */
  readonly bare: boolean;
  /** The process id of the server, for its CPU time. */
  readonly pid: number;
  /** Seconds of load before the measured span. */
  readonly warmup: number;
  /** Seconds of the measured span. */
  readonly seconds: number;
  /** Print an empty object on its own line when the measured span begins. */
  readonly tellsOfSpan?: boolean;
}

/** Round trips in microseconds. */
export interface Latency {
  /** The median. */
  readonly p50: number;
  /** The 99th percentile. */
  readonly p99: number;
}

/** What was measured. */
export interface Sample {
  /** Seconds of wall time. */
  readonly seconds: number;
  /** CPU seconds of all threads of the server. */
  readonly serverCpu: number;
  /** The part of them in the kernel, if measured. */
  readonly serverKernelCpu?: number;
  /** Seconds of CPU that the load generator used. */
  readonly loadCpu: number;
  /** CPU seconds of everything else on the machine, if measured. */
  readonly otherCpu?: number;
  /** Answered messages, or whatever was counted. */
  readonly messages: number;
  /** Payload bytes of the answers on the wire. */
  readonly answerBytes: number;
  /** Peak resident memory of the server in bytes. */
  readonly peakMemory: number;
  /** If a connection has one message in flight. */
  readonly latency?: Latency;
  /** Bytes that the server holds beyond those before the connections came, if requested. */
  readonly heldMemory?: number;
}

/** The job that this process was started for. */
export function ownJob<Order>(): Job & Order {
  const [, , order] = process.argv;
  if (order === undefined) throw new Error("The bench starts the load generator, with its job as JSON.");
  return JSON.parse(order);
}
