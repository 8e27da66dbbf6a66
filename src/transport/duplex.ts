/**
 * A transport over any Node-style duplex stream: a `node:net` or `node:tls` socket, the socket that `node:http`
 * hands over in its `upgrade` event, an HTTP/2 stream. It imports nothing of Node and so loads everywhere.
 *
 * @module
 */
import { plainAddress } from "./address.ts";
import { ByteQueue } from "./byte_queue.ts";
import { brokenError } from "./errors.ts";
import { Lifecycle } from "./lifecycle.ts";
import { inMicrotask } from "../support/microtask.ts";
import {
  DEFAULT_HIGH_WATER_MARK,
  type Transport,
  type TransportError,
  type TransportHandler,
} from "./transport.ts";

/** What is needed of a `node:stream` Duplex. */
export interface DuplexStream {
  /** Bytes written and not yet handed on. */
  readonly writableLength: number;
  /** Whether `write()` may still be called. */
  readonly writable: boolean;
  /** Whether the peer's end has been read already. */
  readonly readableEnded: boolean;
  /** Whether the stream is over; its `close` event may be still to come. */
  readonly destroyed: boolean;
  /** Whether the `close` event has been. */
  readonly closed?: boolean;
  /** The peer's IP address, on a socket. */
  readonly remoteAddress?: string | undefined;
  /** Whether it is a TLS socket. */
  readonly encrypted?: boolean;
  /** Whether our direction stays open when the peer ends its own. */
  allowHalfOpen?: boolean;
  /** Adds a listener. */
  on(event: string, listener: (...args: unknown[]) => void): unknown;
  /** Writes bytes; the callback is called when they have been handed on. */
  write(chunk: Uint8Array, callback?: (error?: Error | null) => void): boolean;
  /** Ends the outgoing direction. */
  end(): unknown;
  /** Ends everything. */
  destroy(): unknown;
  /** Takes what was received and not yet delivered. */
  read(): Uint8Array | null;
  /** Stops `data` events. */
  pause(): unknown;
  /** Starts `data` events. */
  resume(): unknown;
}

/** How to see a duplex stream as a transport. */
export interface DuplexOptions {
  /** Bytes of the peer's that were read already; they are delivered first. */
  head?: Uint8Array;
  /** Bytes. Default {@linkcode DEFAULT_HIGH_WATER_MARK}. */
  highWaterMark?: number | undefined;
  /** The peer's IP address. Default: the stream's own word for it. */
  remoteAddress?: string | undefined;
  /** Whether the bytes travel encrypted. Default: the stream's own word for it. */
  encrypted?: boolean;
}

// The handles of the sockets of Node, and of Deno's: what is written to them is with the system, or was encrypted, when they
// count it no longer. Bun's have none, and are treated as any other stream.
const SYSTEM_HANDLES: ReadonlySet<string> = new Set(["TCP", "TCPWrap", "Pipe", "TLSWrap"]);

/**
 * Whether a stream is a socket of the operating system. Of any other nobody knows who keeps what is written to it, or who
 * else has what is read from it: a pipe hands on the very memory.
 */
function isSystemSocket(stream: DuplexStream): boolean {
  const { _handle: handle } = stream as { _handle?: object | null };
  return handle !== undefined && handle !== null && SYSTEM_HANDLES.has(handle.constructor.name);
}

// A stream tells of a write when all of it has gone: what goes out in portions can be seen to go. A longer piece would keep
// its memory, too, as long as the last of it waits.
const PORTION = 64 * 1024;

const NOBODY: TransportHandler = { data() {}, drain() {}, end() {}, close() {} };

const OWNER: unique symbol = Symbol("woshou transport");

interface OwnedStream extends DuplexStream {
  [OWNER]: DuplexTransport;
}

/** A {@linkcode Transport} over a Node-style duplex stream, which belongs to it from now on. */
export class DuplexTransport extends Lifecycle implements Transport {
  /** See {@linkcode Transport.remoteAddress}. */
  readonly remoteAddress: string;
  /** See {@linkcode Transport.encrypted}. */
  readonly encrypted: boolean;
  readonly #stream: DuplexStream;
  readonly #highWaterMark: number;
  // What is written to it is copied, and so is what is read from it.
  readonly #foreign: boolean;
  // What waits behind writes that will call back. While anything is here, one will.
  #queue: ByteQueue | undefined;
  #callbacks = 0;
  #wrote: ((error?: Error | null) => void) | undefined;
  #handler: TransportHandler | undefined;
  #inbox: Uint8Array[] | undefined;
  #started = false;
  #paused = false;
  #wantsDrain = false;
  #failure: unknown;

  /** Takes the stream over. Whoever read from it before must have stopped, and removed its listeners. */
  constructor(stream: DuplexStream, options: DuplexOptions = {}) {
    super();
    this.#stream = stream;
    this.#highWaterMark = options.highWaterMark ?? DEFAULT_HIGH_WATER_MARK;
    this.#foreign = !isSystemSocket(stream);
    if (options.head?.length) this.#inbox = [options.head];
    this.remoteAddress = plainAddress(options.remoteAddress ?? stream.remoteAddress);
    this.encrypted = options.encrypted ?? stream.encrypted ?? false;
    stream.allowHalfOpen = true;
    stream.pause();
    (stream as OwnedStream)[OWNER] = this;
    stream.on("error", DuplexTransport.#errorCame);
    stream.on("end", DuplexTransport.#endCame);
    stream.on("close", DuplexTransport.#closeCame);
    // An HTTP/2 stream of Node 20 that was reset does not close while bytes wait in it.
    if ("rstCode" in stream) stream.on("aborted", () => stream.destroy());
    if (stream.readableEnded) this.receive("ended");
    if (stream.closed === true) this.#onClose();
  }

  // Streams call their listeners on themselves: one function serves all, where closures would cost each connection some
  // hundred bytes.
  /** Passes on what a transport's stream has read; called by `node_reads.ts` where that makes no `data` events of it. */
  static received(this: unknown, chunk: unknown): void {
    const transport = (this as OwnedStream)[OWNER];
    if (!transport.abandoned) transport.#deliver(chunk as Uint8Array);
  }

  static #errorCame(this: unknown, error: unknown): void {
    (this as OwnedStream)[OWNER].#broke(error);
  }

  static #endCame(this: unknown): void {
    (this as OwnedStream)[OWNER].#onEnd();
  }

  static #closeCame(this: unknown): void {
    (this as OwnedStream)[OWNER].#onClose();
  }

  /** See {@linkcode Transport.bufferedAmount}. */
  get bufferedAmount(): number {
    if (this.life !== "open") return 0;
    return this.#stream.writableLength + (this.#queue === undefined ? 0 : this.#queue.length);
  }

  /** See {@linkcode Transport.done}. */
  get done(): boolean {
    return this.#foreign || this.bufferedAmount === 0;
  }

  /** See {@linkcode Transport.attach}. */
  attach(handler: TransportHandler): void {
    if (this.#handler === NOBODY) return;
    const first = this.#handler === undefined;
    this.#handler = handler;
    if (first) this.#pumpNext();
  }

  /** See {@linkcode Transport.write}. */
  write(given: Uint8Array): boolean {
    const stream = this.#stream;
    if (!this.writable || !stream.writable) return true;
    const bytes = this.#foreign ? new Uint8Array(given) : given;
    const { bufferedAmount } = this;
    if (bufferedAmount === 0 && bytes.length <= PORTION && bytes.length <= this.#highWaterMark) {
      // An empty write makes Deno's node:tls forget the one before it. A callback would cost this, the common path, a tick.
      if (bytes.length > 0) this.#put(bytes);
      return true;
    }
    (this.#queue ??= new ByteQueue()).push(bytes);
    if (this.#callbacks === 0) this.#writeOn();
    if (this.bufferedAmount <= this.#highWaterMark) return true;
    this.#wantsDrain = true;
    return false;
  }

  /** Writes what waits: one portion, and more as long as they go out at once. */
  #writeOn(): void {
    const queue = this.#queue!;
    const stream = this.#stream;
    const wrote = this.#wrote ??= (error) => this.#onWritten(error);
    while (queue.length > 0) {
      const bytes = queue.peek();
      const portion = bytes.length <= PORTION ? bytes : bytes.subarray(0, PORTION);
      queue.consume(portion.length);
      this.#callbacks++;
      this.#put(portion, wrote);
      if (stream.writableLength > 0) return;
    }
  }

  #onWritten(error: Error | null | undefined): void {
    this.#callbacks--;
    // Node calls back without an error for what a destroyed socket never sent.
    if (error || this.life !== "open" || this.#stream.destroyed) return;
    const waits = this.#queue !== undefined && this.#queue.length > 0;
    if (waits && this.#callbacks === 0) this.#writeOn();
    else if (!waits) this.#sendEnd();
    if (this.#wantsDrain && this.bufferedAmount === 0) this.#drain();
  }

  /** See {@linkcode Transport.closeWrite}. */
  closeWrite(): void {
    if (!this.#stream.writable || !this.send("ending")) return;
    if (this.#queue === undefined || this.#queue.length === 0) this.#sendEnd();
  }

  #sendEnd(): void {
    if (this.#stream.writable && this.send("ended")) this.#try(() => this.#stream.end());
  }

  #put(bytes: Uint8Array, wrote?: (error?: Error | null) => void): void {
    try {
      this.#stream.write(bytes, wrote);
    } catch (error) {
      this.#broke(error);
    }
  }

  /** What a stream of somebody's throws ends this one, and not the turn in which others are written as well. */
  #try(call: () => void): void {
    try {
      call();
    } catch (error) {
      this.#broke(error);
    }
  }

  #broke(error: unknown): void {
    this.#failure ??= error;
    // A TLS socket that an alert has broken would only end.
    if (this.life === "open") this.#stream.destroy();
  }

  /** See {@linkcode Transport.abort}. */
  abort(): void {
    if (!this.enter("aborting")) return;
    this.#inbox = undefined;
    this.#queue = undefined;
    this.#stream.destroy();
  }

  /** See {@linkcode Transport.pause}. */
  pause(): void {
    if (this.#paused) return;
    this.#paused = true;
    if (this.#started) this.#stream.pause();
  }

  /** See {@linkcode Transport.resume}. */
  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    if (this.#started && !this.#inbox?.length) this.#stream.resume();
    else this.#pumpNext();
  }

  #deliver(chunk: Uint8Array): void {
    this.#handler!.data(this.#foreign ? new Uint8Array(chunk) : chunk);
  }

  #pumpNext(): void {
    inMicrotask(() => this.#pump());
  }

  /** Delivers what waits here, in its order, as far as the handler takes it. */
  #pump(): void {
    if (this.#handler === undefined || this.#handler === NOBODY) return;
    if (this.closedBelow && this.#isBroken()) return this.#finish();
    let chunk: Uint8Array | undefined;
    while (!this.#paused && (chunk = this.#inbox?.shift()) !== undefined) this.#deliver(chunk);
    if (this.#inbox?.length || this.abandoned) return;
    if (!this.#started) this.#start();
    if (!this.#paused) this.#stream.resume();
    if (this.incoming === "ended") this.#tellEnd();
    if (this.closedBelow) this.#finish();
  }

  #start(): void {
    this.#started = true;
    this.#stream.on("data", DuplexTransport.received);
    if (this.#wantsDrain && this.bufferedAmount === 0) this.#drain();
  }

  /** An HTTP/2 stream closes before it says that it has finished. */
  #hasSentAll(): boolean {
    return this.outgoing === "ended" && this.#stream.writableLength === 0;
  }

  #isBroken(): boolean {
    return this.abandoned || this.#failure !== undefined;
  }

  #drain(): void {
    if (this.#handler === undefined || this.life !== "open") return;
    this.#wantsDrain = false;
    this.#handler.drain();
  }

  #onEnd(): void {
    this.receive("ended");
    if (this.#started && !this.#inbox?.length) this.#tellEnd();
  }

  #tellEnd(): void {
    if (!this.#isBroken() && this.receive("told")) this.#handler!.end();
  }

  #onClose(): void {
    if (!this.enter("closed") && !this.enter("aborted")) return;
    if (this.incoming === "open" && !this.#isBroken()) {
      // Bun closes an upgraded socket over what was not read yet, and then drops it.
      const rest = this.#stream.read();
      if (rest !== null) {
        (this.#inbox ??= []).push(rest);
        if (this.#hasSentAll()) this.receive("ended");
      }
    }
    // A stream of another make may close inside destroy().
    this.#pumpNext();
  }

  #finish(): void {
    if (this.#handler === undefined || this.#handler === NOBODY) return;
    const handler = this.#handler;
    const error = this.#error();
    // Node keeps a socket for some time after its end, which is not to keep all that hangs on the connection.
    this.#handler = NOBODY;
    this.enter("over");
    if (error === undefined) handler.close();
    else handler.close(error);
  }

  #error(): TransportError | undefined {
    if (this.abandoned) return undefined;
    if (this.#failure !== undefined) return brokenError(this.#failure);
    if (this.incoming !== "open" && this.#hasSentAll()) return undefined;
    return brokenError(undefined, "connection-reset");
  }
}
