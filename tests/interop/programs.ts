/** The programs that peers run on: this very runtime, those of tests/runtimes, and the system's Python. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import type { Launcher } from "../cli/support.ts";
import { projectRoot } from "../fixtures.ts";
import { runtime } from "../harness.ts";

/** How a peer is started, or why it cannot be. */
export type Start = { readonly launcher: Launcher } | { readonly missing: string };

const windows = process.platform === "win32";

function answerOf(program: string, args: readonly string[], shell = false): string | undefined {
  const { status, stdout } = spawnSync(program, args, { encoding: "utf8", shell });
  return status === 0 ? stdout.trim() : undefined;
}

/** Asks the runtime itself: what npm puts in .bin may be a script in between, which no signal passes. */
function fromRuntimes(name: string, question: readonly string[]): string | undefined {
  const folder = process.env["WOSHOU_RUNTIMES"] ?? join(projectRoot, "tests", "runtimes");
  const program = join(folder, "node_modules", ".bin", windows ? `${name}.cmd` : name);
  return existsSync(program) ? answerOf(program, question, windows) : undefined;
}

function peer(file: string): string {
  return join(projectRoot, "tests", "interop", "peers", file);
}

/** A peer on a Node that runs TypeScript. */
export function onNode(file: string, ...args: string[]): Start {
  const own = runtime === "node" && (process.features as { typescript?: unknown }).typescript;
  const node = own ? process.execPath : fromRuntimes("node", ["-p", "process.execPath"]);
  return node === undefined
    ? { missing: "there is no Node in tests/runtimes that runs TypeScript" }
    : { launcher: [node, peer(file), ...args] };
}

/** A peer on Deno. */
export function onDeno(file: string, ...args: string[]): Start {
  const deno = runtime === "deno"
    ? process.execPath
    : fromRuntimes("deno", ["eval", "console.log(Deno.execPath())"]);
  return deno === undefined ? { missing: "there is no Deno in tests/runtimes" } : {
    launcher: [deno, "run", "--no-check", "--allow-net", `--cert=${authorityFile}`, peer(file), ...args],
  };
}

/** The file with the authority of the tests' certificates. */
export const authorityFile: string = join(projectRoot, "tests", "fixtures", "tls", "ca.pem");

/** A peer on Bun. */
export function onBun(file: string, ...args: string[]): Start {
  const bun = runtime === "bun"
    ? process.execPath
    : fromRuntimes("bun", ["-e", "console.log(process.execPath)"]);
  return bun === undefined
    ? { missing: "there is no Bun in tests/runtimes" }
    : { launcher: [bun, peer(file), ...args] };
}

/** A peer on the first Python that has these modules: the one in PATH, or the system's, which apt installs for. */
export function onPython(modules: readonly string[], file: string, ...args: string[]): Start {
  const python = ["python3", "/usr/bin/python3"].find((each) =>
    answerOf(each, ["-c", `import ${modules.join(", ")}`]) !== undefined
  );
  const packages = modules.map((each) => `python3-${each}`).join(", ");
  return python === undefined
    ? { missing: `there is no Python 3 with ${modules.join(" and ")}; Debian's packages: ${packages}` }
    : { launcher: [python, peer(file), ...args] };
}
