/**
 * Frames on their way to the transport: those of one turn go out in one write, and whoever has sent too much can wait
 * until they are gone.
 *
 * @module
 */
import { concat } from "./protocol/bytes.ts";
import type { Transport } from "./transport/transport.ts";

interface Waiter {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

// Pieces are joined into one write up to this size; beyond it a copy costs more than a call.
const JOIN_UP_TO = 64 * 1024;

// A loop that answers each message is back with the next one after some microtasks. To wait for that makes one write of
// what would be many, and writes are what costs.
const PATIENCE = 4;

/** What one connection has sent and its transport has not handed to the operating system. */
export class Outbox {
  readonly #transport: Transport;
  readonly #highWaterMark: number;
  readonly #onDrained: () => void;
  #pieces: Uint8Array[] = [];
  #size = 0;
  #held = false;
  #scheduled = false;
  #patience = 0;
  #waiters: Waiter[] = [];

  /** `onDrained` is called whenever what was written has gone out, or all but what the high-water mark allows. */
  constructor(transport: Transport, highWaterMark: number, onDrained: () => void) {
    this.#transport = transport;
    this.#highWaterMark = highWaterMark;
    this.#onDrained = onDrained;
  }

  /** Bytes that wait here and in the transport. */
  get bufferedAmount(): number {
    return this.#size + this.#transport.bufferedAmount;
  }

  /** Takes bytes, which are its own from now on. Answers `false` when more than the high-water mark waits. */
  write(bytes: Uint8Array): boolean {
    this.#pieces.push(bytes);
    this.#size += bytes.length;
    if (!this.#held) this.#schedule();
    return this.bufferedAmount <= this.#highWaterMark;
  }

  /** What is written goes out in this turn of the event loop: when no more of it has come for a few microtasks. */
  #schedule(): void {
    this.#patience = PATIENCE;
    if (this.#scheduled) return;
    this.#scheduled = true;
    const wait = (): void => {
      if (this.#patience-- > 0 && this.#size < JOIN_UP_TO) return queueMicrotask(wait);
      this.#scheduled = false;
      this.flush();
    };
    queueMicrotask(wait);
  }

  /** Until `release()`, what is written waits, to go out in one piece. */
  hold(): void {
    this.#held = true;
  }

  /** Ends `hold()`: what has gathered goes out. */
  release(): void {
    this.#held = false;
    if (this.#size > 0) this.flush();
  }

  /** Hands everything to the transport now. */
  flush(): void {
    if (this.#size === 0) return;
    const pieces = this.#pieces;
    const size = this.#size;
    this.#pieces = [];
    this.#size = 0;
    let flowing = true;
    if (pieces.length === 1) flowing = this.#transport.write(pieces[0]!);
    else if (size <= JOIN_UP_TO) flowing = this.#transport.write(concat(pieces, size));
    else for (const piece of pieces) if (!this.#transport.write(piece)) flowing = false;
    if (flowing) this.#drained();
  }

  /** The transport has emptied. */
  transportDrained(): void {
    // What has gathered meanwhile goes out next, and says by itself whether it flows.
    if (this.#size === 0) this.#drained();
  }

  /** Resolves when no more than the high-water mark waits. */
  drained(): Promise<void> {
    if (this.bufferedAmount <= this.#highWaterMark) return Promise.resolve();
    return new Promise((resolve, reject) => this.#waiters.push({ resolve, reject }));
  }

  /** Forgets what waits here; what the transport has, it keeps. */
  clear(): void {
    this.#pieces = [];
    this.#size = 0;
  }

  /** Nothing will drain any more: those who wait are told why. */
  fail(makeError: () => Error): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const { reject } of waiters) reject(makeError());
  }

  #drained(): void {
    this.#onDrained();
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const { resolve } of waiters) resolve();
  }
}
