/** A load generator: opens connections and leaves them idle. Started by the bench. */
import process from "node:process";
import { setTimeout as delay } from "node:timers/promises";
import { collectedMemory, cpuTime, peakMemory } from "../harness/process_usage.ts";
import { FIRST, type Idle, SETTLE_MS } from "./idle_connections.ts";
import { ownJob } from "./job.ts";
import { openAll, RawClient } from "./raw_client.ts";
import { tell } from "./span.ts";

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
