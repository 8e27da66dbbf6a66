/**
 * Whether the peer is still there: pings, the deadline of their pongs, round-trip times, idleness.
 *
 * @module
 */
import { ConnectionClosedError } from "./protocol/errors.ts";
import { every, now, type Ticking } from "./ticker.ts";

/** At what pace a peer is asked for a sign of life. */
export interface Heartbeat {
  /** Milliseconds between pings. */
  readonly interval: number;
  /** Milliseconds in which a pong must answer. */
  readonly timeout: number;
}

/** What holds for the liveness of a connection. */
export interface LivenessSettings {
  /** `undefined` for no pings. */
  readonly heartbeat: Heartbeat | undefined;
  /** Milliseconds without a message either way after which the connection is closed; 0 for never. */
  readonly idleTimeout: number;
}

/** What a connection lends to its liveness. */
export interface LivenessOwner {
  /** Sends a ping, if the connection is open. */
  ping(payload: Uint8Array): void;
  /** Whether a pong could not be seen now, through no fault of the peer's: we do not read. */
  paused(): boolean;
  /** Whether a pong could not be sent now: a frame of the peer's is on its way, and it is as long as it is. */
  receivingFrame(): boolean;
  /** Whether a ping may be sent now. */
  mayPing(): boolean;
  /** The peer did not answer in time. */
  dead(error: ConnectionClosedError): void;
  /** No message went either way for `idleTimeout`. */
  idle(): void;
}

interface PendingPing {
  readonly id: number;
  readonly sentAt: number;
  readonly resolve?: (roundTrip: number) => void;
  readonly reject?: (error: Error) => void;
}

const SHORTEST_PERIOD = 10;
const LONGEST_PERIOD = 5000;

/** One connection's signs of life. */
export class Liveness implements Ticking {
  readonly #settings: LivenessSettings;
  readonly #owner: LivenessOwner;
  readonly #stop: (() => void) | undefined;
  readonly #period: number = Infinity;
  #pings: PendingPing[] = [];
  #nextId = 0;
  #latency: number | undefined;
  #nextPing: number;
  // When the ping that is waited for was sent, or when its deadline was last put off.
  #waitingSince: number | undefined;
  #waitingFor = 0;
  #bytesCame = false;
  #messageWent = false;
  #lastMessage: number;
  #lastTick: number;

  /** Begins at once. */
  constructor(settings: LivenessSettings, owner: LivenessOwner) {
    this.#settings = settings;
    this.#owner = owner;
    const time = now();
    this.#nextPing = time + (settings.heartbeat?.interval ?? Infinity);
    this.#lastMessage = time;
    this.#lastTick = time;
    const spans = [
      settings.heartbeat?.interval,
      settings.heartbeat?.timeout,
      settings.idleTimeout || undefined,
    ]
      .filter((span) => span !== undefined);
    // A quarter of the shortest span, so that each is kept to within that.
    if (spans.length > 0) {
      this.#period = Math.round(Math.min(LONGEST_PERIOD, Math.max(SHORTEST_PERIOD, Math.min(...spans) / 4)));
      this.#stop = every(this.#period, this);
    }
  }

  /** The last round trip in milliseconds; `undefined` before the first. */
  get latency(): number | undefined {
    return this.#latency;
  }

  /** Bytes have come. */
  received(): void {
    this.#bytesCame = true;
  }

  /** A message has gone one way or the other. */
  message(): void {
    this.#messageWent = true;
  }

  /** Sends a ping and resolves with its round trip in milliseconds. */
  ping(): Promise<number> {
    return new Promise((resolve, reject) => this.#send({ resolve, reject }));
  }

  /** A pong has come; it answers its ping and all before it (RFC 6455, section 5.5.3). */
  pong(payload: Uint8Array): void {
    if (payload.length !== 4) return;
    const id = new DataView(payload.buffer, payload.byteOffset).getUint32(0);
    const index = this.#pings.findIndex((ping) => ping.id === id);
    if (index === -1) return;
    const time = now();
    this.#latency = time - this.#pings[index]!.sentAt;
    for (const { sentAt, resolve } of this.#pings.splice(0, index + 1)) resolve?.(time - sentAt);
    // Ids grow, so that a later pong than the one waited for answers it too; they wrap after four thousand million.
    if (this.#waitingSince !== undefined && id >= this.#waitingFor) this.#waitingSince = undefined;
  }

  /** The connection has ended. */
  end(makeError: () => Error): void {
    this.#stop?.();
    for (const { reject } of this.#pings.splice(0)) reject?.(makeError());
  }

  /** Sends a ping that should have gone out by now. */
  pingIfDue(): void {
    const time = now();
    if (this.#waitingSince !== undefined || time < this.#nextPing) return;
    this.#nextPing = time + (this.#settings.heartbeat?.interval ?? Infinity);
    this.#waitingSince = time;
    this.#waitingFor = this.#send({});
  }

  tick(time: number): void {
    const { heartbeat, idleTimeout } = this.#settings;
    if (this.#messageWent) {
      this.#messageWent = false;
      this.#lastMessage = time;
    } else if (idleTimeout > 0 && time - this.#lastMessage >= idleTimeout) {
      this.#lastMessage = time;
      return this.#owner.idle();
    }
    if (heartbeat === undefined) return;
    // When this process, or the machine, stood still, the pong may have come and not have been read.
    const stoodStill = time - this.#lastTick >= 3 * this.#period;
    this.#lastTick = time;
    if (this.#waitingSince === undefined) {
      if (this.#owner.mayPing()) this.pingIfDue();
    } else if (stoodStill || this.#owner.paused() || (this.#owner.receivingFrame() && this.#bytesCame)) {
      this.#waitingSince = time;
    } else if (time - this.#waitingSince >= heartbeat.timeout) {
      this.#owner.dead(
        new ConnectionClosedError(
          `The peer did not answer a ping within ${heartbeat.timeout} ms (heartbeat.timeout).`,
        ),
      );
    }
    this.#bytesCame = false;
  }

  #send(callbacks: Pick<PendingPing, "resolve" | "reject">): number {
    const id = this.#nextId++ >>> 0;
    this.#pings.push({ id, sentAt: now(), ...callbacks });
    const payload = new Uint8Array(4);
    new DataView(payload.buffer).setUint32(0, id);
    this.#owner.ping(payload);
    return id;
  }
}
