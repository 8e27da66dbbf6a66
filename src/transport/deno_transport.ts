/**
 * One open socket on Deno.
 *
 * @module
 */
import { plainAddress } from "./address.ts";
import { ByteQueue } from "./byte_queue.ts";
import { brokenError } from "./errors.ts";
import { Lifecycle } from "./lifecycle.ts";
import {
  DEFAULT_HIGH_WATER_MARK,
  type Transport,
  type TransportError,
  type TransportHandler,
} from "./transport.ts";

/** The part of `Deno.Conn` that is used. */
export interface DenoConn {
  /** The peer's address. */
  readonly remoteAddr: { readonly hostname?: string };
  /** Reads into `buffer`; `null` at the peer's end. */
  read(buffer: Uint8Array): Promise<number | null>;
  /** Writes, perhaps only a part. */
  write(bytes: Uint8Array): Promise<number>;
  /** Ends the sending side. */
  closeWrite(): Promise<void>;
  /** Ends both sides. */
  close(): void;
  /** Disables Nagle's algorithm; TCP only. */
  setNoDelay?(noDelay: boolean): void;
}

/**
 * A pending read holds its buffer, so a waiting connection has a small one of its own. When that is filled, more
 * bytes are available already, and the next read uses a larger shared buffer, with which no connection waits. A
 * connection that keeps filling its own buffer is busy and gets a larger one.
 */
const SMALLEST_READ = 512;
const LARGEST_READ = 128 * 1024;
const GROWTH = 4;
/** The buffer grows after this many reads that filled it. */
const FULL_READS = 16;
/** The buffer shrinks after this many reads that would have fitted the next smaller size. */
const SMALL_READS = 256;

/** Buffers lent for one read each; only a useful number is kept. */
const lent: Uint8Array<ArrayBuffer>[] = [];
const LENT_KEPT = 8;

/**
 * The buffer for the read after a filled one. The fill may be a coincidence, so the first is only somewhat larger: a
 * connection that waits with it holds little memory.
 */
function bufferBehind(filled: number, own: number): Uint8Array<ArrayBuffer> {
  return filled === 1 ? new Uint8Array(own * GROWTH) : lent.pop() ?? new Uint8Array(LARGEST_READ);
}

function giveBack(buffer: Uint8Array<ArrayBuffer>): void {
  if (buffer.length === LARGEST_READ && lent.length < LENT_KEPT) lent.push(buffer);
}

/**
 * Writes started at once. A turn of Deno's event loop has 128 operations (tokio's budget for a task). Operations
 * beyond it are suspended, woken and retried, which costs more than twice as much. So a broadcast goes out over
 * several turns.
 */
const WRITES_AT_ONCE = 100;

// Deno has setImmediate since version 2.4; before that a timer is used.
const inNextTurn: (call: () => void) => void = globalThis.setImmediate ?? setTimeout;

let begun = 0;
// Transports whose writes start in the next turns.
const waiting: DenoTransport[] = [];

/** A {@linkcode Transport} over a `Deno.Conn`. */
export class DenoTransport extends Lifecycle implements Transport {
  /** See {@linkcode Transport.remoteAddress}. */
  readonly remoteAddress: string;
  /** See {@linkcode Transport.encrypted}. */
  readonly encrypted: boolean;
  readonly #conn: DenoConn;
  /** See {@linkcode Transport.highWaterMark}. */
  highWaterMark: number;
  readonly #queue: ByteQueue = new ByteQueue();
  #handler: TransportHandler | undefined;
  #buffer: Uint8Array<ArrayBuffer> = new Uint8Array(SMALLEST_READ);
  #smallReads = 0;
  #fullReads = 0;
  #reading = false;
  #writing = false;
  #paused = false;
  #wantsDrain = false;
  #error: TransportError | undefined;

  /** Takes over the connection. */
  constructor(conn: DenoConn, encrypted: boolean, highWaterMark: number = DEFAULT_HIGH_WATER_MARK) {
    super();
    this.#conn = conn;
    this.highWaterMark = highWaterMark;
    this.remoteAddress = plainAddress(conn.remoteAddr.hostname);
    this.encrypted = encrypted;
  }

  /** See {@linkcode Transport.bufferedAmount}. */
  get bufferedAmount(): number {
    return this.#queue.length;
  }

  /** See {@linkcode Transport.done}. */
  get done(): boolean {
    return this.#queue.length === 0;
  }

  /** See {@linkcode Transport.attach}. */
  attach(handler: TransportHandler): void {
    const first = this.#handler === undefined;
    this.#handler = handler;
    // The reads of the opening handshake say nothing about what follows.
    if (!first && this.#buffer.length > SMALLEST_READ) this.#buffer = new Uint8Array(SMALLEST_READ);
    if (!first) return;
    if (this.closedBelow) return this.#deliverClose();
    if (this.#wantsDrain) queueMicrotask(() => this.#drain());
    if (!this.#paused) void this.#read();
  }

  /** See {@linkcode Transport.write}. */
  write(bytes: Uint8Array): boolean {
    if (!this.writable) return true;
    this.#queue.push(bytes);
    if (!this.#writing && bytes.length > 0) this.#begin();
    if (this.#queue.length <= this.highWaterMark) return true;
    this.#wantsDrain = true;
    return false;
  }

  /** See {@linkcode Transport.closeWrite}. */
  closeWrite(): void {
    if (!this.send("ending")) return;
    if (!this.#writing) void this.#sendEnd();
  }

  /** See {@linkcode Transport.abort}. */
  abort(): void {
    this.#finish("aborted");
  }

  /** See {@linkcode Transport.pause}. */
  pause(): void {
    this.#paused = true;
  }

  /** See {@linkcode Transport.resume}. */
  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    if (!this.#reading && this.#handler !== undefined) void this.#read();
  }

  async #read(): Promise<void> {
    this.#reading = true;
    // Consecutive reads that filled their buffer.
    let filled = 0;
    while (this.#reads) {
      // Meanwhile attach() may choose another buffer for the next reads.
      const own = this.#buffer;
      const buffer = filled === 0 || own.length === LARGEST_READ ? own : bufferBehind(filled, own.length);
      let count: number | null;
      try {
        count = await this.#conn.read(buffer);
      } catch (error) {
        return this.#finish("closed", brokenError(error));
      }
      if (this.life !== "open") return;
      filled = count === buffer.length ? filled + 1 : 0;
      if (count === null) this.#onEnd();
      else this.#handler!.data(buffer.subarray(0, count));
      if (buffer !== own) giveBack(buffer);
      else if (count !== null && this.#buffer === own) this.#resize(count);
    }
    this.#reading = false;
  }

  get #reads(): boolean {
    return !this.#paused && this.life === "open" && this.incoming === "open";
  }

  #resize(count: number): void {
    const size = this.#buffer.length;
    if (count === size) {
      this.#smallReads = 0;
      if (size === LARGEST_READ || ++this.#fullReads < FULL_READS) return;
      this.#fullReads = 0;
      this.#buffer = new Uint8Array(Math.min(size * GROWTH, LARGEST_READ));
    } else if (size > SMALLEST_READ && count < size / GROWTH && ++this.#smallReads === SMALL_READS) {
      this.#smallReads = 0;
      this.#buffer = new Uint8Array(Math.max(size / GROWTH, SMALLEST_READ));
    }
  }

  #onEnd(): void {
    this.receive("ended");
    this.receive("told");
    this.#handler!.end();
    if (this.outgoing === "ended") this.#finish("closed");
  }

  #begin(): void {
    this.#writing = true;
    if (begun++ < WRITES_AT_ONCE) void this.#flush();
    else if (waiting.push(this) === 1) inNextTurn(DenoTransport.#beginWaiting);
  }

  static #beginWaiting(): void {
    begun = 0;
    for (const transport of waiting.splice(0, WRITES_AT_ONCE)) void transport.#flush();
    if (waiting.length > 0) inNextTurn(DenoTransport.#beginWaiting);
  }

  /** Deno may write concurrent buffers partially and in any order, so only one write runs at a time. */
  async #flush(): Promise<void> {
    const queue = this.#queue;
    while (queue.length > 0) {
      let count: number;
      try {
        count = await this.#conn.write(queue.peek());
        // When the first write continues, a loop over many connections is over.
        begun = 0;
      } catch (error) {
        return this.#finish("closed", brokenError(error));
      }
      if (this.life !== "open") return;
      const written = queue.consume(count);
      if (written !== undefined) this.#handler?.written?.(written);
    }
    this.#writing = false;
    if (this.#wantsDrain) this.#drain();
    if (this.outgoing === "ending" && !this.#writing) await this.#sendEnd();
  }

  async #sendEnd(): Promise<void> {
    if (!this.send("sending end")) return;
    try {
      await this.#conn.closeWrite();
    } catch (error) {
      return this.#finish("closed", brokenError(error));
    }
    if (this.send("ended") && this.incoming !== "open") this.#finish("closed");
  }

  #drain(): void {
    if (this.#handler === undefined || this.life !== "open" || this.#queue.length > 0) return;
    this.#wantsDrain = false;
    this.#handler.drain();
  }

  #finish(how: "closed" | "aborted", error?: TransportError): void {
    if (!this.enter(how)) return;
    this.#error = error;
    this.#queue.clear();
    this.#conn.close();
    if (this.#handler !== undefined) this.#deliverClose();
  }

  #deliverClose(): void {
    queueMicrotask(() => {
      this.enter("over");
      if (this.#error === undefined) this.#handler!.close();
      else this.#handler!.close(this.#error);
    });
  }
}
