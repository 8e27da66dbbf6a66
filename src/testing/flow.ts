/**
 * One direction of a simulated network: bytes go in at one end and come out at the other as the test says.
 *
 * @module
 */
import { concat, copyOf } from "../protocol/bytes.ts";
import { ByteQueue } from "../transport/byte_queue.ts";
import type { Transport } from "../transport/transport.ts";
import { pieceSizes, type Split } from "./split.ts";

/** How one direction treats its bytes. */
export interface FlowOptions {
  /**
   * Splits the bytes into pieces; each arrives separately, after the receiver has handled the one before. Default: no
   * splitting.
   */
  split?: Split;
  /**
   * Bytes that may be in flight, as in kernel buffers; beyond that the sender's own buffer fills. Checked after each
   * write: one write of up to 64 KiB may exceed it.
   *
   * @default 65536
   */
  buffer?: number;
  /**
   * Called before each piece arrives; if it returns a promise, the piece and everything behind it waits for that. It
   * must not reject.
   */
  delay?(piece: Uint8Array): unknown;
  /** May modify a piece in place before it arrives. */
  alter?(piece: Uint8Array): void;
  /**
   * Keeps a copy of everything that arrived: {@linkcode Flow.recorded}. Default `false`, since it grows without
   * limit.
   */
  record?: boolean;
}

/** One direction of a simulated network, controlled by a test. */
export interface Flow {
  /** Bytes given by the sender so far, including lost ones. */
  readonly taken: number;
  /** Bytes that have arrived and were read by the receiver. */
  readonly delivered: number;
  /** Bytes in flight. */
  readonly held: number;
  /** Everything that arrived, if the option `record` is set; otherwise empty. */
  readonly recorded: Uint8Array;
  /** Stops all arrivals: bytes, end and reset wait. */
  stall(): void;
  /** Lets `count` more bytes arrive while stalled. */
  release(count: number): void;
  /** Ends a stall: what waited arrives. */
  resume(): void;
  /** Ends this direction after the bytes in flight, as if the sender had. What the sender gives afterwards is lost. */
  halfClose(): void;
  /** Inserts a copy of these bytes behind those in flight, as if the sender had sent them. */
  insert(bytes: Uint8Array): void;
  /** Resolves when `condition` is true; checks at once, and whenever bytes are taken, arrive or are lost. */
  until(condition: (flow: Flow) => boolean): Promise<void>;
}

const DEFAULT_BUFFER = 64 * 1024;

/** Carries bytes from one transport to another. */
export class Lane implements Flow {
  readonly #source: Transport;
  readonly #target: Transport;
  readonly #options: FlowOptions;
  readonly #nextSize: () => number;
  readonly #buffer: number;
  readonly #queue: ByteQueue = new ByteQueue();
  readonly #record: Uint8Array[] = [];
  #taken = 0;
  #delivered = 0;
  // Bytes of the piece that the receiver has not read yet, or that is delayed.
  #inFlight = 0;
  #allowance: number = Infinity;
  #paused = false;
  #lost = false;
  #next: "bytes" | "end" | "reset" = "bytes";
  #ended = false;
  #waiting: { condition: (flow: Flow) => boolean; resolve: () => void }[] = [];

  /** From `source` to `target`. Throws a `RangeError` for an option out of range. */
  constructor(source: Transport, target: Transport, options: FlowOptions) {
    this.#source = source;
    this.#target = target;
    this.#options = options;
    this.#nextSize = pieceSizes(options.split);
    this.#buffer = options.buffer ?? DEFAULT_BUFFER;
    if (!(this.#buffer >= 1)) {
      throw new RangeError(`Cannot use ${this.#buffer} for option buffer: give a number of at least 1.`);
    }
  }

  get taken(): number {
    return this.#taken;
  }

  get delivered(): number {
    return this.#delivered;
  }

  get held(): number {
    return this.#queue.length + this.#inFlight;
  }

  get recorded(): Uint8Array {
    return concat(this.#record, this.#record.reduce((sum, piece) => sum + piece.length, 0));
  }

  stall(): void {
    this.#allowance = 0;
  }

  release(count: number): void {
    this.#allowance += count;
    this.#pump();
  }

  resume(): void {
    this.release(Infinity);
  }

  halfClose(): void {
    this.end();
  }

  insert(bytes: Uint8Array): void {
    this.take(bytes);
  }

  until(condition: (flow: Flow) => boolean): Promise<void> {
    if (condition(this)) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push({ condition, resolve }));
  }

  /** The source has sent bytes; they are borrowed. */
  take(bytes: Uint8Array): void {
    this.#taken += bytes.length;
    if (!this.#lost && this.#next === "bytes") {
      this.#queue.push(copyOf(bytes, 0, bytes.length));
      if (this.held >= this.#buffer && !this.#paused) {
        this.#paused = true;
        this.#source.pause();
      }
    }
    this.#pump();
    this.#changed();
  }

  /** The source has ended its side. */
  end(): void {
    if (this.#next === "bytes") this.#next = "end";
    this.#pump();
  }

  /** The source was reset. */
  reset(): void {
    this.#next = "reset";
    this.#pump();
  }

  /** The target has read its piece. */
  arrived(): void {
    this.#delivered += this.#inFlight;
    this.#inFlight = 0;
    this.#flowOn();
    this.#pump();
    this.#changed();
  }

  /** From now on everything is lost, and the source is not told. */
  lose(): void {
    this.#lost = true;
    this.#queue.clear();
    this.#inFlight = 0;
    this.#flowOn();
    this.#changed();
  }

  #pump(): void {
    while (!this.#lost && this.#inFlight === 0 && this.#queue.length > 0 && this.#allowance > 0) {
      const bytes = this.#queue.peek();
      const size = Math.min(bytes.length, this.#nextSize(), this.#allowance);
      const piece = copyOf(bytes, 0, size);
      this.#queue.consume(size);
      this.#allowance -= size;
      this.#inFlight = size;
      const delay = this.#options.delay?.(piece);
      if (isPromise(delay)) void delay.then(() => this.#deliver(piece));
      else this.#deliver(piece);
    }
    if (this.#lost || this.held > 0 || this.#allowance === 0) return;
    if (this.#next === "reset") {
      this.#lost = true;
      this.#target.abort();
    } else if (this.#next === "end" && !this.#ended) {
      this.#ended = true;
      this.#target.closeWrite();
    }
  }

  #deliver(piece: Uint8Array): void {
    if (this.#lost) return;
    this.#options.alter?.(piece);
    if (this.#options.record) this.#record.push(copyOf(piece, 0, piece.length));
    // If it returns `false`, arrived() follows.
    if (this.#target.write(piece)) this.arrived();
  }

  #flowOn(): void {
    if (!this.#paused || this.held >= this.#buffer) return;
    this.#paused = false;
    this.#source.resume();
  }

  #changed(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const each of waiting) {
      if (each.condition(this)) each.resolve();
      else this.#waiting.push(each);
    }
  }
}

function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as { then?: unknown } | undefined)?.then === "function";
}
