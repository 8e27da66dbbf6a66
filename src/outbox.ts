/**
 * Frames on their way to the transport: those of one turn go out in one write, and whoever has sent too much can wait
 * until they are gone.
 *
 * @module
 */
import { concat } from "./protocol/bytes.ts";
import { frameMemory } from "./protocol/frame_memory.ts";
import { inMicrotask } from "./transport/microtask.ts";
import type { Transport } from "./transport/transport.ts";

/** Whose frames they are. */
export interface OutboxOwner {
  /** What was written has gone out, or all but what the high-water mark allows. */
  outboxDrained(): void;
}

interface Waiter {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

// Pieces are joined into one write up to this size; beyond it a copy costs more than a call.
const JOIN_UP_TO = 64 * 1024;

// A loop that answers each message is back with the next one after some microtasks. To wait for that makes one write of
// what would be many, and writes are what costs.
const PATIENCE = 4;

// So many times its own size may a piece that waits keep in memory.
const WASTE = 4;

const NOTHING: Uint8Array = new Uint8Array(0);
const NOBODY: Waiter[] = [];

// The outboxes whose frames gather until the turn is over. One microtask serves all.
let gathering: Outbox[] = [];
let ticking = false;

// The last pieces that were joined in this turn: of a broadcast, many connections have the same.
let joinedPieces: readonly Uint8Array[] = [];
let joinedBytes: Uint8Array = NOTHING;

function joined(pieces: readonly Uint8Array[], size: number): Uint8Array {
  if (pieces.length !== joinedPieces.length || pieces.some((piece, i) => piece !== joinedPieces[i])) {
    joinedPieces = pieces;
    joinedBytes = concat(pieces, size);
  }
  return joinedBytes;
}

/** What one connection has sent and its transport has not handed to the operating system. */
export class Outbox {
  readonly #transport: Transport;
  readonly #highWaterMark: number;
  readonly #owner: OutboxOwner;
  // The newest piece, which grows while frames are written behind it in the same memory, and those before it.
  #bytes: Uint8Array = NOTHING;
  #start = 0;
  #end = 0;
  #earlier: Uint8Array[] | undefined;
  #size = 0;
  #held = false;
  // What waits in the transport, as long as all is held.
  #below = 0;
  #scheduled = false;
  #patience = 0;
  #waiters: Waiter[] = NOBODY;

  /** Holds nothing yet. */
  constructor(transport: Transport, highWaterMark: number, owner: OutboxOwner) {
    this.#transport = transport;
    this.#highWaterMark = highWaterMark;
    this.#owner = owner;
  }

  /** Bytes that wait here and in the transport. */
  get bufferedAmount(): number {
    return this.#size + (this.#held ? this.#below : this.#transport.bufferedAmount);
  }

  /** Takes `bytes[start..end)`, which nobody writes to any more. Answers `false` when more than the high-water mark waits. */
  write(bytes: Uint8Array, start: number = 0, end: number = bytes.length): boolean {
    if (bytes === this.#bytes && start === this.#end) {
      this.#end = end;
    } else {
      if (this.#bytes !== NOTHING) (this.#earlier ??= []).push(this.#newest());
      this.#bytes = bytes;
      this.#start = start;
      this.#end = end;
    }
    this.#size += end - start;
    if (!this.#held) this.#schedule();
    return this.bufferedAmount <= this.#highWaterMark;
  }

  #newest(): Uint8Array {
    const bytes = this.#bytes;
    return this.#start === 0 && this.#end === bytes.length ? bytes : bytes.subarray(this.#start, this.#end);
  }

  /** What is written goes out in this turn of the event loop: when no more of it has come for a few microtasks. */
  #schedule(): void {
    this.#patience = PATIENCE;
    if (this.#scheduled) return;
    this.#scheduled = true;
    gathering.push(this);
    if (ticking) return;
    ticking = true;
    inMicrotask(Outbox.#tick);
  }

  static #tick(): void {
    const outboxes = gathering;
    gathering = [];
    for (const outbox of outboxes) outbox.#wait();
    joinedPieces = [];
    joinedBytes = NOTHING;
    ticking = gathering.length > 0;
    if (ticking) inMicrotask(Outbox.#tick);
  }

  #wait(): void {
    if (this.#patience-- > 0 && this.#size < JOIN_UP_TO) {
      gathering.push(this);
    } else {
      this.#scheduled = false;
      this.flush();
    }
  }

  /** Until `release()`, what is written waits, to go out in one piece. */
  hold(): void {
    this.#held = true;
    this.#below = this.#transport.bufferedAmount;
  }

  /** Ends `hold()`: what has gathered goes out. */
  release(): void {
    this.#held = false;
    if (this.#size > 0) this.flush();
  }

  /** Hands everything to the transport now. */
  flush(): void {
    const size = this.#size;
    if (size === 0) return;
    const earlier = this.#earlier;
    const bytes = this.#bytes;
    const start = this.#start;
    const end = this.#end;
    const newest = this.#newest();
    this.clear();
    let flowing: boolean;
    if (earlier === undefined) {
      flowing = this.#hand(newest, bytes, start, end);
    } else {
      earlier.push(newest);
      flowing = size <= JOIN_UP_TO ? this.#transport.write(joined(earlier, size)) : this.#writeEach(earlier);
    }
    if (this.#held) this.#below = this.#transport.bufferedAmount;
    if (flowing) this.#drained();
  }

  #writeEach(pieces: readonly Uint8Array[]): boolean {
    let flowing = true;
    for (const piece of pieces) if (!this.#transport.write(piece)) flowing = false;
    return flowing;
  }

  /** Writes `bytes[start..end)`, and gives that memory back when nothing of it is kept. */
  #hand(piece: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
    const transport = this.#transport;
    if (transport.bufferedAmount > 0 && WASTE * piece.length < bytes.length) {
      // It will wait, and is not to keep the memory of all that was sent beside it.
      const flowing = transport.write(piece.slice());
      frameMemory.giveBack(bytes, start, end);
      return flowing;
    }
    const flowing = transport.write(piece);
    if (transport.bufferedAmount === 0) frameMemory.giveBack(bytes, start, end);
    return flowing;
  }

  /** The transport has emptied. */
  transportDrained(): void {
    // What has gathered meanwhile goes out next, and says by itself whether it flows.
    if (this.#size === 0) this.#drained();
  }

  /** The transport is done with what it had kept. */
  transportWrote(bytes: Uint8Array): void {
    frameMemory.giveBackView(bytes);
  }

  /** Resolves when no more than the high-water mark waits. */
  drained(): Promise<void> {
    if (this.bufferedAmount <= this.#highWaterMark) return Promise.resolve();
    if (this.#waiters === NOBODY) this.#waiters = [];
    return new Promise((resolve, reject) => this.#waiters.push({ resolve, reject }));
  }

  /** Forgets what waits here; what the transport has, it keeps. */
  clear(): void {
    this.#bytes = NOTHING;
    this.#start = 0;
    this.#end = 0;
    this.#earlier = undefined;
    this.#size = 0;
  }

  /** Nothing will drain any more: those who wait are told why. */
  fail(makeError: () => Error): void {
    const waiters = this.#waiters;
    this.#waiters = NOBODY;
    for (const { reject } of waiters) reject(makeError());
  }

  #drained(): void {
    this.#owner.outboxDrained();
    if (this.#waiters === NOBODY) return;
    const waiters = this.#waiters;
    this.#waiters = NOBODY;
    for (const { resolve } of waiters) resolve();
  }
}
