/** Clients of the library that talk until their server ends. */
import { connect, type ConnectionOptions } from "../../mod.ts";
import type { Account } from "./account.ts";
import { Conversation, type Surroundings } from "./conversation.ts";
import { Dice } from "./dice.ts";
import { Settling, sleep } from "./settling.ts";

/** What they are to be like. */
export interface TalkingClientsOptions {
  readonly url: string;
  readonly seed: number;
  readonly clients: number;
  /** The number of milliseconds that each may rest between two things that it does. */
  readonly rest: number;
  /** Of 100 clients, those that take their time with each message. */
  readonly slow: number;
  /** Milliseconds that these take for a message. */
  readonly slowness: number;
  readonly connect: ConnectionOptions;
}

/** What they know in the end. */
export interface TalkingReport {
  readonly accounts: Account[];
  readonly problems: string[];
  /** Promises that have not settled. */
  readonly pending: string;
}

/** Some clients. */
export class TalkingClients {
  readonly #around: Surroundings;
  readonly #conversations: Conversation[] = [];

  private constructor(rest: number) {
    this.#around = { settling: new Settling(), problems: [], rest };
  }

  /** Connects them all. */
  static async connect(options: TalkingClientsOptions): Promise<TalkingClients> {
    const clients = new TalkingClients(options.rest);
    for (let number = 0; number < options.clients; number++) await clients.#connect(number, options);
    return clients;
  }

  async #connect(
    number: number,
    { url, seed, clients, slow, slowness, connect: settings }: TalkingClientsOptions,
  ): Promise<void> {
    const id = `${number}.1`;
    const isSlow = 100 * number / clients < slow;
    let told!: () => void;
    // The last message may come long after the connection has ended.
    void this.#around.settling.track("close callback", new Promise<void>((resolve) => told = resolve));
    await connect(`${url}?id=${id}`, { sendHighWaterMark: 32 * 1024, ...settings }, {
      open: (socket) => {
        const conversation = new Conversation(socket, id, "client", new Dice(seed, 4, number), this.#around);
        this.#conversations[number] = conversation;
        void this.#around.settling.track("talk", conversation.talk());
      },
      message: (_, message) => {
        this.#conversations[number]!.received(message);
        return isSlow ? sleep(slowness) : undefined;
      },
      close: () => told(),
    });
  }

  /** Messages that have come to all of them. */
  get received(): number {
    const runs = this.#conversations.flatMap(({ account }) => Object.values(account.received).flat());
    return runs.reduce((sum, [first, last]) => sum + last - first + 1, 0);
  }

  /** Waits until all connections have ended, but no longer than this many milliseconds. */
  async report(patience: number): Promise<TalkingReport> {
    const { settling, problems } = this.#around;
    const end = performance.now() + patience;
    while (settling.pending !== "" && performance.now() < end) await sleep(20);
    return {
      accounts: this.#conversations.map(({ account }) => account),
      problems,
      pending: settling.pending,
    };
  }
}
