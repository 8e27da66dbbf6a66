/** Clients that connect again whenever they have lost their connection, and never stop talking before they are told to. */
import {
  type Connection,
  ConnectionClosedError,
  type Message,
  type Reconnecting,
  reconnecting,
  type ReconnectOptions,
} from "../../mod.ts";
import type { Account } from "./account.ts";
import type { QueueAccount } from "./audit.ts";
import { Conversation, numberOf, type Surroundings } from "./conversation.ts";
import { Dice } from "./dice.ts";
import { numbered, numberedBytes, someSize } from "./numbered.ts";
import { Settling, sleep } from "./settling.ts";

/** What they are to be like. */
export interface ChaosClientsOptions {
  readonly url: string;
  readonly seed: number;
  /** How many. */
  readonly clients: number;
  /** The number of milliseconds that each may rest between two things that it does. */
  readonly rest: number;
  readonly connect: ReconnectOptions;
}

/** What they know when they have ended. */
export interface ClientsReport {
  readonly accounts: Account[];
  readonly queues: QueueAccount[];
  readonly problems: string[];
  /** Promises that have not settled. */
  readonly pending: string;
  /** Attempts to connect. */
  readonly attempts: number;
}

class ChaosClient {
  readonly #client: Reconnecting;
  readonly #number: number;
  readonly #dice: Dice;
  readonly #seed: number;
  readonly #around: Surroundings;
  readonly #conversations: Conversation[] = [];
  attempts = 0;
  #accepted = 0;
  #stopped = false;

  constructor(number: number, { url, seed, connect }: ChaosClientsOptions, around: Surroundings) {
    this.#number = number;
    this.#seed = seed;
    this.#dice = new Dice(seed, 3, number);
    this.#around = around;
    this.#client = reconnecting(() => `${url}?id=${number}.${++this.attempts}`, {
      sendHighWaterMark: 32 * 1024,
      delays: { first: 50, max: 200 },
      minUptime: 0,
      ...connect,
      retry: () => true,
      open: (socket) => void this.#open(socket),
    });
  }

  get accounts(): Account[] {
    return this.#conversations.map(({ account }) => account);
  }

  get queue(): QueueAccount {
    const unsent = this.#client.unsent.map(numberOf);
    return { client: this.#number, accepted: this.#accepted, unsent };
  }

  #open(socket: Connection): void {
    const id = `${this.#number}.${this.attempts}`;
    const dice = new Dice(this.#seed, 4, this.#number, this.attempts);
    this.#conversations.push(new Conversation(socket, id, "client", dice, this.#around));
  }

  /** Runs until it is stopped and has sent what it still had to send. */
  async run(): Promise<void> {
    const { settling } = this.#around;
    const loop = settling.track("loop", this.#loop());
    await settling.track("writer", this.#write());
    // Over a calm network what waits goes out.
    await settling.track("drained", this.#client.drained());
    for (const conversation of this.#conversations) conversation.stop();
    await settling.track("close", this.#client.close());
    await loop;
  }

  stop(): void {
    this.#stopped = true;
  }

  async #loop(): Promise<void> {
    for await (const socket of this.#client) {
      const conversation = this.#conversations.at(-1)!;
      const talking = this.#around.settling.track("talk", conversation.talk());
      const dice = new Dice(this.#seed, 5, this.#number, this.attempts);
      const lifetime = dice.wait(3000);
      const timer = setTimeout(() => this.#stopped || conversation.leave(), lifetime);
      try {
        await this.#read(socket, conversation, dice, performance.now() + lifetime);
      } finally {
        clearTimeout(timer);
      }
      conversation.stop();
      const closing = socket.close();
      await talking;
      await closing;
    }
  }

  /** Takes messages whole or in pieces, at times slowly; some leave before the connection has ended. */
  async #read(socket: Connection, conversation: Conversation, dice: Dice, until: number): Promise<void> {
    const slow = dice.chance(0.3);
    const deserts = dice.chance(0.2);
    const inPieces = dice.chance(0.3);
    // What comes behind this end's own Close finds the queue full, and is dropped (see Connection.close).
    void socket.closed.then(({ initiator }) => conversation.account.left ||= initiator === "local");
    for (;;) {
      const message = inPieces ? await gathered(socket) : await next(socket);
      if (message === undefined) return;
      conversation.received(message);
      if (slow && dice.chance(0.2)) await sleep(dice.below(50));
      if (deserts && !this.#stopped && performance.now() > until) {
        conversation.account.left = true;
        return;
      }
    }
  }

  async #write(): Promise<void> {
    const series = `q/${this.#number}`;
    while (!this.#stopped) {
      try {
        for (let left = this.#dice.between(1, 8); left > 0; left--) {
          const label = { series, number: this.#accepted };
          const size = someSize(this.#dice);
          const { lost } = this.#client;
          this.#client.send(this.#dice.chance(0.5) ? numbered(label, size) : numberedBytes(label, size));
          if (this.#client.lost === lost) this.#accepted++;
        }
      } catch (error) {
        if (!(error instanceof ConnectionClosedError)) throw error;
      }
      await sleep(this.#dice.below(this.#around.rest));
    }
  }
}

async function next(socket: Connection): Promise<Message | undefined> {
  for await (const message of socket) return message;
  return undefined;
}

async function gathered(socket: Connection): Promise<Message | undefined> {
  const pieces: Message[] = [];
  try {
    for await (const piece of socket.stream()) pieces.push(piece);
  } catch (error) {
    if (error instanceof ConnectionClosedError) return undefined;
    throw error;
  }
  if (typeof pieces[0] === "string") return pieces.join("");
  return new Uint8Array(await new Blob(pieces as Uint8Array<ArrayBuffer>[]).arrayBuffer());
}

/** Some clients. */
export class ChaosClients {
  readonly #around: Surroundings;
  readonly #clients: ChaosClient[];
  readonly #ended: Promise<unknown>;

  /** They begin at once. */
  constructor(options: ChaosClientsOptions) {
    this.#around = { settling: new Settling(), problems: [], rest: options.rest };
    this.#clients = Array.from(
      { length: options.clients },
      (_, number) => new ChaosClient(number, options, this.#around),
    );
    this.#ended = Promise.all(this.#clients.map(async (client) => {
      try {
        await client.run();
      } catch (error) {
        this.#around.problems.push(`a client: ${String(error)}`);
      }
    }));
  }

  /** Tells them to stop, and waits until they have, but no longer than this many milliseconds. */
  async report(patience: number): Promise<ClientsReport> {
    for (const client of this.#clients) client.stop();
    const { settling, problems } = this.#around;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const tooLong = new Promise<void>((resolve) => timer = setTimeout(resolve, patience));
    await Promise.race([this.#ended.then(() => settling.all()), tooLong]);
    clearTimeout(timer);
    return {
      accounts: this.#clients.flatMap(({ accounts }) => accounts),
      queues: this.#clients.map(({ queue }) => queue),
      problems,
      pending: settling.pending,
      attempts: this.#clients.reduce((sum, { attempts }) => sum + attempts, 0),
    };
  }
}
