/** Two connections of ours, joined in memory, each with an application that reads in its own way. */
import fc from "fast-check";
import { type Connection, ConnectionClosedError, type Message } from "../../../mod.ts";
import type { ConnectionOptions } from "../../../src/connection/options.ts";
import { type Network, pair } from "../../../src/testing/mod.ts";
import { digestOf, digestOfPieces } from "../protocol_log.ts";
import { Random } from "../random.ts";
import { dataOf, type DataSpec, type Side } from "./operations.ts";

/** How the ends and the network between them are made. */
export interface SceneOptions {
  readonly seed: number;
  /** Bytes of the largest piece that arrives by itself. */
  readonly largest: number;
  /** Bytes that the network holds. */
  readonly buffer: number;
  readonly client: ConnectionOptions;
  readonly server: ConnectionOptions;
}

/** One end and its application. */
export class Party {
  readonly socket: Connection;
  readonly received: string[] = [];
  /** Settled when its application has come to the end of what there is to read. */
  readonly reading: Promise<void>;
  #gate: Promise<void> = Promise.resolve();
  #open: () => void = () => {};
  #waiting: { readonly count: number; readonly resolve: () => void } | undefined;

  constructor(socket: Connection, random: Random) {
    this.socket = socket;
    this.reading = this.#read(random);
  }

  /** Stops reading before the next message. */
  pause(): void {
    this.#open();
    this.#gate = new Promise((resolve) => (this.#open = resolve));
  }

  resume(): void {
    this.#open();
  }

  /** Resolves when this many messages have been read. */
  until(count: number): Promise<void> {
    if (this.received.length >= count) return Promise.resolve();
    return new Promise((resolve) => (this.#waiting = { count, resolve }));
  }

  async #read(random: Random): Promise<void> {
    const iterator = this.socket[Symbol.asyncIterator]();
    for (;;) {
      await this.#gate;
      const message = random.once(3) ? await this.#pieces() : await whole(iterator);
      if (message === undefined) return;
      this.received.push(message);
      if (this.#waiting !== undefined && this.received.length >= this.#waiting.count) this.#waiting.resolve();
    }
  }

  async #pieces(): Promise<string | undefined> {
    const pieces: Message[] = [];
    try {
      for await (const piece of this.socket.stream()) pieces.push(piece);
    } catch (error) {
      if (error instanceof ConnectionClosedError) return undefined;
      throw error;
    }
    return digestOfPieces(pieces);
  }
}

async function whole(iterator: AsyncIterator<Message>): Promise<string | undefined> {
  const { done, value } = await iterator.next();
  return done ? undefined : digestOf(value);
}

/** What each end has sent. */
export type Model = Record<Side, string[]>;

/** Both ends, and what they still wait for. */
export class Scene {
  readonly client: Party;
  readonly server: Party;
  readonly network: Network;
  /** What was asked for and has not been answered; each says whose it is. */
  readonly pending: { readonly side: Side; readonly promise: Promise<unknown> }[] = [];

  constructor({ seed, largest, buffer, client, server }: SceneOptions) {
    const ends = pair({
      client: { heartbeat: false, ...client },
      server: { heartbeat: false, ...server },
      network: { buffer, split: { seed, largest } },
    });
    this.client = new Party(ends.client, new Random(seed, 1));
    this.server = new Party(ends.server, new Random(seed, 2));
    this.network = ends.network;
  }

  /** Keeps a promise to be looked at in the end; until then it may reject. */
  keep(side: Side, promise: Promise<unknown>): void {
    promise.catch(() => {});
    this.pending.push({ side, promise });
  }

  /** Everything flows again. */
  resume(): void {
    this.client.resume();
    this.server.resume();
    this.network.toClient.resume();
    this.network.toServer.resume();
  }
}

type Act = (model: Model, scene: Scene) => void | Promise<void>;

class Step implements fc.AsyncCommand<Model, Scene> {
  readonly #text: string;
  readonly #act: Act;

  constructor(text: string, act: Act) {
    this.#text = text;
    this.#act = act;
  }

  check(): boolean {
    return true;
  }

  async run(model: Model, scene: Scene): Promise<void> {
    await this.#act(model, scene);
  }

  toString(): string {
    return this.#text;
  }
}

const side = fc.constantFrom<Side[]>("client", "server");
const data: fc.Arbitrary<DataSpec> = fc.record({
  kind: fc.nat(31),
  size: fc.oneof(fc.nat(20), fc.nat(300), fc.nat(4000)),
});
const compress = fc.constantFrom({}, { compress: true }, { compress: false });

const send = fc.tuple(side, data, compress).map(([side, spec, options]) =>
  new Step(`send ${JSON.stringify([side, spec, options])}`, (model, scene) => {
    const message = dataOf(spec);
    model[side].push(digestOf(message));
    scene[side].socket.send(message, options);
  })
);

const sendStream = fc.tuple(side, fc.array(data, { maxLength: 5 }), fc.boolean(), compress).map(
  ([side, specs, slow, options]) =>
    new Step(`sendStream ${JSON.stringify([side, specs, slow, options])}`, (model, scene) => {
      // All chunks are of the first one's kind; without one it is an empty binary message.
      const kind = (specs[0]?.kind ?? 1) & 1;
      const chunks = specs.map((spec) => dataOf({ ...spec, kind: (spec.kind & ~1) | kind }));
      model[side].push(digestOfPieces(chunks.length > 0 ? chunks : [new Uint8Array(0)]));
      scene.keep(side, scene[side].socket.sendStream(slow ? slowly(chunks) : chunks, options));
    }),
);

async function* slowly<Chunk>(chunks: readonly Chunk[]): AsyncGenerator<Chunk> {
  for (const chunk of chunks) {
    await turn();
    yield chunk;
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

function simple(name: string, act: (side: Side, scene: Scene) => void): fc.Arbitrary<Step> {
  return side.map((side) => new Step(`${name} ${side}`, (_model, scene) => act(side, scene)));
}

const flowOf = (side: Side, { network }: Scene): Network["toClient"] =>
  side === "client" ? network.toClient : network.toServer;

/** What two applications and the network between them do. */
export const steps: fc.Arbitrary<Iterable<fc.AsyncCommand<Model, Scene>>> = fc.commands([
  send,
  send,
  sendStream,
  simple("ping", (side, scene) => scene.keep(side, scene[side].socket.ping())),
  simple("drained", (side, scene) => scene.keep(side, scene[side].socket.drained())),
  simple("pause", (side, scene) => scene[side].pause()),
  simple("resume", (side, scene) => scene[side].resume()),
  simple("stall", (side, scene) => flowOf(side, scene).stall()),
  simple("release", (side, scene) => flowOf(side, scene).release(100)),
  simple("flow", (side, scene) => flowOf(side, scene).resume()),
  fc.constant(new Step("turn", turn)),
], { maxCommands: 40, size: "max" });

const deflate = fc.record({
  mode: fc.constantFrom("shared" as const, "context-takeover" as const),
  level: fc.nat(9),
  threshold: fc.constantFrom(0, 64),
  windowBits: fc.integer({ min: 9, max: 15 }),
  peerContextTakeover: fc.boolean(),
});

const end: fc.Arbitrary<ConnectionOptions> = fc.record({
  compression: fc.oneof(fc.constant(false), deflate),
  sendHighWaterMark: fc.constantFrom(0, 100, 2000),
  receiveQueue: fc.record({
    messages: fc.integer({ min: 1, max: 3 }),
    bytes: fc.constantFrom(1, 500, 100_000),
  }),
});

/** How the ends may be made. */
export const scenes: fc.Arbitrary<SceneOptions> = fc.record({
  seed: fc.nat(),
  largest: fc.constantFrom(1, 5, 100, 5000),
  buffer: fc.constantFrom(1, 200, 65_536),
  client: end,
  server: end,
});
