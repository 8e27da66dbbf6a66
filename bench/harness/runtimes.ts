/** The runtimes of the servers: this Node, and the Deno and Bun of `tests/runtimes`. */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { projectRoot } from "./project.ts";

/** What a server can run on. */
export type RuntimeName = "Node" | "Deno" | "Bun";

/** An installed runtime. */
export interface Runtime {
  readonly version: string;
  /**
   * The command and arguments to run a file of `bench/` (without extension) with these runtime options. `root` is the
   * folder that contains `bench/`, by default this project's.
   */
  run(file: string, options?: readonly string[], root?: string): [string, ...string[]];
}

function installed(name: string): string {
  const binary = join(projectRoot, "tests", "runtimes", "node_modules", ".bin", name);
  if (!existsSync(binary)) {
    throw new Error(`${binary} is not there; "npm ci" in tests/runtimes installs it.`);
  }
  return binary;
}

function source(file: string, root: string): string {
  return join(root, "bench", `${file}.ts`);
}

const finders: Record<RuntimeName, () => Runtime> = {
  Node: () => ({
    version: process.versions.node,
    // Node 20 has its own WebSocket behind this flag; later versions accept and ignore it.
    run: (file, options = [], root = projectRoot) => [
      process.execPath,
      "--experimental-websocket",
      ...options,
      join(root, ".build", "bench", `${file}.js`),
    ],
  }),
  Deno: () => {
    // npm's "deno" is a script that starts the real one, whose process must be measured.
    const script = "console.log(JSON.stringify([Deno.execPath(), Deno.version.deno]))";
    const told = execFileSync(installed("deno"), ["eval", script], { encoding: "utf8" });
    const [path, version] = JSON.parse(told);
    // Only the network, and the files of packages imported by a computed name.
    const allowed = ["--allow-net", `--allow-read=${projectRoot}`];
    return {
      version,
      run: (file, options = [], root = projectRoot) => [
        path,
        "run",
        "--no-check",
        ...allowed,
        ...options,
        source(file, root),
      ],
    };
  },
  Bun: () => {
    const path = installed("bun");
    const version = execFileSync(path, ["--version"], { encoding: "utf8" }).trim();
    return {
      version,
      run: (file, options = [], root = projectRoot) => [path, ...options, source(file, root)],
    };
  },
};

const found = new Map<RuntimeName, Runtime>();

/** The runtime with this name. Throws if it is not installed. */
export function runtime(name: RuntimeName): Runtime {
  let result = found.get(name);
  if (result === undefined) found.set(name, result = finders[name]());
  return result;
}
