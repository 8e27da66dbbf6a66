/** The runtimes that the server under test runs on. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { type Launcher, ownLauncher } from "../cli/support.ts";
import { projectRoot } from "../fixtures.ts";

const windows = process.platform === "win32";

/** One runtime, and how the command line starts on it; nothing where it is not installed. */
export interface ServerRuntime {
  readonly name: string;
  readonly launcher: Launcher | undefined;
}

/** This Node, and the Deno and Bun of tests/runtimes. The suite runs on each Node that is supported. */
export function serverRuntimes(): ServerRuntime[] {
  const main = join(projectRoot, "src", "cli", "main.ts");
  const deno = programOf("deno", ["eval", "console.log(Deno.execPath())"]);
  const bun = programOf("bun", ["-e", "console.log(process.execPath)"]);
  return [
    { name: `Node ${process.version}`, launcher: ownLauncher() },
    { name: "Deno", launcher: deno === undefined ? undefined : [deno, "run", "--allow-net", main] },
    { name: "Bun", launcher: bun === undefined ? undefined : [bun, main] },
  ];
}

/** Asks the runtime itself: what npm puts in .bin may be a script in between, which no signal passes. */
function programOf(name: string, question: readonly string[]): string | undefined {
  const folder = process.env["WOSHOU_RUNTIMES"] ?? join(projectRoot, "tests", "runtimes");
  const program = join(folder, "node_modules", ".bin", windows ? `${name}.cmd` : name);
  if (!existsSync(program)) return undefined;
  const { status, stdout } = spawnSync(program, question, { encoding: "utf8", shell: windows });
  return status === 0 ? stdout.trim() : undefined;
}
