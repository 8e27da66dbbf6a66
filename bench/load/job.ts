/** What the bench orders from a load generator, as JSON in its first argument, and what it answers on one line. */
import process from "node:process";

/** What every load generator is told. */
export interface Job {
  /** Where the server listens, on 127.0.0.1. */
  readonly port: number;
  /** The server speaks no WebSocket, and sends back each octet that it is sent. */
  readonly bare: boolean;
  /** The server's process, whose CPU time is read. */
  readonly pid: number;
  /** Seconds of load before the measured span. */
  readonly warmup: number;
  /** Seconds of the measured span. */
  readonly seconds: number;
  /** An empty object is to be told, on a line of its own, when the measured span begins. */
  readonly tellsOfSpan?: boolean;
}

/** Microseconds that round trips took. */
export interface Latency {
  /** Half of them took no longer. */
  readonly p50: number;
  /** 99 in 100 took no longer. */
  readonly p99: number;
}

/** What was seen in the measured span. */
export interface Sample {
  /** Seconds that it took, by the clock. */
  readonly seconds: number;
  /** Seconds of CPU that the server used, all of its threads together. */
  readonly serverCpu: number;
  /** Those of them that the kernel used for it, where that was looked at. */
  readonly serverKernelCpu?: number;
  /** Seconds of CPU that the load generator used. */
  readonly loadCpu: number;
  /** Seconds of CPU that everything else on the machine used, where that was looked at. */
  readonly otherCpu?: number;
  /** Messages that were answered, or whatever else was counted. */
  readonly messages: number;
  /** Octets of the answers' payloads, as they were on the wire. */
  readonly answerBytes: number;
  /** The most memory that the server has had resident since it was started, in bytes. */
  readonly peakMemory: number;
  /** Where a connection has one message under way. */
  readonly latency?: Latency;
  /** Bytes that the server holds more than before the connections came, if that was asked. */
  readonly heldMemory?: number;
}

/** The job this process was started for. */
export function ownJob<Order>(): Job & Order {
  const [, , order] = process.argv;
  if (order === undefined) throw new Error("The bench starts the load generator, with its job as JSON.");
  return JSON.parse(order);
}
