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

/** What a line of a server's input begins with that asks for a heap snapshot; the name of the file follows. */
export const HEAP_SNAPSHOT = "heap snapshot: ";

/**
 * Tells the bench the port, collects garbage when it is told to, writes a heap snapshot where it is asked for one, and ends when
 * the bench does. Other lines of the input are for others, such as the servers of tests/soak.
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
