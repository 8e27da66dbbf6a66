/** Shared by the bench servers. */
import process from "node:process";
import { createInterface } from "node:readline";
import { setFlagsFromString, writeHeapSnapshot } from "node:v8";
import { runInNewContext } from "node:vm";

interface Collector {
  gc(full: boolean): void;
}

function collectGarbage(): void {
  const { Bun } = globalThis as { Bun?: Collector };
  if (Bun !== undefined) return Bun.gc(true);
  setFlagsFromString("--expose-gc");
  runInNewContext("gc")();
}

/** The prefix of an input line that requests a heap snapshot; a file name follows. */
export const HEAP_SNAPSHOT = "heap snapshot: ";

/**
 * Tells the bench the port, collects garbage on a signal, writes heap snapshots on request, and ends when the bench
 * does. Other input lines are for others, such as the servers of tests/soak.
 */
export function serving(port: number): void {
  process.on("SIGUSR2", collectGarbage);
  console.log(JSON.stringify({ port }));
  createInterface({ input: process.stdin })
    .on("line", (line) => {
      if (!line.startsWith(HEAP_SNAPSHOT)) return;
      console.log(JSON.stringify({ file: writeHeapSnapshot(line.slice(HEAP_SNAPSHOT.length)) }));
    })
    .on("close", () => process.exit(0));
}
