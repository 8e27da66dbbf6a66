/** What the servers of the bench have in common. */
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

/**
 * Tells the bench the port, collects garbage when it is told to, writes what is in its heap into the file that a line of its
 * input names, and ends when the bench does.
 */
export function serving(port: number): void {
  process.on("SIGUSR2", collectGarbage);
  console.log(JSON.stringify({ port }));
  createInterface({ input: process.stdin })
    .on("line", (file) => console.log(JSON.stringify({ file: writeHeapSnapshot(file) })))
    .on("close", () => process.exit(0));
}
