/** Echo: woshou with the options in the first argument, as JSON. Collects garbage for every line on its input. */
import process from "node:process";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { serve } from "../../mod.ts";

interface Collector {
  gc(full: boolean): void;
}

const { Bun } = globalThis as { Bun?: Collector };

function collectGarbage(): void {
  if (Bun !== undefined) return Bun.gc(true);
  setFlagsFromString("--expose-gc");
  runInNewContext("gc")();
}

const { port } = await serve({ port: 0, ...JSON.parse(process.argv[2] ?? "{}") }, {
  message: (socket, message) => socket.send(message) ? undefined : socket.drained().catch(() => {}),
});
console.log(JSON.stringify({ port }));
process.stdin.on("end", () => process.exit(0)).on("data", () => {
  collectGarbage();
  console.log("collected");
});
