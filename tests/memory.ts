/** What the process holds. All tests share one process on Bun: the garbage of those before would count as well. */
import process from "node:process";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

const { Bun } = globalThis as { Bun?: { gc(full: boolean): void } };

let collect: (() => void) | undefined;

/** Frees what nothing holds any more, at once. */
export function collectGarbage(): void {
  if (Bun !== undefined) return Bun.gc(true);
  if (collect === undefined) {
    setFlagsFromString("--expose-gc");
    collect = runInNewContext("gc") as () => void;
  }
  collect();
}

/** Bytes of memory that the process has, once its garbage is gone. */
export function memoryHeld(): number {
  collectGarbage();
  return process.memoryUsage().rss;
}
