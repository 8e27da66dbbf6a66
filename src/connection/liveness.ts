/**
 * Whether the peer is still there: pings, the deadline of their pongs, round-trip times, idleness.
 *
 * @module
 */
import { ConnectionClosedError } from "../protocol/errors.ts";
import { maskingKey } from "../protocol/mask.ts";
import { join, leave, type Ticking } from "../support/ticker.ts";
import { now } from "../support/clock.ts";

/** At what pace a peer is asked for a sign of life. */
export interface Heartbeat {
  /** Milliseconds between pings. */
  readonly interval: number;
  /** Milliseconds in which a pong must answer. */
  readonly timeout: number;
}

/** What holds for the liveness of a connection. */
export interface LivenessSettings {
  /** Ping and Pong frames that may come within a second. */
  readonly maxControlFrames: number;
  /** `undefined` for no pings. */
  readonly heartbeat: Heartbeat | undefined;
  /** Milliseconds without a message either way after which the connection is closed; 0 for never. */
  readonly idleTimeout: number;
  /** Milliseconds between two looks at the connection, as {@linkcode livenessPeriod} has it; 0 for none. */
  readonly livenessPeriod: number;
}

/** What a connection lends to its liveness. */
export interface LivenessOwner {
  /** At what pace, and for how long. */
  readonly settings: LivenessSettings;
  /** Sends a ping, if the connection is open. */
  sendHeartbeat(payload: Uint8Array): void;
  /** Whether a pong would be seen now; if not, it is no fault of the peer's. */
  canSeePongs(): boolean;
  /** Whether a pong could not be sent now: a frame of the peer's is on its way, and it is as long as it is. */
  receivingFrame(): boolean;
  /** Whether a ping may be sent now. */
  mayPing(): boolean;
  /** Bytes that were ever sent, or wait to be. */
  bytesTaken(): number;
  /** Those of them that the system has taken. */
  bytesGone(): number;
  /** Ends the connection: the peer did not answer in time. */
  drop(error: ConnectionClosedError): void;
  /** No message went either way for `idleTimeout`. */
  idleTooLong(): void;
  /** Why nothing more can be done. */
  closedError(what: string): Error;
}

/** A ping without an answer; a heartbeat if nobody waits for it. */
interface PendingPing {
  readonly id: number;
  readonly sentAt: number;
  readonly resolve?: (roundTrip: number) => void;
  readonly reject?: (error: Error) => void;
}

// Milliseconds without a message, while one has come or gone since the last tick.
const NONE_YET = -1;
const SHORTEST_PERIOD = 10;
const LONGEST_PERIOD = 5000;

/** A quarter of the shortest span, so that each is kept to within that; 0 where there is none. */
export function livenessPeriod(heartbeat: Heartbeat | undefined, idleTimeout: number): number {
  if (heartbeat === undefined && idleTimeout === 0) return 0;
  const { interval, timeout } = heartbeat ?? { interval: Infinity, timeout: Infinity };
  const shortest = Math.min(interval, timeout, idleTimeout || Infinity);
  return Math.round(Math.min(LONGEST_PERIOD, Math.max(SHORTEST_PERIOD, shortest / 4)));
}

/** One connection's signs of life. Times are in whole milliseconds. */
export class Liveness implements Ticking {
  readonly #owner: LivenessOwner;
  // Those that have no answer yet, the oldest first; undefined when there is none.
  #pings: PendingPing[] | undefined;
  readonly #place: number;
  #latency: number | undefined;
  // When the last heartbeat was sent, or all began.
  #lastPing: number;
  // Milliseconds for which a heartbeat's answer has been waited for, since it was sent or its deadline was last put off.
  #waited: number | undefined;
  // How many bytes had been sent with it, if it had to wait behind some, and how many had gone when last looked at.
  #heartbeatEnd = 0;
  #gone = 0;
  #bytesCame = false;
  // Milliseconds without a message.
  #idle = NONE_YET;
  // Ping and Pong frames that came in the second at hand.
  #second = 0;
  #controlFrames = 0;

  /** Begins at once. */
  constructor(owner: LivenessOwner) {
    this.#owner = owner;
    const time = Math.round(now());
    this.#lastPing = time;
    const { livenessPeriod } = owner.settings;
    this.#place = livenessPeriod > 0 ? join(livenessPeriod, this) : 0;
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
    this.#idle = NONE_YET;
  }

  /** A Ping or Pong frame has come. Answers whether there are too many of them. */
  controlFrame(): boolean {
    const second = Math.floor(now() / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#controlFrames = 0;
    }
    return ++this.#controlFrames > this.#owner.settings.maxControlFrames;
  }

  /** Sends a ping and resolves with its round trip in milliseconds. */
  ping(): Promise<number> {
    return new Promise((resolve, reject) => this.#send({ resolve, reject }));
  }

  /** A pong has come; it answers its ping and all before it (RFC 6455, section 5.5.3). */
  pong(payload: Uint8Array): void {
    if (payload.length !== 4) return;
    const id = new DataView(payload.buffer, payload.byteOffset).getUint32(0);
    const pings = this.#pings;
    const index = pings?.findIndex((ping) => ping.id === id) ?? -1;
    if (pings === undefined || index === -1) return;
    const time = now();
    this.#latency = time - pings[index]!.sentAt;
    const answered = pings.splice(0, index + 1);
    if (pings.length === 0) this.#pings = undefined;
    for (const { sentAt, resolve } of answered) {
      if (resolve === undefined) this.#waited = undefined;
      else resolve(time - sentAt);
    }
  }

  /** The connection has ended. */
  end(): void {
    leave(this.#owner.settings.livenessPeriod, this, this.#place);
    const pings = this.#pings;
    this.#pings = undefined;
    if (pings === undefined) return;
    for (const { reject } of pings) reject?.(this.#owner.closedError("wait for the pong"));
  }

  /** Sends a heartbeat that should have gone out by now. */
  pingIfDue(): void {
    // The next tick counts all the time since the last one.
    this.#heartbeatIfDue(-this.#owner.settings.livenessPeriod);
  }

  #heartbeatIfDue(waited: number): void {
    const { heartbeat } = this.#owner.settings;
    if (heartbeat === undefined || this.#waited !== undefined) return;
    const time = Math.round(now());
    if (time - this.#lastPing < heartbeat.interval) return;
    this.#lastPing = time;
    this.#waited = waited;
    this.#gone = this.#owner.bytesGone();
    const waits = this.#gone < this.#owner.bytesTaken();
    this.#send({});
    this.#heartbeatEnd = waits ? this.#owner.bytesTaken() : 0;
  }

  /** Whether a heartbeat has waited behind what a slow peer is reading, and has come nearer to it. */
  #heartbeatAdvances(): boolean {
    const before = this.#gone;
    if (before >= this.#heartbeatEnd) return false;
    this.#gone = this.#owner.bytesGone();
    return this.#gone > before;
  }

  tick(_time: number, late: boolean, elapsed: number): void {
    const { heartbeat, idleTimeout } = this.#owner.settings;
    // Deadlines count only time in which the peer's bytes are read.
    const reads = this.#owner.canSeePongs();
    if (reads) {
      const before = this.#idle;
      this.#idle = before === NONE_YET ? 0 : before + elapsed;
      if (idleTimeout > 0 && isOver(idleTimeout, before, this.#idle, late)) {
        this.#idle = NONE_YET;
        return this.#owner.idleTooLong();
      }
    }
    if (heartbeat === undefined) return;
    const before = this.#waited;
    if (before === undefined) {
      if (this.#owner.mayPing()) this.#heartbeatIfDue(0);
    } else if (
      this.#heartbeatAdvances() || !reads || (this.#owner.receivingFrame() && this.#bytesCame)
    ) {
      this.#waited = 0;
    } else if (isOver(heartbeat.timeout, before, this.#waited = before + elapsed, late)) {
      this.#owner.drop(
        new ConnectionClosedError(
          `The peer did not answer a ping within ${heartbeat.timeout} ms (heartbeat.timeout).`,
          undefined,
          "heartbeat",
        ),
      );
    }
    this.#bytesCame = false;
  }

  #send(callbacks: Pick<PendingPing, "resolve" | "reject">): void {
    // As unpredictable as a masking key: a peer that could guess it would seem to be there without reading.
    const id = maskingKey() >>> 0;
    (this.#pings ??= []).push({ id, sentAt: now(), ...callbacks });
    const payload = new Uint8Array(4);
    new DataView(payload.buffer).setUint32(0, id);
    this.#owner.sendHeartbeat(payload);
  }
}

/**
 * Whether a time is over that had gone on for `before` milliseconds at the last tick and for `now` at this one. When this
 * process, or the machine, stood still in between, what was waited for may have come and not have been read: that happens
 * between this tick and the next.
 */
function isOver(span: number, before: number, now: number, late: boolean): boolean {
  return now >= span && (!late || before >= span);
}
