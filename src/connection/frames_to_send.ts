/**
 * Frames on their way to the transport: those of one turn go out in one write, and whoever has sent too much can wait
 * until they are gone.
 *
 * @module
 */
import { NOTHING } from "../protocol/bytes.ts";
import { frameMemory } from "../protocol/frame_memory.ts";
import { inMicrotask } from "../support/microtask.ts";
import type { Transport } from "../transport/transport.ts";

/** Whose frames they are. */
export interface FramesToSendOwner {
  /** Of how many bytes that wait `write()` answers `false`. */
  readonly settings: { readonly sendHighWaterMark: number };
  /** What was written has gone out, or all but what the high-water mark allows. */
  framesDrained(): void;
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

// Microtasks for which one that never rests makes the others wait.
const LONGEST_TURN = 256;

// So many times its own size may a piece that waits keep in memory.
const WASTE = 4;

const NOBODY: Waiter[] = [];
const NOT_HELD = -1;

// The queues whose frames gather until the turn is over. One microtask serves all.
let gathered: FramesToSend[] = [];
// Microtasks since the turn's first frame, and since its last.
let turn = 0;
let quiet = 0;
// One has more than is joined: it waits no longer.
let enough = false;

/** A piece and those before it. Of a broadcast many connections have the same, which is made once for all. */
interface Run {
  readonly before: Run | undefined;
  readonly piece: Uint8Array;
}

const NO_RUN: Run = { before: undefined, piece: NOTHING };
let lastRun: Run = NO_RUN;

function runOf(before: Run | undefined, piece: Uint8Array): Run {
  if (lastRun.piece !== piece || lastRun.before !== before) lastRun = { before, piece };
  return lastRun;
}

// The last pieces of this turn that were joined.
let joinedRun: Run = NO_RUN;
let joinedBytes: Uint8Array = NOTHING;

function joined(run: Run, size: number): Uint8Array {
  if (run === joinedRun) return joinedBytes;
  const bytes = new Uint8Array(size);
  let end = size;
  for (let each: Run | undefined = run; each !== undefined; each = each.before) {
    bytes.set(each.piece, end -= each.piece.length);
  }
  joinedRun = run;
  joinedBytes = bytes;
  return bytes;
}

function forgetRuns(): void {
  lastRun = joinedRun = NO_RUN;
  joinedBytes = NOTHING;
}

/** What one connection has sent and its transport has not handed to the operating system. */
export class FramesToSend {
  readonly #transport: Transport;
  readonly #owner: FramesToSendOwner;
  // The newest piece, which grows while frames are written behind it in the same memory, and those before it.
  #bytes: Uint8Array = NOTHING;
  #start = 0;
  #end = 0;
  #earlier: Run | undefined;
  #size = 0;
  // All that was ever written.
  #taken = 0;
  // What waits in the transport, as long as all is held.
  #below = NOT_HELD;
  #waiters: Waiter[] = NOBODY;

  /** Holds nothing yet. */
  constructor(transport: Transport, owner: FramesToSendOwner) {
    this.#transport = transport;
    this.#owner = owner;
  }

  /** Bytes that wait here and in the transport. */
  get bufferedAmount(): number {
    return this.#size + (this.#below === NOT_HELD ? this.#transport.bufferedAmount : this.#below);
  }

  /** Bytes that were ever written. */
  get bytesTaken(): number {
    return this.#taken;
  }

  /** Takes `bytes[start..end)`, which nobody writes to any more. Answers `false` when more than the high-water mark waits. */
  write(bytes: Uint8Array, start: number = 0, end: number = bytes.length): boolean {
    const before = this.#size;
    if (bytes === this.#bytes && start === this.#end) {
      this.#end = end;
    } else {
      if (before > 0) this.#earlier = runOf(this.#earlier, this.#newest());
      this.#bytes = bytes;
      this.#start = start;
      this.#end = end;
    }
    this.#size = before + end - start;
    this.#taken += end - start;
    if (this.#below === NOT_HELD) this.#gather(before === 0);
    return this.#flows;
  }

  get #flows(): boolean {
    return this.bufferedAmount <= this.#owner.settings.sendHighWaterMark;
  }

  #newest(): Uint8Array {
    const bytes = this.#bytes;
    return this.#start === 0 && this.#end === bytes.length ? bytes : bytes.subarray(this.#start, this.#end);
  }

  /** What is written goes out in this turn of the event loop: when no more of it has come for a few microtasks. */
  #gather(first: boolean): void {
    quiet = 0;
    if (this.#size >= JOIN_UP_TO) enough = true;
    if (first && gathered.push(this) === 1) inMicrotask(FramesToSend.#tick);
  }

  static #tick(): void {
    if (quiet++ < PATIENCE && turn++ < LONGEST_TURN && !enough) return inMicrotask(FramesToSend.#tick);
    const queues = gathered;
    gathered = [];
    turn = 0;
    enough = false;
    for (const framesToSend of queues) framesToSend.flush();
    forgetRuns();
  }

  /** Until `release()`, what is written waits, to go out in one piece. */
  hold(): void {
    this.#below = this.#transport.bufferedAmount;
  }

  /** Ends `hold()`: what has gathered goes out. */
  release(): void {
    this.#below = NOT_HELD;
    if (this.#size > 0) this.flush();
    forgetRuns();
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
      const run = runOf(earlier, newest);
      flowing = size <= JOIN_UP_TO ? this.#transport.write(joined(run, size)) : this.#writeEach(run);
    }
    if (this.#below !== NOT_HELD) this.#below = this.#transport.bufferedAmount;
    if (flowing) this.#drained();
  }

  #writeEach(run: Run): boolean {
    const pieces: Uint8Array[] = [];
    for (let each: Run | undefined = run; each !== undefined; each = each.before) pieces.push(each.piece);
    let flowing = true;
    for (const piece of pieces.reverse()) if (!this.#transport.write(piece)) flowing = false;
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
    if (transport.done) frameMemory.giveBack(bytes, start, end);
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
    if (this.#flows) return Promise.resolve();
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
    this.#owner.framesDrained();
    if (this.#waiters === NOBODY) return;
    const waiters = this.#waiters;
    this.#waiters = NOBODY;
    for (const { resolve } of waiters) resolve();
  }
}
