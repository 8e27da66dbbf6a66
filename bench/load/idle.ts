/** A load generator: opens connections, and does nothing with them. The bench starts it. */
import process from "node:process";
import { setTimeout as delay } from "node:timers/promises";
import { collectedMemory, cpuTime, peakMemory } from "../harness/process_usage.ts";
import { ownJob } from "./job.ts";
import { openAll, RawClient } from "./raw_client.ts";
import { tell } from "./span.ts";

/** What this load is made of. */
export interface Idle {
  readonly connections: number;
}

/** Connections that come and go beforehand, so that what the first of them make is not counted. */
const FIRST = 32;
const SETTLE_MS = 500;

const job = ownJob<Idle>();
const open = (count: number): Promise<RawClient[]> => openAll(count, () => new RawClient(job, () => {}));
await open(FIRST);
await delay(SETTLE_MS);
const before = await collectedMemory(job.pid);
const [began, cpuBefore] = [performance.now(), cpuTime(job.pid).all];
await open(job.connections);
const [ended, cpuAfter] = [performance.now(), cpuTime(job.pid).all];
await delay(SETTLE_MS);
const heldMemory = await collectedMemory(job.pid) - before;
const { user, system } = process.cpuUsage();
tell({
  seconds: (ended - began) / 1000,
  serverCpu: cpuAfter - cpuBefore,
  loadCpu: (user + system) / 1e6,
  messages: job.connections,
  answerBytes: 0,
  peakMemory: peakMemory(job.pid),
  heldMemory,
});
