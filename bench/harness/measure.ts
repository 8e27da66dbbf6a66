/** Every subject under every workload, in turn, for some rounds. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import process from "node:process";
import { createInterface } from "node:readline";
import type { Job, Sample } from "../load/job.ts";
import { openFilesLimit } from "./process_usage.ts";
import { runtime } from "./runtimes.ts";
import type { Subject, Suite, Workload } from "./suite.ts";
import { yardstick } from "./yardstick.ts";

/** How long. */
export interface Span {
  /** Seconds of load before the measured span. */
  readonly warmup: number;
  /** Seconds of the measured span. */
  readonly seconds: number;
}

/** How long and how often. */
export interface Extent extends Span {
  readonly rounds: number;
}

/** What one subject did under one workload. */
export interface Result {
  readonly workload: Workload;
  readonly subject: Subject;
  /** One for each round. */
  readonly samples: Sample[];
  /** Milliseconds of CPU that a fixed piece of work took before each sample. */
  readonly yardsticks: number[];
  /** Why it was not measured any further. */
  failure?: string;
}

/** What a process may take to start, and to end its work, besides the time it was given. */
const START_SECONDS = 30;

/** A process that prints a line of JSON whenever it has something to say. */
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
    // A command that cannot be run has no exit; without a listener its error would end the bench.
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

  /** What it has complained of. */
  get errors(): string {
    return this.#errors.trim();
  }

  async stop(): Promise<void> {
    this.child.kill("SIGKILL");
    await this.#exited;
  }

  /** Lets it end by itself, as its input does. */
  async end(): Promise<void> {
    const timer = setTimeout(() => this.child.kill("SIGKILL"), START_SECONDS * 1000);
    this.child.stdin!.end();
    await this.#exited;
    clearTimeout(timer);
  }
}

/** What a process may have open besides its connections. */
const SPARE_FILES = 100;

/** A subject that has been started, with these options of its runtime and this environment, and where it listens. */
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

/** The load generator of a workload, started. */
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

/** One sample of a server. Each has a process of its own: no peak of memory and no compiled code is another workload's. */
export async function serverSample(subject: Subject, workload: Workload, span: Span): Promise<Sample> {
  const [server, { port }] = await startServer(subject);
  try {
    return await loadServer(server, port, subject, workload, span);
  } finally {
    await server.stop();
  }
}

/** Loads a server that has been started. `begun` is called when the measured span begins. */
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

/** One sample of a client: the generator is the server, and is told of the process when it has come. */
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

/**
 * Measures. A subject that fails under a workload is left out of it from then on. Tells its progress line by line.
 */
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
      // Each round begins with another subject, so that none is always the first or after the same one.
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
