/** What the soak does to a server, one thing after the other. Each answers the figures of its row, and throws at the first that is wrong. */
import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import type { RuntimeName } from "../../bench/harness/runtimes.ts";
import { Audit, emptyVerdict } from "./audit.ts";
import type { ServerReport } from "./chaos_server.ts";
import { whole } from "./document.ts";
import type { Counts } from "./echo_server_process.ts";
import { growth } from "./growth.ts";
import { mebibytes, Program } from "./processes.ts";
import type { TalkingReport } from "./talking_clients.ts";

/** Figures by the names of their columns. */
export type Row = Record<string, string>;

/** How much. */
export interface Extent {
  readonly connections: number;
  readonly seconds: number;
  readonly churn: number;
}

/** Seconds for what takes no time but on a machine that has much else to do. */
const PATIENCE = 120;
/** Samples of memory while connections are held. */
const SAMPLES = 9;
/** Milliseconds between two messages of a connection that is held. */
const EVERY = 5000;
/** Parts of the churn, after each of which memory is read. */
const PARTS = 10;
const CHURN_AT_ONCE = 64;
const MIB = 2 ** 20;

/** Bytes by which memory may grow: some hundredths of what there was, or this many MiB. */
function mayGrow(start: number, hundredths: number, most: number): number {
  return Math.max(start * hundredths / 100, most * MIB);
}

/** A server that is being soaked. */
export class Soaked {
  readonly #server: Program;
  readonly #say: (line: string) => void;
  #files = 0;
  #opened = 0;

  constructor(server: Program, say: (line: string) => void) {
    this.#server = server;
    this.#say = say;
  }

  /** Connections that come and go first, so that one-time allocations are done. */
  async warmUp(): Promise<void> {
    await using load = await Program.start("Node", "load_process");
    await this.#churned(load, 600);
    await this.#empty(undefined);
    this.#files = this.#server.files();
  }

  async #churned(load: Program, count: number): Promise<Record<string, number>> {
    const question = { do: "churn", port: this.#server.port, count, atOnce: CHURN_AT_ONCE };
    const { opened, numbers } = await load.ask<{ opened: number; numbers: Record<string, number> }>(
      question,
      PATIENCE + count / 50,
    );
    this.#opened += opened;
    return numbers;
  }

  /** Waits until nobody is connected, and holds the counters against each other. */
  async #empty(files: number | undefined): Promise<Counts> {
    const end = performance.now() + PATIENCE * 1000;
    for (;;) {
      const counts = await this.#server.ask<Counts>({ do: "count" }, PATIENCE);
      const open = this.#server.files();
      const done = counts.live === 0 && counts.settled === counts.opened &&
        (files === undefined || open <= files);
      if (done || performance.now() > end) {
        assert.equal(
          counts.opened,
          this.#opened,
          "the server opened as many connections as there were clients",
        );
        assert.equal(counts.closed, counts.opened, "each connection that was opened was closed");
        assert.equal(counts.settled, counts.opened, "each promise `closed` has settled");
        assert.equal(counts.live, 0, "nobody is connected");
        assert.deepEqual(counts.errors, [], "no handler has thrown");
        if (files !== undefined) assert.ok(open <= files, `${open} files are open, and ${files} were before`);
        assert.equal(this.#server.complaints, "", "the server has printed nothing");
        return counts;
      }
      await delay(100);
    }
  }

  /** Connections that are held and echo. */
  async hold({ connections, seconds }: Extent): Promise<Row> {
    await using load = await Program.start("Node", "load_process");
    const question = { do: "hold", port: this.#server.port, connections, every: EVERY };
    await load.ask(question, PATIENCE + connections / 50);
    this.#opened += connections;
    // Each connection has echoed once before memory is read, and so has made what it makes for its first message.
    while ((await load.ask<{ echoed: number }>({ do: "status" }, PATIENCE)).echoed < 1.2 * connections) {
      await delay(200);
    }
    const memory: number[] = [await this.#server.memory()];
    const began = performance.now();
    while (memory.length < SAMPLES) {
      await delay(Math.max(0, began + memory.length * seconds * 1000 / (SAMPLES - 1) - performance.now()));
      memory.push(await this.#server.memory());
      this.#say(`  ${connections} held: ${mebibytes(memory.at(-1)!)} MiB`);
    }
    const files = this.#server.files();
    const { sent, echoed } = await load.ask<{ sent: number; echoed: number }>({ do: "release" }, PATIENCE);
    assert.equal(echoed, sent, "each message has come back");
    await this.#empty(this.#files);
    const grown = growth(memory);
    const limit = mayGrow(memory[0]!, 5, 16);
    assert.ok(grown <= limit, `memory grew by ${mebibytes(grown)} MiB; ${mebibytes(limit)} are allowed`);
    return {
      "connections": whole(connections),
      "seconds": whole(seconds),
      "echoes": whole(echoed),
      "files open": whole(files),
      "start, MiB": mebibytes(memory[0]!),
      "middle": mebibytes(memory[(SAMPLES - 1) / 2]!),
      "end": mebibytes(memory.at(-1)!),
      "growth (allowed)": `${mebibytes(grown)} (${mebibytes(limit)})`,
    };
  }

  /** Connections that come and go. */
  async churn({ churn }: Extent): Promise<Row> {
    await using load = await Program.start("Node", "load_process");
    const memory: number[] = [];
    const ways: Record<string, number> = {};
    const before = await this.#empty(this.#files);
    for (let part = 0; part < PARTS; part++) {
      const numbers = await this.#churned(load, Math.ceil(churn / PARTS));
      for (const [way, count] of Object.entries(numbers)) ways[way] = (ways[way] ?? 0) + count;
      memory.push(await this.#server.memory());
      this.#say(`  ${(part + 1) * Math.ceil(churn / PARTS)} came and went: ${mebibytes(memory.at(-1)!)} MiB`);
    }
    const counts = await this.#empty(this.#files);
    assert.equal(
      counts.clean - before.clean,
      ways["clean close"],
      "those were clean that closed so, and no others",
    );
    const grown = growth(memory.slice(1));
    const limit = mayGrow(memory[1]!, 10, 16);
    assert.ok(grown <= limit, `memory grew by ${mebibytes(grown)} MiB; ${mebibytes(limit)} are allowed`);
    return {
      "connections": whole(Object.values(ways).reduce((sum, count) => sum + count, 0)),
      "opened": whole(counts.opened - before.opened),
      "clean": whole(counts.clean - before.clean),
      "left": whole(counts.live),
      "files before, after": `${this.#files}, ${this.#server.files()}`,
      "after a fifth, MiB": mebibytes(memory[1]!),
      "end": mebibytes(memory.at(-1)!),
      "growth (allowed)": `${mebibytes(grown)} (${mebibytes(limit)})`,
    };
  }

  /** Peers that are killed while they talk. */
  async kill({ connections }: Extent): Promise<Row> {
    const each = Math.ceil(connections / 4);
    const before = await this.#empty(this.#files);
    {
      await using first = await Program.start("Node", "load_process");
      await using second = await Program.start("Node", "load_process");
      const question = { do: "hold", port: this.#server.port, connections: each, every: 1000 };
      await Promise.all([first, second].map((load) => load.ask(question, PATIENCE + each / 50)));
      this.#opened += 2 * each;
      await delay(2000);
      // Their disposal is kill -9.
    }
    const killed = performance.now();
    const counts = await this.#empty(this.#files);
    assert.equal(counts.clean, before.clean, "who is killed does not close cleanly");
    return {
      "processes killed": "2",
      "connections": whole(2 * each),
      "`closed` settled": whole(counts.settled - before.settled),
      "left": whole(counts.live),
      "files before, after": `${this.#files}, ${this.#server.files()}`,
      "noticed after, s": ((performance.now() - killed) / 1000).toFixed(1),
    };
  }
}

/** How a server is shut down while it and its clients talk. */
export interface ShutdownCase {
  readonly name: string;
  readonly clients: number;
  /** Of 100 clients, those that are slow to read. */
  readonly slow: number;
  readonly deadline: number;
  readonly closeTimeout: number;
}

/** Milliseconds of talk before the end. */
const TALK = 4000;
/** The number of milliseconds that each end may rest between two things that it does. */
const REST = 200;

/** A server that is shut down while it and its clients talk; then the accounts of both are held against each other. */
export async function shutdownUnderLoad(runtime: RuntimeName, ending: ShutdownCase): Promise<Row> {
  const { name, clients: count, slow, deadline, closeTimeout } = ending;
  const limits = { closeTimeout, heartbeat: false };
  const options = { seed: 1, leaves: false, rest: REST, serve: limits };
  await using server = await Program.start(runtime, "chaos_server_process", options);
  await using clients = await Program.start(runtime, "talking_clients_process");
  const url = `ws://127.0.0.1:${server.port}/`;
  const begin = {
    url,
    seed: 2,
    clients: count,
    rest: REST,
    slow,
    slowness: 60,
    connect: { closeTimeout, heartbeat: false },
  };
  await clients.ask({ do: "begin", options: begin }, PATIENCE);
  await delay(TALK);
  await server.ask({ do: "shutdown", deadline }, PATIENCE);
  const patience = PATIENCE * 500;
  const told = await clients.ask<TalkingReport>({ do: "report", patience }, PATIENCE);
  const served = await server.ask<ServerReport>({ do: "report", patience, nextSeed: 1 }, PATIENCE);
  const verdict = emptyVerdict();
  new Audit(verdict, [...served.accounts, ...told.accounts]).connections();
  const { violations } = verdict;
  violations.push(...served.problems, ...told.problems);
  if (served.pending + told.pending !== "") violations.push(`not settled: ${served.pending} ${told.pending}`);
  if (verdict.connections !== count) violations.push(`${verdict.connections} of ${count} connections`);
  assert.deepEqual(violations.slice(0, 10), [], `${violations.length} violations`);
  return {
    "": name,
    "connections": whole(verdict.connections),
    "clean ends": `${whole(verdict.clean)} of ${whole(2 * count)}`,
    "accepted": whole(verdict.accepted),
    "delivered": whole(verdict.delivered),
    "lost, `Close` says so": whole(verdict.reported),
    "promise rejected": whole(verdict.rejected),
    "in `dropped`": whole(verdict.dropped),
    "lost silently": "0",
  };
}
