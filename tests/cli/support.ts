/** The command line as a child process, on the runtime that runs the test or on another. */
import { type ChildProcess, spawn } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { runtime } from "../harness.ts";

/** A program, and the arguments that come before the command line's own. */
export type Launcher = readonly [program: string, ...args: string[]];

/** Starts the command line on this very runtime; on Deno with the one permission that it may need. */
export function ownLauncher(): Launcher {
  // Compiled tests are next to the compiled program, the others next to its source.
  const main = fileURLToPath(new URL("../../src/cli/main", import.meta.url));
  if (runtime === "node") return [process.execPath, `${main}.js`];
  return runtime === "deno"
    ? [process.execPath, "run", "--allow-net", `${main}.ts`]
    : [process.execPath, `${main}.ts`];
}

/** How a child ended. */
export interface Ending {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A `woshou serve` that listens. */
export class Cli implements AsyncDisposable {
  readonly #child: ChildProcess;
  #over = false;
  /** The line that it printed. */
  readonly line: string;
  /** Its address for WebSockets. */
  readonly url: string;
  readonly port: number;
  /** Resolves when it has ended. */
  readonly ended: Promise<Ending>;

  constructor(child: ChildProcess, line: string, ended: Promise<Ending>) {
    this.#child = child;
    this.line = line;
    this.url = /ws:\/\/[^\s)]+/.exec(line)?.[0] ?? "";
    this.port = Number(new URL(this.url).port);
    this.ended = ended;
    void ended.then(() => (this.#over = true));
  }

  signal(name: NodeJS.Signals): void {
    // Not by the child's own kill(), after which Deno reports no exit code.
    if (!this.#over) process.kill(this.#child.pid!, name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.ended;
  }
}

interface Started {
  readonly child: ChildProcess;
  /** Resolves with the first line, or with nothing if it ends before it has printed one. */
  readonly firstLine: Promise<string | undefined>;
  readonly ended: Promise<Ending>;
}

function start([program, ...before]: Launcher, args: readonly string[], input?: string): Started {
  const child = spawn(program, [...before, ...args], {
    stdio: ["pipe", "pipe", "pipe"],
    env: { ...process.env, NO_COLOR: "1" },
  });
  // It may end before it has read everything.
  child.stdin.on("error", () => {});
  if (input === undefined) child.stdin.end();
  else child.stdin.write(input);
  let [stdout, stderr] = ["", ""];
  child.stdout.setEncoding("utf8");
  child.stderr.setEncoding("utf8");
  child.stderr.on("data", (text: string) => (stderr += text));
  let spawnError: Error | undefined;
  child.on("error", (error) => (spawnError = error));
  const ended = new Promise<Ending>((resolve) => {
    child.on("close", (code) => resolve({ code, stdout, stderr: stderr + (spawnError?.message ?? "") }));
  });
  const firstLine = new Promise<string | undefined>((resolve) => {
    child.stdout.on("data", (text: string) => {
      stdout += text;
      if (stdout.includes("\n")) resolve(stdout.slice(0, stdout.indexOf("\n")));
    });
    void ended.then(() => resolve(undefined));
  });
  return { child, firstLine, ended };
}

/** Runs the command line to its end; with `input` on its stdin, which stays open then. */
export async function runCli(
  args: readonly string[],
  launcher: Launcher = ownLauncher(),
  input?: string,
): Promise<Ending> {
  const { child, ended } = start(launcher, args, input);
  const ending = await ended;
  child.stdin?.destroy();
  return ending;
}

/** Starts `woshou serve` on a free port and waits until it listens. */
export async function spawnCli(
  args: readonly string[] = [],
  launcher: Launcher = ownLauncher(),
): Promise<Cli> {
  const { child, firstLine, ended } = start(launcher, ["serve", "--port", "0", ...args]);
  const line = await firstLine;
  if (line === undefined) {
    const { code, stderr } = await ended;
    throw new Error(`woshou serve ended with ${code} before it listened: ${stderr}`);
  }
  return new Cli(child, line, ended);
}
