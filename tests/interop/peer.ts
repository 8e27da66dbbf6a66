/** A peer: a child process with a WebSocket implementation that is not ours. */
import { type ChildProcess, spawn } from "node:child_process";
import process from "node:process";
import type { Launcher } from "../cli/support.ts";
import type { Order, Report, Visit } from "./peers/program.ts";

type Event = Report["event"];
/** Of two events that are told alike, `Extract` would find neither. */
type Of<Name extends Event> = Report & { event: Name };

// A peer that does not end when its input has is ended.
const PATIENCE = 10_000;

/** A running peer. */
export class Peer implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #end: Promise<void>;
  #over = false;
  #stderr = "";
  #reports: Report[] = [];
  #waiting: (() => void)[] = [];

  constructor([program, ...args]: Launcher) {
    const child = spawn(program, args, {
      stdio: ["pipe", "pipe", "pipe"],
      env: { ...process.env, NO_COLOR: "1" },
    });
    this.#child = child;
    let line = "";
    child.stdout.setEncoding("utf8");
    child.stdout.on("data", (text: string) => {
      const lines = (line + text).split("\n");
      line = lines.pop()!;
      this.#reports.push(...lines.map((each) => JSON.parse(each)));
      this.#wake();
    });
    child.stderr.setEncoding("utf8");
    child.stderr.on("data", (text: string) => (this.#stderr += text));
    child.stdin.on("error", () => {});
    child.on("error", (error) => (this.#stderr += error.message));
    this.#end = new Promise((resolve) => {
      child.on("close", () => {
        this.#over = true;
        this.#wake();
        resolve();
      });
    });
  }

  /** Whether it may be told to do more. */
  get running(): boolean {
    return !this.#over;
  }

  /** Drops reports that no scenario has asked for, so that the next one does not take them for its own. */
  forget(): void {
    this.#reports = [];
  }

  /** Waits for the next report of this kind; throws if the peer ends, or was refused, before it. */
  async next<Name extends Event>(event: Name): Promise<Of<Name>> {
    for (;;) {
      const index = this.#reports.findIndex((report) => report.event === event);
      if (index !== -1) return this.#reports.splice(index, 1)[0] as Of<Name>;
      const refused = this.#reports.find((report) => report.event === "refused");
      if (refused !== undefined) throw new Error(`The peer was refused, it says: ${refused.message}`);
      if (this.#over) throw new Error(`The peer ended before it told of "${event}": ${this.#stderr}`);
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  order(order: Order | Visit): void {
    this.#child.stdin!.write(`${JSON.stringify(order)}\n`);
  }

  /** Ends the process as it stands, as a crash would. */
  async kill(): Promise<void> {
    // Not by the child's own kill(), after which Deno reports no exit code.
    if (!this.#over) process.kill(this.#child.pid!, "SIGKILL");
    await this.#end;
  }

  /** Ends its standard input, at which it ends by itself. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.stdin!.end();
    const timer = setTimeout(() => void this.kill(), PATIENCE);
    await this.#end;
    clearTimeout(timer);
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
