/** Compares the load generator with another one, written in C: `wsload.c`. */
import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Echo } from "../load/echo.ts";
import { type Extent, serverSample, startServer } from "./measure.ts";
import { projectRoot } from "./project.ts";
import type { Subject, Suite, Workload } from "./suite.ts";

/** Where its source is expected. */
export const WSLOAD: string = join(projectRoot, "..", "shared", "tools", "wsload.c");

const run = promisify(execFile);

interface Figures {
  readonly per_s: number;
  readonly per_cpu_s: number;
}

async function otherSample(
  binary: string,
  subject: Subject,
  order: Echo,
  seconds: number,
): Promise<Figures> {
  const [server, { port }] = await startServer(subject);
  try {
    const { connections, depth, size } = order;
    const told = [port, connections, depth, size, seconds, server.child.pid].map(String);
    const { stdout } = await run(binary, ["echo", ...told]);
    return JSON.parse(stdout);
  } finally {
    await server.stop();
  }
}

const whole = (value: number): string => Math.round(value).toLocaleString("en");

function pairs(suites: readonly Suite[]): [Workload, Subject][] {
  const echo = suites.find((suite) => suite.id === "echo");
  const workloads = echo?.workloads.filter(({ size }) => size === 32) ?? [];
  const subjects = echo?.subjects.filter(({ bare }) => bare !== true) ?? [];
  return workloads.flatMap((workload) => subjects.map((subject): [Workload, Subject] => [workload, subject]));
}

/**
 * Shows what both generators measure of each server, in turn. Says in one line why if that is impossible. Rejects if
 * a server or a generator fails.
 */
export async function crossCheck(
  source: string,
  suites: readonly Suite[],
  { warmup, seconds }: Extent,
  say: (line: string) => void,
): Promise<void> {
  if (!existsSync(source)) return say(`No cross-check: ${source} is not there; --wsload tells where it is.`);
  const folder = mkdtempSync(join(tmpdir(), "wsload-"));
  try {
    const binary = join(folder, "wsload");
    try {
      await run("gcc", ["-O2", "-o", binary, source, "-lz"]);
    } catch (error) {
      const [reason] = (error as Error).message.split("\n").filter((line) =>
        !line.startsWith("Command failed")
      );
      return say(`No cross-check: gcc does not compile ${source}: ${reason ?? (error as Error).message}`);
    }
    for (const [workload, subject] of pairs(suites)) {
      const own = await serverSample(subject, workload, { warmup, seconds });
      const { size } = workload;
      const order: Echo = { connections: 0, depth: 0, binary: 0, ...workload.order, size };
      const other = await otherSample(binary, subject, order, seconds);
      const ownPerCpu = own.messages / own.serverCpu;
      say(
        `${workload.title}; ${subject.title}: ${whole(ownPerCpu)} per CPU-second, ${
          whole(other.per_cpu_s)
        } in C ` +
          `(${(ownPerCpu / other.per_cpu_s).toFixed(2)}); ` +
          `${whole(own.messages / own.seconds)} per second, ${whole(other.per_s)} in C`,
      );
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}
