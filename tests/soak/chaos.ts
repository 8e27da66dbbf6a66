/** `npm run chaos`: a server, clients that come back, and a network that mistreats both. `--help` lists the options. */
import process from "node:process";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import type { RuntimeName } from "../../bench/harness/runtimes.ts";
import { Audit, emptyVerdict, type Verdict } from "./audit.ts";
import type { ClientsReport } from "./chaos_clients.ts";
import { ChaosRelay, type Fate } from "./chaos_relay.ts";
import type { ServerReport } from "./chaos_server.ts";
import { table, whole, writeBetweenMarkers } from "./document.ts";
import { growth } from "./growth.ts";
import { circumstances, mebibytes, Program, RUNTIMES } from "./processes.ts";

/** Seconds that a round lasts before the network becomes calm. */
const ROUND = 10;
/** Seconds in which all must have settled after that. */
const PATIENCE = 30;
/** The number of milliseconds that each end may rest between two things that it does. */
const REST = 120;
/** MiB by which a process may have grown from the end of its second round to that of its last. */
const MAY_GROW = 32;

const USAGE = `npm run chaos -- [options]
  --seconds N      how long in all (default 180)
  --clients N      clients at a time (default 40)
  --seed N         does as an earlier run did, as far as the time of things allows (default: a new one)
  --pairs PAIRS    "rotated": each runtime once as server and once as client (default); "all": each with each;
                   or pairs such as Node-Deno,Bun-Bun, the server's runtime first
  --write          write the section of docs/RELIABILITY.md anew
  --help           show this`;

type Pair = readonly [server: RuntimeName, clients: RuntimeName];

interface Options {
  readonly seconds: number;
  readonly clients: number;
  readonly seed: number;
  readonly pairs: readonly Pair[];
  readonly write: boolean;
}

/** What one pair of runtimes has come to. */
interface Outcome {
  readonly pair: Pair;
  readonly verdict: Verdict;
  rounds: number;
  attempts: number;
  readonly memory: { readonly server: number[]; readonly clients: number[] };
}

function pairsOf(text: string): Pair[] {
  if (text === "all") return RUNTIMES.flatMap((server) => RUNTIMES.map((clients): Pair => [server, clients]));
  if (text === "rotated") return RUNTIMES.map((server, i): Pair => [server, RUNTIMES[(i + 1) % 3]!]);
  return text.split(",").map((pair): Pair => {
    const [server, clients, ...more] = pair.split("-").map((name) => RUNTIMES.find((each) => each === name));
    if (server !== undefined && clients !== undefined && more.length === 0) return [server, clients];
    throw new RangeError(`--pairs does not know "${pair}".`);
  });
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (value > 0) return value;
  throw new RangeError(`--${name} wants a number above 0, not "${text}".`);
}

function commandLine(): Options | undefined {
  const { values } = parseArgs({
    options: {
      seconds: { type: "string", default: "180" },
      clients: { type: "string", default: "40" },
      seed: { type: "string", default: String(Date.now() % 1_000_000) },
      pairs: { type: "string", default: "rotated" },
      write: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return undefined;
  return {
    seconds: positive("seconds", values.seconds),
    clients: positive("clients", values.clients),
    seed: positive("seed", values.seed),
    pairs: pairsOf(values.pairs),
    write: values.write,
  };
}

const limits = {
  heartbeat: { interval: 400, timeout: 800 },
  closeTimeout: 600,
  handshakeTimeout: 1000,
  maxBufferedAmount: 4 * 2 ** 20,
};

class Match {
  readonly outcome: Outcome;
  readonly #server: Program;
  readonly #clients: Program;
  readonly #relay: ChaosRelay;
  readonly #options: Options;
  /** Open files of both processes at the end of the first round. */
  #files: readonly [number, number] | undefined;

  constructor(pair: Pair, server: Program, clients: Program, relay: ChaosRelay, options: Options) {
    this.outcome = {
      pair,
      verdict: emptyVerdict(),
      rounds: 0,
      attempts: 0,
      memory: { server: [], clients: [] },
    };
    this.#server = server;
    this.#clients = clients;
    this.#relay = relay;
    this.#options = options;
  }

  #violation(text: string): void {
    this.outcome.verdict.violations.push(text);
  }

  async round(seed: number): Promise<void> {
    const { outcome } = this;
    this.#relay.rage(seed);
    // Every other round goes without compression, for it is the clients that ask for it.
    const compression = outcome.rounds++ % 2 === 0 ? { mode: "context-takeover", threshold: 100 } : false;
    const options = {
      url: `ws://127.0.0.1:${this.#relay.port}/`,
      seed,
      clients: this.#options.clients,
      rest: REST,
      connect: { ...limits, compression },
    };
    await this.#clients.ask({ do: "begin", options }, PATIENCE);
    await delay(ROUND * 1000);
    this.#relay.becomeCalm();
    await this.#server.ask({ do: "calm" }, PATIENCE);
    const patience = PATIENCE * 1000;
    const clients = await this.#clients.ask<ClientsReport>({ do: "report", patience }, 2 * PATIENCE);
    const ask = { do: "report", patience, nextSeed: seed + 1 };
    const server = await this.#server.ask<ServerReport>(ask, 2 * PATIENCE);
    this.#check(server, clients);
    await this.#measure();
  }

  #check(server: ServerReport, clients: ClientsReport): void {
    for (const problem of [...server.problems, ...clients.problems]) this.#violation(problem);
    if (server.left > 0) this.#violation(`the server has ${server.left} connections left`);
    if (server.pending !== "") this.#violation(`not settled on the server: ${server.pending}`);
    if (clients.pending !== "") this.#violation(`not settled with the clients: ${clients.pending}`);
    const audit = new Audit(
      this.outcome.verdict,
      [...server.accounts, ...clients.accounts],
      this.#relay.deceived,
    );
    audit.connections();
    for (const queue of clients.queues) {
      audit.queue(queue);
      if (queue.unsent.length > 0) {
        this.#violation(`client ${queue.client} did not send all over a calm network`);
      }
    }
    this.outcome.attempts += clients.attempts;
  }

  async #measure(): Promise<void> {
    const { memory } = this.outcome;
    for (let i = 0; i < 50 && this.#relay.size > 0; i++) await delay(20);
    memory.server.push(await this.#server.memory());
    memory.clients.push(await this.#clients.memory());
    const files = [this.#server.files(), this.#clients.files()] as const;
    this.#files ??= files;
    const more = files.map((count, i) => count - this.#files![i]!);
    if (more.some((count) => count > 0)) {
      this.#violation(`${more.join(" and ")} more files are open than before`);
    }
  }

  end(): void {
    for (const [who, samples] of Object.entries(this.outcome.memory)) {
      // The first round is when code is compiled and pools are filled.
      const more = growth(samples.slice(1));
      if (more > MAY_GROW * 2 ** 20) this.#violation(`the ${who} grew by ${mebibytes(more)} MiB`);
    }
    for (const program of [this.#server, this.#clients]) {
      if (program.complaints !== "") this.#violation(`it was printed: ${program.complaints.slice(0, 500)}`);
    }
  }
}

async function play(pair: Pair, options: Options, seed: number, fates: Map<Fate, number>): Promise<Outcome> {
  const [serverRuntime, clientRuntime] = pair;
  const serve = { ...limits, compression: { mode: "context-takeover", threshold: 100 } };
  await using server = await Program.start(serverRuntime, "chaos_server_process", {
    seed,
    leaves: true,
    rest: REST,
    serve,
  });
  await using clients = await Program.start(clientRuntime, "chaos_clients_process");
  const relay = await ChaosRelay.listen({ port: server.port, seed });
  const match = new Match(pair, server, clients, relay, options);
  const { outcome } = match;
  const end = performance.now() + options.seconds * 1000 / options.pairs.length;
  try {
    do {
      const before = outcome.verdict.violations.length;
      await match.round(seed + outcome.rounds);
      const { verdict } = outcome;
      console.log(
        `server on ${serverRuntime}, clients on ${clientRuntime}, round ${outcome.rounds}: ` +
          `${verdict.connections} connections, ${whole(verdict.accepted)} messages; ${
            mebibytes(outcome.memory.server.at(-1)!)
          } and ${mebibytes(outcome.memory.clients.at(-1)!)} MiB`,
      );
      for (const violation of verdict.violations.slice(before, before + 10)) {
        console.log(`  VIOLATION: ${violation}`);
      }
    } while (performance.now() < end);
    match.end();
    await server.ask({ do: "shutdown", deadline: 5000 }, PATIENCE);
  } finally {
    await relay.close();
    for (const [fate, count] of relay.fates) fates.set(fate, (fates.get(fate) ?? 0) + count);
  }
  return outcome;
}

function resultsOf(outcomes: readonly Outcome[], fates: ReadonlyMap<Fate, number>): string {
  const memory = (samples: readonly number[]): string =>
    `${mebibytes(samples[1] ?? samples[0]!)} → ${mebibytes(samples.at(-1)!)}`;
  const columns: [string, (outcome: Outcome) => string | number][] = [
    ["rounds", ({ rounds }) => rounds],
    ["attempts to connect", ({ attempts }) => whole(attempts)],
    ["connections", ({ verdict }) => whole(verdict.connections)],
    ["ends that were clean", ({ verdict }) => whole(verdict.clean)],
    ["messages accepted", ({ verdict }) => whole(verdict.accepted)],
    ["delivered", ({ verdict }) => whole(verdict.delivered)],
    ["lost, and `Close` said so", ({ verdict }) => whole(verdict.reported)],
    ["lost, and the promise rejected", ({ verdict }) => whole(verdict.rejected)],
    ["lost, and counted in `dropped`", ({ verdict }) => whole(verdict.dropped)],
    ["not read by a receiver that left", ({ verdict }) => whole(verdict.unread)],
    ["lost by a false orderly end", ({ verdict }) => whole(verdict.unknowable)],
    ["**lost silently, duplicated, out of order**", ({ verdict }) => whole(verdict.violations.length)],
    ["server, MiB", (outcome) => memory(outcome.memory.server)],
    ["clients, MiB", (outcome) => memory(outcome.memory.clients)],
  ];
  const heads = ["server, clients", ...outcomes.map(({ pair }) => pair.join(", "))];
  const met = [...fates].sort(([, a], [, b]) => b - a).map(([fate, count]) => `${fate} ${whole(count)}`);
  return `${
    table([heads, ...columns.map(([head, cell]) => [head, ...outcomes.map(cell)])])
  }\n\nFaults injected by the relay: ${met.join(", ")}.`;
}

async function main(): Promise<void> {
  let options: Options | undefined;
  try {
    options = commandLine();
    if (process.platform !== "linux") throw new Error("This reads /proc, and so runs on Linux only.");
  } catch (error) {
    console.error((error as Error).message);
    process.exitCode = 2;
    return;
  }
  if (options === undefined) return console.log(USAGE);
  console.log(`seed ${options.seed}`);
  const fates = new Map<Fate, number>();
  const outcomes: Outcome[] = [];
  for (const pair of options.pairs) {
    outcomes.push(await play(pair, options, options.seed + 1000 * outcomes.length, fates));
  }
  const results = resultsOf(outcomes, fates);
  console.log(`\n${results}`);
  const violations = outcomes.flatMap(({ verdict }) => verdict.violations);
  if (violations.length > 0) {
    console.log(`\n${violations.length} violations:\n${violations.slice(0, 40).join("\n")}`);
    process.exitCode = 1;
  } else if (options.write) {
    const command =
      `npm run chaos -- --seconds ${options.seconds} --clients ${options.clients} --seed ${options.seed}`;
    writeBetweenMarkers("chaos", `${results}\n\n\`${command}\`. ${circumstances()}`);
  }
}

await main();
