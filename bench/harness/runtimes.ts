/** The runtimes that servers run on: this Node, and the Deno and the Bun of `tests/runtimes`. */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { projectRoot } from "./project.ts";

/** What a server can run on. */
export type RuntimeName = "Node" | "Deno" | "Bun";

/** A runtime that is there. */
export interface Runtime {
  readonly version: string;
  /**
   * The command and its arguments that run a file of `bench/`, given without its ending, with options of the runtime's.
   * The `root` is the folder that `bench/` is in, this project's by default.
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
    // Node 20 has a WebSocket of its own behind this flag; later ones take the flag and need it no more.
    run: (file, options = [], root = projectRoot) => [
      process.execPath,
      "--experimental-websocket",
      ...options,
      join(root, ".build", "bench", `${file}.js`),
    ],
  }),
  Deno: () => {
    // npm's "deno" is a script that starts the real one, whose process is the one to be measured.
    const script = "console.log(JSON.stringify([Deno.execPath(), Deno.version.deno]))";
    const told = execFileSync(installed("deno"), ["eval", script], { encoding: "utf8" });
    const [path, version] = JSON.parse(told);
    // Nothing but the network, and the files of packages that are imported by a name that is no literal.
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

/** The runtime of a name. Throws when it is not installed. */
export function runtime(name: RuntimeName): Runtime {
  let result = found.get(name);
  if (result === undefined) found.set(name, result = finders[name]());
  return result;
}
