/** The measured span: what was counted in it, and what it cost. */
import process from "node:process";
import { setTimeout as delay } from "node:timers/promises";
import { cpuTime, machineCpuSeconds, peakMemory } from "../harness/process_usage.ts";
import type { Job, Sample } from "./job.ts";
import type { RoundTrips } from "./round_trips.ts";

/** What a load generator counts. */
export interface Totals {
  messages: number;
  answerBytes: number;
}

function now(pid: number, totals: Totals) {
  const { user, system } = process.cpuUsage();
  return {
    time: performance.now() / 1000,
    machineCpu: machineCpuSeconds(),
    server: cpuTime(pid),
    loadCpu: (user + system) / 1e6,
    ...totals,
  };
}

/** Ends the generator with a reason that the bench shows. */
export function fail(error: unknown): never {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
}

/** Waits while the load runs, and returns the result of the measured span. */
export async function span(
  { pid, warmup, seconds, tellsOfSpan = false }: Job,
  totals: Totals,
  roundTrips?: RoundTrips,
): Promise<Sample> {
  await delay(warmup * 1000);
  roundTrips?.clear();
  if (tellsOfSpan) console.log("{}");
  const before = now(pid, totals);
  await delay(seconds * 1000);
  const after = now(pid, totals);
  const latency = roundTrips?.latency();
  const serverCpu = after.server.all - before.server.all;
  const loadCpu = after.loadCpu - before.loadCpu;
  if (after.messages === before.messages) throw new Error("No message was answered in the measured span.");
  return {
    seconds: after.time - before.time,
    serverCpu,
    serverKernelCpu: after.server.kernel - before.server.kernel,
    loadCpu,
    otherCpu: Math.max(0, after.machineCpu - before.machineCpu - serverCpu - loadCpu),
    messages: after.messages - before.messages,
    answerBytes: after.answerBytes - before.answerBytes,
    peakMemory: peakMemory(pid),
    ...(latency === undefined ? {} : { latency }),
  };
}

/** How long the answers in flight at the end may take. */
const LAST_ANSWERS_MS = 10_000;

/** Waits for what is in flight at the end: no answer may be missing. */
export async function lastAnswers(finished: Promise<unknown>): Promise<void> {
  const timer = setTimeout(
    () => fail(new Error("The server left a message unanswered.")),
    LAST_ANSWERS_MS,
  );
  await finished;
  clearTimeout(timer);
}

/** Reports to the bench, and ends the generator. */
export function tell(sample: Sample): never {
  console.log(JSON.stringify(sample));
  process.exit(0);
}
