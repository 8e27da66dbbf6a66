/** The processes that the soak and the chaos test are made of, and what the system tells of them. */
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { cpus } from "node:os";
import process from "node:process";
import { Teller } from "../../bench/harness/measure.ts";
import { collectedMemory } from "../../bench/harness/process_usage.ts";
import { packageVersion, projectRoot } from "../../bench/harness/project.ts";
import { runtime, type RuntimeName } from "../../bench/harness/runtimes.ts";
import type { Question } from "./speaking.ts";

/** Seconds that a program may take to start. */
const START_SECONDS = 30;
/** Open files that each process asks for. */
const WANTED_FILES = 65536;
const LIMITED = `ulimit -n ${WANTED_FILES} 2>/dev/null || ulimit -n "$(ulimit -H -n)"; `;

/** Where the runtimes stand, in the order of all tables. */
export const RUNTIMES: readonly RuntimeName[] = ["Node", "Deno", "Bun"];

/** How many files a process that is started here may have open. */
export function fileLimit(): number {
  const told = execFileSync("bash", ["-c", `${LIMITED} ulimit -n`], { encoding: "utf8" }).trim();
  return told === "unlimited" ? Infinity : Number(told);
}

/** A program of this folder that runs, and answers questions. */
export class Program implements AsyncDisposable {
  /** What the first line told. */
  readonly port: number;
  readonly pid: number;
  readonly #teller: Teller;

  private constructor(teller: Teller, port: number) {
    this.#teller = teller;
    this.port = port;
    this.pid = teller.child.pid!;
  }

  /** Starts a program, given without its ending, with as many open files as the system allows. */
  static async start(name: RuntimeName, program: string, options: unknown = {}): Promise<Program> {
    const command = runtime(name).run(`../tests/soak/${program}`);
    const teller = new Teller([
      "bash",
      "-c",
      `${LIMITED} exec "$@"`,
      "bash",
      ...command,
      JSON.stringify(options),
    ]);
    try {
      const { port } = await teller.line<{ port: number }>(START_SECONDS);
      return new Program(teller, port);
    } catch (error) {
      await teller.stop();
      throw error;
    }
  }

  /** Asks, and waits for the answer. */
  ask<T>(question: Question, seconds: number): Promise<T> {
    this.#teller.child.stdin!.write(`${JSON.stringify(question)}\n`);
    return this.#teller.line<T>(seconds);
  }

  /** What it printed besides answers. */
  get complaints(): string {
    return this.#teller.errors;
  }

  /** Bytes resident after a collection of garbage. */
  memory(): Promise<number> {
    return collectedMemory(this.pid);
  }

  /** Files and sockets that it has open. */
  files(): number {
    return readdirSync(`/proc/${this.pid}/fd`).length;
  }

  /** Ends it with SIGKILL, and waits until it is gone. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#teller.stop();
  }
}

/** Bytes as MiB. */
export function mebibytes(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(1);
}

/** With what all was measured, in one sentence. */
export function circumstances(): string {
  const git = (...args: string[]): string =>
    execFileSync("git", ["-C", projectRoot, ...args], { encoding: "utf8" }).trim();
  const commit = git("rev-parse", "--short", "HEAD");
  const changed = git("status", "--porcelain", "--untracked-files=no", "--", "src", "mod.ts") === ""
    ? ""
    : " with changes";
  const memory = /^MemTotal:\s*(\d+) kB/m.exec(readFileSync("/proc/meminfo", "latin1"))![1];
  const versions = RUNTIMES.map((name) => `${name} ${runtime(name).version}`).join(", ");
  return `Measured on ${
    new Date().toISOString().slice(0, 10)
  } at commit ${commit}${changed} of woshou ${packageVersion()}, on ${process.platform} ${process.arch} with ${cpus().length} cores (${
    cpus()[0]!.model
  }) and ${Math.round(Number(memory) / 2 ** 20)} GiB, shared with other work; ${versions}.`;
}
