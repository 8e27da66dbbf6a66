/** Every subject under every workload, in turn, for some rounds. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import process from "node:process";
import { createInterface } from "node:readline";
import type { Job, Sample } from "../load/job.ts";
import { runtime } from "./runtimes.ts";
import type { Subject, Suite, Workload } from "./suite.ts";

/** How long and how often. */
export interface Extent {
  readonly rounds: number;
  /** Seconds of load before the measured span. */
  readonly warmup: number;
  /** Seconds of the measured span. */
  readonly seconds: number;
}

/** What one subject did under one workload. */
export interface Result {
  readonly workload: Workload;
  readonly subject: Subject;
  /** One for each round. */
  readonly samples: Sample[];
  /** Why it was not measured any further. */
  failure?: string;
}

/** What a process may take to start, and to end its work, besides the time it was given. */
const START_SECONDS = 30;

/** A process that prints one line of JSON once it has something to say. */
class Teller {
  readonly child: ChildProcess;
  readonly #exited: Promise<unknown>;
  #errors = "";

  constructor([command, ...args]: readonly [string, ...string[]]) {
    this.child = spawn(command, args, {
      stdio: ["pipe", "pipe", "pipe"],
      env: { ...process.env, NO_COLOR: "1" },
    });
    this.child.stderr!.setEncoding("utf8").on("data", (text: string) => this.#errors += text);
    // A command that cannot be run has no exit; without a listener its error would end the bench.
    this.child.on("error", (error) => this.#errors += error.message);
    this.#exited = once(this.child, "close").catch(() => {});
  }

  async line<T>(seconds: number): Promise<T> {
    const timer = setTimeout(() => {
      this.#errors += `It said nothing for ${seconds} seconds.`;
      this.child.kill("SIGKILL");
    }, seconds * 1000);
    try {
      for await (const line of createInterface({ input: this.child.stdout! })) return JSON.parse(line);
    } finally {
      clearTimeout(timer);
    }
    await this.#exited;
    throw new Error(this.#errors.trim() || "It ended without a word.");
  }

  async stop(): Promise<void> {
    this.child.kill("SIGKILL");
    await this.#exited;
  }
}

async function sampled(subject: Subject, workload: Workload, { warmup, seconds }: Extent): Promise<Sample> {
  // A process for each sample: no peak of memory and no compiled code is another workload's.
  const server = new Teller(runtime(subject.runtime).run(`servers/${subject.server}`));
  try {
    const { port } = await server.line<{ port: number }>(START_SECONDS);
    const job: Job = { port, pid: server.child.pid!, warmup, seconds };
    const [command, ...args] = runtime("Node").run(`load/${workload.load}`);
    const load = new Teller([command, ...args, JSON.stringify({ ...job, ...workload.order })]);
    try {
      return await load.line<Sample>(START_SECONDS + warmup + seconds);
    } finally {
      await load.stop();
    }
  } finally {
    await server.stop();
  }
}

/** Messages that the server answered for each second of its CPU. */
export function perCpuSecond(sample: Sample): number {
  return sample.messages / sample.serverCpu;
}

/**
 * Measures. A subject that fails under a workload is left out of it from then on. Tells its progress line by line.
 */
export async function measure(
  { subjects, workloads }: Suite,
  extent: Extent,
  progress: (line: string) => void,
): Promise<Result[]> {
  const results: Result[] = workloads.flatMap((workload) =>
    subjects.map((subject) => ({ workload, subject, samples: [] }))
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
          const sample = await sampled(subject, workload, extent);
          result.samples.push(sample);
          outcome = `${Math.round(perCpuSecond(sample)).toLocaleString("en")} per CPU-second`;
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
