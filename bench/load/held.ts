/**
 * A load generator for idle connections: opens a few and reports, opens the others on request and reports, and holds
 * them until it is ended. Started by the bench.
 */
import { once } from "node:events";
import process from "node:process";
import { setTimeout as delay } from "node:timers/promises";
import { FIRST, type Idle, SETTLE_MS } from "./idle_connections.ts";
import { ownJob } from "./job.ts";
import { openAll, RawClient } from "./raw_client.ts";

const job = ownJob<Idle>();

async function open(count: number): Promise<void> {
  await openAll(count, () => new RawClient(job, () => {}));
  await delay(SETTLE_MS);
  console.log("{}");
}

await open(FIRST);
await once(process.stdin, "data");
await open(job.connections);
