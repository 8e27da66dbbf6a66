/**
 * A load generator: each connection sends `depth` messages in one write, and the next ones when the last is answered.
 * With fewer `active` connections than connections, they take turns. Started by the bench.
 */
import type { Buffer } from "node:buffer";
import { ownJob } from "./job.ts";
import { openAll, RawClient } from "./raw_client.ts";
import { RoundTrips } from "./round_trips.ts";
import { Script, ScriptReader } from "./script.ts";
import { lastAnswers, span, tell } from "./span.ts";

/** What this load is made of. */
export interface Echo {
  readonly connections: number;
  /** Messages in flight per connection. */
  readonly depth: number;
  /** Bytes of a message. */
  readonly size: number;
  /** 1: binary; 0: text. */
  readonly binary: 0 | 1;
  /** 1: over TLS. */
  readonly secure?: 0 | 1;
  /** Connections with messages in flight at a time; default: all. */
  readonly active?: number;
}

const job = ownJob<Echo>();
const { active = job.connections } = job;
const script = new Script(job.depth, job.size, job.binary === 1, job.bare);
const roundTrips = job.depth === 1 ? new RoundTrips() : undefined;
const totals = { messages: 0, answerBytes: 0 };
/** Connections that still have to finish. */
let ending: (() => void) | undefined;

class EchoConnection {
  readonly opened: Promise<string>;
  /** The connection whose turn is next. */
  next: EchoConnection = this;
  readonly #client: RawClient;
  readonly #reader: ScriptReader;
  #inBatch = 0;
  #sent = 0;

  constructor() {
    this.#reader = new ScriptReader(script, (pong) => this.#client.write(pong));
    this.#client = new RawClient(job, (bytes, length) => this.#read(bytes, length));
    this.opened = this.#client.opened;
  }

  send(): void {
    if (roundTrips !== undefined) this.#sent = performance.now();
    this.#client.write(script.request);
  }

  #read(bytes: Buffer, length: number): void {
    const messages = this.#reader.read(bytes, length);
    totals.messages += messages;
    totals.answerBytes += messages * job.size;
    this.#inBatch += messages;
    if (this.#inBatch < job.depth) return;
    if (this.#inBatch > job.depth) throw new Error("The server sent more messages than it was sent.");
    this.#inBatch = 0;
    roundTrips?.add(this.#sent, performance.now());
    if (ending === undefined) this.next.send();
    else ending();
  }
}

const connections = await openAll(job.connections, () => new EchoConnection());
connections.forEach((each, index) => each.next = connections[(index + active) % connections.length]!);
for (const connection of connections.slice(0, active)) connection.send();
const sample = await span(job, totals, roundTrips);
await lastAnswers(
  new Promise<void>((resolve) => {
    let left = active;
    ending = () => --left === 0 && resolve();
  }),
);
tell(sample);
