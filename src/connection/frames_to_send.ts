/**
 * Frames on their way to the transport. Frames of one turn of the event loop go out in one write, and a sender can
 * wait for the buffer to drain (backpressure).
 *
 * @module
 */
import { NOTHING } from "../protocol/bytes.ts";
import { frameMemory } from "../protocol/frame_memory.ts";
import { inMicrotask } from "../support/microtask.ts";
import type { Transport } from "../transport/transport.ts";

/** What the frames need of their connection. */
export interface FramesToSendOwner {
  /** `write()` returns `false` while more than this many bytes wait. */
  readonly settings: { readonly sendHighWaterMark: number };
  /** Everything was written, or at most the high-water mark still waits. */
  framesDrained(): void;
}

interface Waiter {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

// Pieces up to this size together are joined into one write; for more, a copy costs more than a call.
const JOIN_UP_TO = 64 * 1024;

// A loop that answers each message comes back with the next answer after a few microtasks. Waiting for it turns many
// writes into one, and writes are the main cost.
const PATIENCE = 4;

// Microtasks after which a sender that never pauses no longer delays the others.
const LONGEST_TURN = 256;

// A waiting piece may keep this many times its own size in memory.
const WASTE = 4;

const NOBODY: Waiter[] = [];
const NOT_HELD = -1;

// The queues with frames of this turn. One microtask serves all of them.
let gathered: FramesToSend[] = [];
// Microtasks since the first frame of this turn, and since the last.
let turn = 0;
let quiet = 0;
// A queue has more than is joined, so there is nothing to wait for.
let enough = false;

/**
 * A piece and the ones before it. In a broadcast many connections share the same run, so that it is joined once for
 * all.
 */
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

// The pieces of this turn that were joined last.
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

/** What one connection has sent but its transport has not yet handed to the operating system. */
export class FramesToSend {
  readonly #transport: Transport;
  readonly #owner: FramesToSendOwner;
  // The newest piece, which grows while frames are written behind it in the same memory, and the pieces before it.
  #bytes: Uint8Array = NOTHING;
  #start = 0;
  #end = 0;
  #earlier: Run | undefined;
  #size = 0;
  // Total bytes written.
  #taken = 0;
  // What waits in the transport, recorded while frames are held.
  #below = NOT_HELD;
  #waiters: Waiter[] = NOBODY;

  /** Starts empty. */
  constructor(transport: Transport, owner: FramesToSendOwner) {
    this.#transport = transport;
    this.#owner = owner;
  }

  /** Bytes waiting here and in the transport. */
  get bufferedAmount(): number {
    return this.#size + (this.#below === NOT_HELD ? this.#transport.bufferedAmount : this.#below);
  }

  /** Total bytes written. */
  get bytesTaken(): number {
    return this.#taken;
  }

  /**
   * Takes `bytes[start..end)`, which must not change any more. Returns `false` while more than the high-water mark
   * waits.
   */
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

  /** Written frames go out in this turn of the event loop, once no more have come for a few microtasks. */
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

  /** Until `release()`, frames wait, to go out in one write. */
  hold(): void {
    this.#below = this.#transport.bufferedAmount;
  }

  /** Ends `hold()` and flushes. */
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

  /** Writes `bytes[start..end)`, and gives the memory back if the transport keeps none of it. */
  #hand(piece: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
    const transport = this.#transport;
    if (transport.bufferedAmount > 0 && WASTE * piece.length < bytes.length) {
      // It will wait. A copy, so that it does not keep the memory of everything sent beside it.
      const flowing = transport.write(piece.slice());
      frameMemory.giveBack(bytes, start, end);
      return flowing;
    }
    const flowing = transport.write(piece);
    if (transport.done) frameMemory.giveBack(bytes, start, end);
    return flowing;
  }

  /** The transport's buffer is empty. */
  transportDrained(): void {
    // Frames gathered meanwhile go out next, and their write reports the drain.
    if (this.#size === 0) this.#drained();
  }

  /** The transport no longer needs memory that it had kept. */
  transportWrote(bytes: Uint8Array): void {
    frameMemory.giveBackView(bytes);
  }

  /** Resolves when at most the high-water mark waits. */
  drained(): Promise<void> {
    if (this.#flows) return Promise.resolve();
    if (this.#waiters === NOBODY) this.#waiters = [];
    return new Promise((resolve, reject) => this.#waiters.push({ resolve, reject }));
  }

  /** Discards what waits here; the transport keeps what it has. */
  clear(): void {
    this.#bytes = NOTHING;
    this.#start = 0;
    this.#end = 0;
    this.#earlier = undefined;
    this.#size = 0;
  }

  /** Nothing will drain any more: waiting callers get this error. */
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
