/**
 * A TCP relay that mistreats connections, as its dice tell it to: it delays, splits, coalesces, truncates, half-closes,
 * freezes and resets them.
 */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { Dice } from "./dice.ts";

/** What can become of a connection, and how often of 100. */
const FATES = {
  /** It goes on until its ends end it. */
  none: 20,
  /** It is dropped when it has come. */
  refuse: 3,
  /** Nothing of it goes through, and nobody is told. */
  "vanish in the handshake": 3,
  /** A part of the handshake goes through, then it is reset. */
  "cut in the handshake": 4,
  "reset both ends": 15,
  "reset the client": 8,
  "reset the server": 8,
  /** A part of what is on its way still arrives, then an orderly end on both sides. */
  truncate: 10,
  "half-close to the client": 6,
  "half-close to the server": 6,
  /** Nothing goes through for a while. */
  freeze: 10,
  /** Nothing goes through any more, and nobody is told. */
  vanish: 7,
} as const;

/** What became of a connection. */
export type Fate = keyof typeof FATES;

/** Milliseconds that a connection lives on average before its fate finds it. */
const LIFETIME = 1500;
const LONGEST_FREEZE = 1500;
const HANDSHAKE_BYTES = 150;

/** How it treats what it carries. */
export interface ChaosRelayOptions {
  /** Where to connect to, on 127.0.0.1. */
  readonly port: number;
  readonly seed: number;
}

function dealt(dice: Dice): Fate {
  let left = dice.below(100);
  for (const [fate, share] of Object.entries(FATES)) if ((left -= share) < 0) return fate as Fate;
  throw new Error("The shares of the fates do not come to 100.");
}

function reset(socket: Socket): void {
  if (socket.destroyed) return;
  // libuv refuses to reset what is just shutting down, and Node 26 then never comes to the end of its process.
  if (socket.writableEnded && !socket.writableFinished) socket.destroy();
  else socket.resetAndDestroy();
}

/** One direction of a carried connection. */
class Lane {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #dice: Dice;
  readonly #carried: Carried;
  #queue: Promise<void> = Promise.resolve();
  passed = 0;
  /** Bytes that may still pass. */
  allowance = Infinity;

  constructor(from: Socket, to: Socket, dice: Dice, carried: Carried) {
    this.#from = from;
    this.#to = to;
    this.#dice = dice;
    this.#carried = carried;
    from.setNoDelay(true);
    from.on("error", () => carried.broken(to));
    from.on("close", () => carried.over(from));
    from.on("data", (chunk: Uint8Array) => {
      // Nothing more is read before this has been passed on, so that the sender feels it.
      from.pause();
      this.#then(async () => {
        await this.#pass(chunk);
        from.resume();
      });
    });
    from.on("end", () =>
      this.#then(async () => {
        await carried.thaw();
        if (!carried.finWithheld) to.end();
      }));
  }

  #then(step: () => void | Promise<void>): void {
    this.#queue = this.#queue.then(step);
  }

  async #pass(chunk: Uint8Array): Promise<void> {
    const dice = this.#dice;
    const carried = this.#carried;
    if (!carried.calm) {
      // What comes while this waits is read in one piece.
      if (dice.chance(0.15)) await carried.sleep(dice.below(30));
      if (dice.chance(0.2)) return await this.#passInPieces(chunk);
    }
    await this.#write(chunk);
  }

  async #passInPieces(chunk: Uint8Array): Promise<void> {
    const most = Math.max(1, Math.ceil(chunk.length / this.#dice.between(1, 6)));
    for (let at = 0; at < chunk.length;) {
      const size = this.#dice.between(1, most);
      await this.#write(chunk.subarray(at, at += size));
      await this.#carried.sleep(this.#dice.below(3));
    }
  }

  async #write(bytes: Uint8Array): Promise<void> {
    await this.#carried.thaw();
    const piece = bytes.subarray(0, Math.max(0, this.allowance));
    this.allowance -= bytes.length;
    this.passed += piece.length;
    const to = this.#to;
    if (piece.length > 0) {
      if (!to.writable) this.#carried.undeliverable(this.#from);
      else if (!to.write(piece)) await this.#carried.drained(to);
    }
    if (this.allowance <= 0) await this.#carried.exhausted();
  }
}

/** One connection that goes through the relay. */
class Carried {
  readonly fate: Fate;
  /** The `id` that the client asked with. */
  id: string | undefined;
  /** Whether bytes were lost and an end was shown an orderly FIN. */
  deceived = false;
  finWithheld = false;
  calm = false;
  readonly #client: Socket;
  readonly #server: Socket;
  readonly #dice: Dice;
  readonly #waking: Set<() => void> = new Set();
  readonly #lanes: { readonly up: Lane; readonly down: Lane };
  #frozen: Promise<void> | undefined;
  #melt: (() => void) | undefined;
  #open = 2;
  readonly #done: () => void;

  constructor(client: Socket, port: number, dice: Dice, done: () => void) {
    this.#client = client;
    this.#dice = dice;
    this.#done = done;
    this.fate = dealt(dice);
    this.#server = connect({ host: "127.0.0.1", port, allowHalfOpen: true });
    this.#lanes = {
      up: new Lane(client, this.#server, new Dice(dice.below(2 ** 31)), this),
      down: new Lane(this.#server, client, new Dice(dice.below(2 ** 31)), this),
    };
    client.once("data", (chunk: Uint8Array) => {
      const head = String.fromCharCode(...chunk.subarray(0, 200));
      this.id = /[?&]id=([\d.]+)/.exec(head)?.[1];
    });
    if (this.fate === "refuse") this.end();
    else if (this.fate === "vanish in the handshake") this.#freeze();
    else if (this.fate === "cut in the handshake") this.#lanes.down.allowance = dice.below(HANDSHAKE_BYTES);
    else if (this.fate !== "none") void this.#meetFate(dice.wait(LIFETIME));
  }

  async #meetFate(lifetime: number): Promise<void> {
    await this.sleep(lifetime);
    if (this.calm || this.#open === 0) return;
    const { up, down } = this.#lanes;
    switch (this.fate) {
      case "reset both ends":
        return this.end();
      case "reset the client":
        this.deceived = true;
        reset(this.#client);
        return void this.#server.end();
      case "reset the server":
        this.deceived = true;
        reset(this.#server);
        return void this.#client.end();
      case "truncate":
        this.deceived = true;
        return void (this.#dice.pick([up, down]).allowance = this.#dice.below(2000));
      case "half-close to the client":
        return this.#halfClose(this.#client, down);
      case "half-close to the server":
        return this.#halfClose(this.#server, up);
      case "freeze":
        this.#freeze();
        await this.sleep(this.#dice.below(LONGEST_FREEZE));
        return this.melt();
      default:
        return this.#freeze();
    }
  }

  #halfClose(end: Socket, lane: Lane): void {
    this.deceived = true;
    lane.allowance = 0;
    this.finWithheld = true;
    end.end();
  }

  /** An allowance is used up: the rest is lost. */
  async exhausted(): Promise<void> {
    if (this.fate === "cut in the handshake") return this.end();
    if (this.fate !== "truncate") return;
    await this.sleep(this.#dice.below(20));
    this.#lanes.up.allowance = this.#lanes.down.allowance = 0;
    this.finWithheld = true;
    this.#client.end();
    this.#server.end();
  }

  #freeze(): void {
    this.#frozen = new Promise((resolve) => this.#melt = resolve);
  }

  melt(): void {
    this.#melt?.();
    this.#frozen = undefined;
  }

  /** Resolves when bytes may pass again. */
  thaw(): Promise<void> {
    return this.#frozen ?? Promise.resolve();
  }

  /** Waits, but not beyond the end of the connection. */
  sleep(milliseconds: number): Promise<void> {
    if (this.#open === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = (): void => {
        clearTimeout(timer);
        this.#waking.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, milliseconds);
      this.#waking.add(wake);
    });
  }

  /** Resolves when the socket takes bytes again, or never will. */
  drained(socket: Socket): Promise<void> {
    if (socket.destroyed) return Promise.resolve();
    return new Promise((resolve) => {
      const done = (): void => {
        socket.off("drain", done);
        socket.off("close", done);
        resolve();
      };
      socket.on("drain", done);
      socket.on("close", done);
    });
  }

  /** Bytes arrived for a side that is gone: their sender is reset, as it would be without a relay. */
  undeliverable(from: Socket): void {
    if (from.destroyed) this.deceived = true;
    else reset(from);
  }

  /** One end was reset: so is the other, unless it has been shown an orderly end already. */
  broken(other: Socket): void {
    if (other.destroyed || other.writableEnded) this.deceived = true;
    this.end();
  }

  over(socket: Socket): void {
    const other = socket === this.#client ? this.#server : this.#client;
    // A side that is frozen, or waits for bytes that will not come, must not wait forever.
    if (!other.destroyed && !other.writableEnded) reset(other);
    if (--this.#open > 0) return;
    this.melt();
    for (const wake of this.#waking) wake();
    this.#done();
  }

  /** Resets both ends. */
  end(): void {
    reset(this.#client);
    reset(this.#server);
  }

  /** No more faults; a side that is frozen for good is reset. */
  becomeCalm(): void {
    this.calm = true;
    if (this.fate === "vanish" || this.fate === "vanish in the handshake") this.end();
    else this.melt();
  }
}

/** Listens, and carries each connection to a port of this machine. */
export class ChaosRelay {
  readonly port: number;
  /** What became of connections, and of how many. */
  readonly fates: Map<Fate, number> = new Map();
  readonly #server: Server;
  readonly #carried: Set<Carried> = new Set();
  #deceived: Set<string> = new Set();
  #seed: number;
  #number = 0;
  #calm = false;

  private constructor(server: Server, { port, seed }: ChaosRelayOptions) {
    this.#server = server;
    this.#seed = seed;
    this.port = (server.address() as AddressInfo).port;
    server.on("connection", (socket: Socket) => this.#carry(socket, port));
  }

  static async listen(options: ChaosRelayOptions): Promise<ChaosRelay> {
    const server = createServer({ allowHalfOpen: true });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return new ChaosRelay(server, options);
  }

  #carry(socket: Socket, port: number): void {
    const dice = this.#calm ? undefined : new Dice(this.#seed, this.#number++);
    if (dice === undefined) return this.#carryCalmly(socket, port);
    const carried = new Carried(socket, port, dice, () => this.#forget(carried));
    this.#carried.add(carried);
    this.fates.set(carried.fate, (this.fates.get(carried.fate) ?? 0) + 1);
  }

  #carryCalmly(socket: Socket, port: number): void {
    // Number 0 of no seed: what counts is that nothing happens to it.
    const carried = new Carried(socket, port, new Dice(CALM_SEED), () => this.#forget(carried));
    carried.becomeCalm();
    this.#carried.add(carried);
  }

  #forget(carried: Carried): void {
    if (carried.deceived && carried.id !== undefined) this.#deceived.add(carried.id);
    this.#carried.delete(carried);
  }

  /** The ids of the connections of which an end was shown an orderly end though bytes were lost. */
  get deceived(): ReadonlySet<string> {
    const now = [...this.#carried].filter(({ deceived, id }) => deceived && id !== undefined);
    return new Set([...this.#deceived, ...now.map(({ id }) => id!)]);
  }

  /** Connections that it carries. */
  get size(): number {
    return this.#carried.size;
  }

  /** From now on no harm is done. */
  becomeCalm(): void {
    this.#calm = true;
    for (const carried of this.#carried) carried.becomeCalm();
  }

  /** Begins anew with another seed. */
  rage(seed: number): void {
    this.#calm = false;
    this.#seed = seed;
    this.#number = 0;
    this.#deceived = new Set();
  }

  /** Drops what is left, and listens no more. */
  async close(): Promise<void> {
    for (const carried of this.#carried) carried.end();
    this.#server.close();
    await once(this.#server, "close");
  }
}

function calmSeed(): number {
  let seed = 0;
  while (dealt(new Dice(seed)) !== "none") seed++;
  return seed;
}

const CALM_SEED = calmSeed();
