/** Runs every subject under every workload, in turn, for several rounds. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import process from "node:process";
import { createInterface } from "node:readline";
import type { Job, Sample } from "../load/job.ts";
import { openFilesLimit } from "./process_usage.ts";
import { runtime } from "./runtimes.ts";
import type { Subject, Suite, Workload } from "./suite.ts";
import { yardstick } from "./yardstick.ts";

/** Durations. */
export interface Span {
  /** Seconds of load before the measured span. */
  readonly warmup: number;
  /** Seconds of the measured span. */
  readonly seconds: number;
}

/** Durations and number of rounds. */
export interface Extent extends Span {
  readonly rounds: number;
}

/** The results of one subject under one workload. */
export interface Result {
  readonly workload: Workload;
  readonly subject: Subject;
  /** One per round. */
  readonly samples: Sample[];
  /** CPU milliseconds of a fixed piece of work before each sample. */
  readonly yardsticks: number[];
  /** Why the measurement stopped. */
  failure?: string;
}

/** Additional time that a process may take to start and to finish. */
const START_SECONDS = 30;

/** A process that prints lines of JSON. */
export class Teller {
  readonly child: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  readonly #exited: Promise<unknown>;
  #errors = "";

  constructor([command, ...args]: readonly [string, ...string[]], env: Record<string, string> = {}) {
    this.child = spawn(command, args, {
      stdio: ["pipe", "pipe", "pipe"],
      env: { ...process.env, NO_COLOR: "1", ...env },
    });
    this.child.stderr!.setEncoding("utf8").on("data", (text: string) => this.#errors += text);
    // A command that cannot be started does not exit; without a listener its error would end the bench.
    this.child.on("error", (error) => this.#errors += error.message);
    this.#exited = once(this.child, "close").catch(() => {});
    this.#lines = createInterface({ input: this.child.stdout! })[Symbol.asyncIterator]();
  }

  async line<T>(seconds: number): Promise<T> {
    const timer = setTimeout(() => {
      this.#errors += `It said nothing for ${seconds} seconds.`;
      this.child.kill("SIGKILL");
    }, seconds * 1000);
    try {
      const { value, done } = await this.#lines.next();
      if (done !== true) return JSON.parse(value);
    } finally {
      clearTimeout(timer);
    }
    await this.#exited;
    throw new Error(this.errors || "It ended without a word.");
  }

  /** What it printed to stderr. */
  get errors(): string {
    return this.#errors.trim();
  }

  async stop(): Promise<void> {
    this.child.kill("SIGKILL");
    await this.#exited;
  }

  /** Lets it finish after its input has ended. */
  async end(): Promise<void> {
    const timer = setTimeout(() => this.child.kill("SIGKILL"), START_SECONDS * 1000);
    this.child.stdin!.end();
    await this.#exited;
    clearTimeout(timer);
  }
}

/** Files that a process may have open besides its connections. */
const SPARE_FILES = 100;

/** Starts a subject, with these runtime options and this environment, and returns where it listens. */
export async function startServer(
  { runtime: name, program, root }: Subject,
  options: readonly string[] = [],
  env: Record<string, string> = {},
): Promise<[Teller, { port: number }]> {
  const server = new Teller(runtime(name).run(program, options, root), env);
  try {
    return [server, await server.line<{ port: number }>(START_SECONDS)];
  } catch (error) {
    await server.stop();
    throw error;
  }
}

/** Starts the load generator of a workload. */
export function generator(workload: Workload, job: Job): Teller {
  const wanted = workload.connections + SPARE_FILES;
  if (openFilesLimit() < wanted) {
    throw new Error(
      `It takes ${wanted} open files; "ulimit -n" allows ${openFilesLimit()}. Raise that first.`,
    );
  }
  const [command, ...args] = runtime("Node").run(`load/${workload.load}`);
  return new Teller([command, ...args, JSON.stringify({ ...job, ...workload.order })]);
}

/** One sample of a server, in a new process: memory peaks and compiled code are not shared between workloads. */
export async function serverSample(subject: Subject, workload: Workload, span: Span): Promise<Sample> {
  const [server, { port }] = await startServer(subject);
  try {
    return await loadServer(server, port, subject, workload, span);
  } finally {
    await server.stop();
  }
}

/** Puts load on a running server. `begun` is called when the measured span begins. */
export async function loadServer(
  server: Teller,
  port: number,
  { bare = false }: Subject,
  workload: Workload,
  { warmup, seconds }: Span,
  begun?: () => void,
): Promise<Sample> {
  const tellsOfSpan = begun !== undefined;
  const load = generator(workload, { port, bare, pid: server.child.pid!, warmup, seconds, tellsOfSpan });
  try {
    if (begun !== undefined) {
      await load.line(START_SECONDS + warmup);
      begun();
    }
    return await load.line<Sample>(START_SECONDS + warmup + seconds);
  } catch (error) {
    throw new Error(`${(error as Error).message} ${server.errors}`.trim());
  } finally {
    await load.stop();
  }
}

/** One sample of a client: the generator is the server, and gets the client's process id. */
async function clientSample(
  subject: Subject,
  workload: Workload,
  { warmup, seconds }: Span,
): Promise<Sample> {
  const load = generator(workload, { port: 0, bare: false, pid: 0, warmup, seconds });
  try {
    const { port } = await load.line<{ port: number }>(START_SECONDS);
    const [command, ...args] = runtime(subject.runtime).run(subject.program, [], subject.root);
    const client = new Teller([command, ...args, String(port)]);
    try {
      load.child.stdin!.write(`${client.child.pid}\n`);
      return await Promise.race([
        load.line<Sample>(START_SECONDS + warmup + seconds),
        client.line<never>(START_SECONDS + warmup + seconds),
      ]);
    } finally {
      await client.stop();
    }
  } finally {
    await load.stop();
  }
}

/** Runs the measurements and prints progress. A subject that fails under a workload is skipped from then on. */
export async function measure(
  { side, figure, subjects, workloads }: Suite,
  extent: Extent,
  progress: (line: string) => void,
): Promise<Result[]> {
  const results: Result[] = workloads.flatMap((workload) =>
    subjects.map((subject) => ({ workload, subject, samples: [], yardsticks: [] }))
  );
  const steps = extent.rounds * results.length;
  let step = 0;
  for (let round = 0; round < extent.rounds; round++) {
    for (const workload of workloads) {
      const inTurn = results.filter((result) => result.workload === workload);
      // Each round starts with another subject, so that none is always first or always follows the same one.
      for (let turn = 0; turn < inTurn.length; turn++) {
        const result = inTurn[(turn + round) % inTurn.length]!;
        step++;
        if (result.failure !== undefined) continue;
        const { subject } = result;
        let outcome: string;
        try {
          const stick = yardstick();
          const { warmup = extent.warmup } = workload;
          const sampled = side === "server" ? serverSample : clientSample;
          const sample = await sampled(subject, workload, { ...extent, warmup });
          result.samples.push(sample);
          result.yardsticks.push(stick);
          outcome = `${figure.text(figure.of(sample))} ${figure.title}`;
        } catch (error) {
          result.failure = error instanceof Error ? error.message : String(error);
          outcome = `FAILED: ${result.failure}`;
        }
        progress(`[${step}/${steps}] ${workload.title}; ${subject.title}: ${outcome}`);
      }
    }
  }
  return results;
}
