/** nginx or HAProxy as a child process, in a folder of its own. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import process from "node:process";

/** The proxies that the project publishes configurations for; each is the name of its Debian package too. */
export type ProxyName = "nginx" | "haproxy";

/** Finds a proxy: in PATH, or where Debian puts what only root has in PATH. */
export function findProxy(name: ProxyName): string | undefined {
  return [name, `/usr/sbin/${name}`].find((each) => spawnSync(each, ["-v"]).status === 0);
}

/** A folder for one process; its path is short, since it is to hold Unix sockets. */
export class Folder implements Disposable {
  readonly path: string = mkdtempSync(join(tmpdir(), "woshou-"));

  write(file: string, text: string): string {
    const path = join(this.path, file);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    return path;
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** The proxy ended before it was ready. */
export class StartError extends Error {}

/** A running proxy, and what it says. */
export class ProxyProcess implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #ended: Promise<void>;
  #over = false;
  #log = "";
  #wake: (() => void)[] = [];

  private constructor(program: string, args: readonly string[]) {
    this.#child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
    for (const stream of [this.#child.stdout!, this.#child.stderr!]) {
      stream.setEncoding("utf8");
      stream.on("data", (text: string) => {
        this.#log += text;
        this.#tell();
      });
    }
    this.#child.on("error", (error) => (this.#log += error.message));
    // Its workers have ended as well then: they hold the pipes.
    this.#ended = new Promise((resolve) => {
      this.#child.on("close", () => {
        this.#over = true;
        this.#tell();
        resolve();
      });
    });
  }

  /** Starts it, and waits until it says that it is ready. */
  static async start(program: string, args: readonly string[], ready: RegExp): Promise<ProxyProcess> {
    const proxy = new ProxyProcess(program, args);
    try {
      await proxy.until(ready);
    } catch (error) {
      await proxy[Symbol.asyncDispose]();
      throw new StartError((error as Error).message);
    }
    return proxy;
  }

  /** Whether it has ended. */
  get over(): boolean {
    return this.#over;
  }

  /** All that it has said so far. */
  get log(): string {
    return this.#log;
  }

  /** Waits until it has said this, `times` over. */
  async until(pattern: RegExp, times = 1): Promise<void> {
    const each = new RegExp(pattern, "g");
    while ((this.#log.match(each)?.length ?? 0) < times) {
      if (this.#over) throw new Error(`The proxy ended before it said ${pattern}: ${this.#log}`);
      await new Promise<void>((resolve) => this.#wake.push(resolve));
    }
  }

  signal(name: NodeJS.Signals): void {
    // Not by the child's own kill(), after which Deno reports no exit code.
    if (!this.#over) process.kill(this.#child.pid!, name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // There is no pid where there was no program.
    if (this.#child.pid !== undefined) this.signal("SIGTERM");
    await this.#ended;
  }

  #tell(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }
}
