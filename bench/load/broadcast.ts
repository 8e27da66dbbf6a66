/**
 * A load generator: one connection sends `depth` messages in one write, which the server broadcasts; it sends the
 * next ones when everybody has received all. Started by the bench.
 */
import { ownJob } from "./job.ts";
import { openAll, RawClient } from "./raw_client.ts";
import { Script, ScriptReader } from "./script.ts";
import { lastAnswers, span, tell } from "./span.ts";

/** What this load is made of. */
export interface Broadcast {
  /** Connections that receive each message. */
  readonly connections: number;
  /** Messages of a round. */
  readonly depth: number;
  /** Bytes of a message. */
  readonly size: number;
  /** 1 counts published messages, 0 counts deliveries. */
  readonly published?: 0 | 1;
}

const job = ownJob<Broadcast>();
const script = new Script(job.depth, job.size, false, false);
const totals = { messages: 0, answerBytes: 0 };
const perRound = job.depth * job.connections;
let inRound = 0;
let ending: (() => void) | undefined;

class Receiver {
  readonly opened: Promise<string>;
  readonly #client: RawClient;

  constructor() {
    const reader = new ScriptReader(script, (pong) => this.#client.write(pong));
    this.#client = new RawClient(job, (bytes, length) => delivered(reader.read(bytes, length)));
    this.opened = this.#client.opened;
  }

  publish(): void {
    this.#client.write(script.request);
  }
}

function delivered(messages: number): void {
  inRound += messages;
  if (job.published !== 1) totals.messages += messages;
  totals.answerBytes += messages * job.size;
  if (inRound < perRound) return;
  inRound = 0;
  if (job.published === 1) totals.messages += job.depth;
  if (ending === undefined) receivers[0]!.publish();
  else ending();
}

const receivers = await openAll(job.connections, () => new Receiver());
receivers[0]!.publish();
const sample = await span(job, totals);
await lastAnswers(new Promise<void>((resolve) => ending = resolve));
tell(sample);
