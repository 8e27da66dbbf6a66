/**
 * Detects dead peers: pings, pong deadlines, round-trip times, idle timeouts.
 *
 * @module
 */
import { ConnectionClosedError } from "../protocol/errors.ts";
import { maskingKey } from "../protocol/mask.ts";
import { join, leave, type Ticking } from "../support/ticker.ts";
import { now } from "../support/clock.ts";

/** How often pings are sent. */
export interface Heartbeat {
  /** Milliseconds between pings. */
  readonly interval: number;
  /** Milliseconds until a pong must arrive. */
  readonly timeout: number;
}

/** Liveness settings of a connection. */
export interface LivenessSettings {
  /** Ping and Pong frames accepted within a second. */
  readonly maxControlFrames: number;
  /** `undefined`: no pings. */
  readonly heartbeat: Heartbeat | undefined;
  /** The connection is closed after this many milliseconds without a message in either direction; 0: never. */
  readonly idleTimeout: number;
  /** Milliseconds between two checks, from {@linkcode livenessPeriod}; 0: none. */
  readonly livenessPeriod: number;
}

/** What liveness needs of its connection. */
export interface LivenessOwner {
  /** Intervals and timeouts. */
  readonly settings: LivenessSettings;
  /** Sends a ping if the connection is open. */
  sendHeartbeat(payload: Uint8Array): void;
  /** Whether a pong would be seen now. If not, its absence is not the peer's fault. */
  canSeePongs(): boolean;
  /** Whether the peer cannot send a pong now because it is in the middle of a frame, which may be long. */
  receivingFrame(): boolean;
  /** Whether a ping may be sent now. */
  mayPing(): boolean;
  /** Total bytes given to be sent. */
  bytesTaken(): number;
  /** How many of them the operating system has taken. */
  bytesGone(): number;
  /** Ends the connection: the peer did not answer in time. */
  drop(error: ConnectionClosedError): void;
  /** There was no message in either direction for `idleTimeout`. */
  idleTooLong(): void;
  /** The error for an operation on a closed connection. */
  closedError(what: string): Error;
}

/** A ping without an answer. A heartbeat has no callbacks. */
interface PendingPing {
  readonly id: number;
  readonly sentAt: number;
  readonly resolve?: (roundTrip: number) => void;
  readonly reject?: (error: Error) => void;
}

// There was a message since the last tick.
const NONE_YET = -1;
const SHORTEST_PERIOD = 10;
const LONGEST_PERIOD = 5000;

/** A quarter of the shortest interval, so that each deadline is accurate to a quarter; 0 if there is none. */
export function livenessPeriod(heartbeat: Heartbeat | undefined, idleTimeout: number): number {
  if (heartbeat === undefined && idleTimeout === 0) return 0;
  const { interval, timeout } = heartbeat ?? { interval: Infinity, timeout: Infinity };
  const shortest = Math.min(interval, timeout, idleTimeout || Infinity);
  return Math.round(Math.min(LONGEST_PERIOD, Math.max(SHORTEST_PERIOD, shortest / 4)));
}

/** The liveness of one connection. Times are in whole milliseconds. */
export class Liveness implements Ticking {
  readonly #owner: LivenessOwner;
  // Unanswered pings, oldest first; undefined if there are none.
  #pings: PendingPing[] | undefined;
  readonly #place: number;
  #latency: number | undefined;
  // When the last heartbeat was sent, or the connection started.
  #lastPing: number;
  // Milliseconds waited for the heartbeat's pong, since it was sent or its deadline was last extended.
  #waited: number | undefined;
  // If the heartbeat waits behind other bytes: total bytes including it, and how many of them had gone at the last
  // check.
  #heartbeatEnd = 0;
  #gone = 0;
  #bytesCame = false;
  // Milliseconds without a message.
  #idle = NONE_YET;
  // Ping and Pong frames in the current second.
  #second = 0;
  #controlFrames = 0;

  /** Starts at once. */
  constructor(owner: LivenessOwner) {
    this.#owner = owner;
    const time = Math.round(now());
    this.#lastPing = time;
    const { livenessPeriod } = owner.settings;
    this.#place = livenessPeriod > 0 ? join(livenessPeriod, this) : 0;
  }

  /** The latest round trip in milliseconds; `undefined` before the first. */
  get latency(): number | undefined {
    return this.#latency;
  }

  /** Bytes arrived. */
  received(): void {
    this.#bytesCame = true;
  }

  /** A message was sent or received. */
  message(): void {
    this.#idle = NONE_YET;
  }

  /** A Ping or Pong frame arrived. Returns whether there are too many. */
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

  /** A pong arrived. It answers its ping and all earlier ones (RFC 6455, section 5.5.3). */
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

  /** Sends a heartbeat that is overdue. */
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

  /** Whether the heartbeat waits behind bytes that a slow peer is still reading. */
  #heartbeatAdvances(): boolean {
    const before = this.#gone;
    if (before >= this.#heartbeatEnd) return false;
    this.#gone = this.#owner.bytesGone();
    return this.#gone > before;
  }

  tick(_time: number, late: boolean, elapsed: number): void {
    const { heartbeat, idleTimeout } = this.#owner.settings;
    // Deadlines count only while the peer's bytes are being read.
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
    // As unpredictable as a masking key: a peer that could guess it would seem alive without reading.
    const id = maskingKey() >>> 0;
    (this.#pings ??= []).push({ id, sentAt: now(), ...callbacks });
    const payload = new Uint8Array(4);
    new DataView(payload.buffer).setUint32(0, id);
    this.#owner.sendHeartbeat(payload);
  }
}

/**
 * Whether a time span is over, after `before` milliseconds at the last tick and `now` at this one. If the process or
 * machine was suspended in between, the awaited bytes may have arrived without having been read yet; they are read
 * before the next tick.
 */
function isOver(span: number, before: number, now: number, late: boolean): boolean {
  return now >= span && (!late || before >= span);
}
