/** A server whose connections talk, are talked to, and hear the news of a topic. */
import { type Connection, serve, type ServeOptions, type Server, type WhenSlow } from "../../mod.ts";
import type { Account } from "./account.ts";
import { Conversation, type Surroundings } from "./conversation.ts";
import { Dice } from "./dice.ts";
import { numbered, someSize } from "./numbered.ts";
import { Settling, sleep } from "./settling.ts";

const NEWS = "news";
const NEWS_SERIES = "t/news";
const NEWS_EVERY = 50;
const KEYS = ["a", "b", "c"];
const POLICIES: readonly WhenSlow[] = ["keep", "drop-oldest", "latest", "close"];

/** What it is to be like. */
export interface ChaosServerOptions {
  readonly seed: number;
  /** What its connections may do of themselves: close and abort. `false` leaves that to the clients and the network. */
  readonly leaves: boolean;
  /** The number of milliseconds that each connection may rest between two things that it does. */
  readonly rest: number;
  readonly serve: ServeOptions<string>;
}

/** What it knows when all connections have ended. */
export interface ServerReport {
  readonly accounts: Account[];
  readonly problems: string[];
  /** Connections that it has still. */
  readonly left: number;
  /** Promises that have not settled. */
  readonly pending: string;
}

/** The server. */
export class ChaosServer {
  readonly server: Server<string>;
  readonly #options: ChaosServerOptions;
  #around: Surroundings;
  #conversations: Map<Connection<string>, Conversation> = new Map();
  #published = 0;
  #seed: number;
  #calm = false;
  #telling: Promise<void>;
  #ending = false;

  private constructor(server: Server<string>, options: ChaosServerOptions) {
    this.server = server;
    this.#options = options;
    this.#around = this.#surroundings();
    this.#seed = options.seed;
    this.#telling = this.#tellNews();
  }

  /** Listens on a free port. */
  static async start(options: ChaosServerOptions): Promise<ChaosServer> {
    let self: ChaosServer;
    const server = await serve<string>({
      port: 0,
      sendHighWaterMark: 32 * 1024,
      ...options.serve,
      upgrade: (request) => ({ data: new URL(request.url).searchParams.get("id") ?? "?" }),
      error: (error) => self.#around.problems.push(`the error hook: ${String(error)}`),
    }, {
      open: (socket) => self.#open(socket),
      message: (socket, message) => self.#conversations.get(socket)?.received(message),
    });
    return self = new ChaosServer(server, options);
  }

  #surroundings(): Surroundings {
    return { settling: new Settling(), problems: [], rest: this.#options.rest };
  }

  #open(socket: Connection<string>): void {
    const id = socket.data;
    const [client = 0, attempt = 0] = id.split(".").map(Number);
    const dice = new Dice(this.#seed, 1, client, attempt);
    const conversation = new Conversation(socket, id, "server", dice, this.#around);
    this.#conversations.set(socket, conversation);
    const news = { from: this.#published, to: this.#published, doubtful: [], dropped: 0 };
    conversation.account.sent[NEWS_SERIES] = news;
    socket.subscribe(NEWS, { whenSlow: dice.pick(POLICIES), maxWaiting: 5 });
    void conversation.ended.then(() => news.dropped = socket.dropped);
    void this.#around.settling.track("talk", conversation.talk());
    if (this.#options.leaves && dice.chance(0.5)) {
      const timer = setTimeout(() => this.#calm || conversation.leave(), dice.wait(2000));
      void conversation.ended.then(() => clearTimeout(timer));
    }
  }

  async #tellNews(): Promise<void> {
    const dice = new Dice(this.#seed, 2);
    while (!this.#ending) {
      await sleep(dice.below(2 * NEWS_EVERY));
      if (!this.#calm) this.#publish(dice);
    }
  }

  #publish(dice: Dice): void {
    const number = this.#published++;
    for (const [socket, { account }] of this.#conversations) {
      if (socket.readyState === "open") account.sent[NEWS_SERIES]!.to = this.#published;
    }
    const text = numbered({ series: NEWS_SERIES, number }, someSize(dice));
    this.server.publish(NEWS, text, { key: dice.pick(KEYS) });
  }

  /** From now on nothing is said, and nobody leaves. */
  calm(): void {
    this.#calm = true;
    for (const conversation of this.#conversations.values()) conversation.stop();
  }

  /** Waits until no connection is left, but no longer than this many milliseconds, and begins anew with another seed. */
  async report(patience: number, nextSeed: number): Promise<ServerReport> {
    this.calm();
    const { settling, problems } = this.#around;
    const end = performance.now() + patience;
    while ((this.server.connections.size > 0 || settling.pending !== "") && performance.now() < end) {
      await sleep(20);
    }
    const accounts = [...this.#conversations.values()].map(({ account }) => account);
    const report = { accounts, problems, left: this.server.connections.size, pending: settling.pending };
    this.#around = this.#surroundings();
    this.#conversations = new Map();
    this.#published = 0;
    this.#seed = nextSeed;
    this.#calm = false;
    return report;
  }

  /** Ends the server. */
  async shutdown(deadline: number): Promise<void> {
    await this.server.shutdown({ deadline });
    this.#ending = true;
    await this.#telling;
  }
}
