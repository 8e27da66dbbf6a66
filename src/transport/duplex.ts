/**
 * A transport over any Node-style duplex stream: a `node:net` or `node:tls` socket, the socket of an `upgrade` event
 * of `node:http`, an HTTP/2 stream. It does not import Node modules, so it loads everywhere.
 *
 * @module
 */
import { plainAddress } from "./address.ts";
import { ByteQueue } from "./byte_queue.ts";
import { brokenError } from "./errors.ts";
import { Lifecycle } from "./lifecycle.ts";
import { inMicrotask } from "../support/microtask.ts";
import {
  type ClientCertificate,
  DEFAULT_HIGH_WATER_MARK,
  type Transport,
  type TransportError,
  type TransportHandler,
} from "./transport.ts";

/** The part of a `node:stream` Duplex that is used. */
export interface DuplexStream {
  /** Bytes written but not yet passed on. */
  readonly writableLength: number;
  /** Whether `write()` may still be called. */
  readonly writable: boolean;
  /** Whether the peer's end has been read. */
  readonly readableEnded: boolean;
  /** Whether the stream is over; its `close` event may follow. */
  readonly destroyed: boolean;
  /** Whether the `close` event has fired. */
  readonly closed?: boolean;
  /** The peer's IP address, on a socket. */
  readonly remoteAddress?: string | undefined;
  /** Whether it is a TLS socket. */
  readonly encrypted?: boolean;
  /** Whether our side stays open when the peer ends its own. */
  allowHalfOpen?: boolean;
  /** Adds a listener. */
  on(event: string, listener: (...args: unknown[]) => void): unknown;
  /** Writes bytes; the callback is called when they have been passed on. */
  write(chunk: Uint8Array, callback?: (error?: Error | null) => void): boolean;
  /** Ends the sending side. */
  end(): unknown;
  /** Ends both sides at once. */
  destroy(): unknown;
  /** Takes what was received but not yet delivered. */
  read(): Uint8Array | null;
  /** Stops `data` events. */
  pause(): unknown;
  /** Starts `data` events. */
  resume(): unknown;
}

/** Options of a transport over a duplex stream. */
export interface DuplexOptions {
  /** Bytes already read from the peer; they are delivered first. */
  head?: Uint8Array;
  /** Bytes. Default {@linkcode DEFAULT_HIGH_WATER_MARK}. */
  highWaterMark?: number | undefined;
  /** The peer's IP address. Default: what the stream says. */
  remoteAddress?: string | undefined;
  /** Whether the connection is encrypted. Default: what the stream says. */
  encrypted?: boolean;
  /**
   * Called after a first chunk has come, and again after others while it gives nothing: another stream with the same
   * connection, paused, which reads at less cost. An idle connection does not pay for it.
   */
  better?: (stream: DuplexStream) => DuplexStream | undefined;
}

// Socket handles of Node and Deno: bytes that no longer count there have been given to the system, or encrypted.
// Bun's sockets have no handle, and are treated like any other stream.
const SYSTEM_HANDLES: ReadonlySet<string> = new Set(["TCP", "TCPWrap", "Pipe", "TLSWrap"]);

/**
 * Whether the stream is a socket of the operating system. Any other stream may keep the memory that is written to it,
 * or share what is read from it: a pipe passes on the same memory.
 */
function isSystemSocket(stream: DuplexStream): boolean {
  const { _handle: handle } = stream as { _handle?: object | null };
  return handle !== undefined && handle !== null && SYSTEM_HANDLES.has(handle.constructor.name);
}

// A stream reports a write when all of it has gone, so writing in portions shows progress. Besides, a longer piece
// would keep its memory until its last byte has gone.
const PORTION = 64 * 1024;

const NOBODY: TransportHandler = { data() {}, drain() {}, end() {}, close() {} };

const OWNER: unique symbol = Symbol("woshou transport");

interface OwnedStream extends DuplexStream {
  [OWNER]: DuplexTransport;
}

/** A {@linkcode Transport} over a Node-style duplex stream, which it owns from now on. */
export class DuplexTransport extends Lifecycle implements Transport {
  /** See {@linkcode Transport.remoteAddress}. */
  readonly remoteAddress: string;
  /** See {@linkcode Transport.encrypted}. */
  readonly encrypted: boolean;
  /** See {@linkcode Transport.clientCertificate}. */
  declare clientCertificate?: ClientCertificate;
  #stream: DuplexStream;
  /** See {@linkcode Transport.highWaterMark}. */
  highWaterMark: number;
  // Writes and reads must be copied.
  readonly #foreign: boolean;
  #better: DuplexOptions["better"];
  // Bytes behind writes that will call back. While there are any, one such callback is pending.
  #queue: ByteQueue | undefined;
  #callbacks = 0;
  #wrote: ((error?: Error | null) => void) | undefined;
  #handler: TransportHandler | undefined;
  #inbox: Uint8Array[] | undefined;
  #started = false;
  #paused = false;
  #wantsDrain = false;
  #failure: unknown;

  /** Takes over the stream. Its previous reader must have stopped, and removed its listeners. */
  constructor(stream: DuplexStream, options: DuplexOptions = {}) {
    super();
    this.#stream = stream;
    this.highWaterMark = options.highWaterMark ?? DEFAULT_HIGH_WATER_MARK;
    this.#foreign = !isSystemSocket(stream);
    if (options.head?.length) this.#inbox = [options.head];
    this.remoteAddress = plainAddress(options.remoteAddress ?? stream.remoteAddress);
    this.encrypted = options.encrypted ?? stream.encrypted ?? false;
    stream.allowHalfOpen = true;
    stream.pause();
    this.#better = options.better;
    this.#listen(stream);
    // On Node 20 an HTTP/2 stream that was reset does not close while bytes wait in it. Not at once: close() fires the event
    // before it sends its RST_STREAM, and destroyed before that, a stream never sends it.
    if ("rstCode" in stream) stream.on("aborted", () => queueMicrotask(() => stream.destroy()));
    if (stream.readableEnded) this.receive("ended");
    if (stream.closed === true) this.#onClose();
  }

  #listen(stream: DuplexStream): void {
    (stream as OwnedStream)[OWNER] = this;
    stream.on("error", DuplexTransport.#errorCame);
    stream.on("end", DuplexTransport.#endCame);
    stream.on("close", DuplexTransport.#closeCame);
  }

  /** Goes on with a better stream, if there is one. */
  #improve(): void {
    if (this.life !== "open" || this.outgoing !== "open" || this.incoming !== "open") return;
    const old = this.#stream;
    const better = this.#better?.(old);
    if (better === undefined) return;
    this.#better = undefined;
    // What happens to the old one is nothing to us any more.
    delete (old as Partial<OwnedStream>)[OWNER];
    this.#stream = better;
    this.#listen(better);
    better.on("data", DuplexTransport.received);
    if (!this.#paused) better.resume();
  }

  // Streams call listeners with themselves as `this`: one function serves all, while closures would cost each
  // connection some hundred bytes.
  /** Passes on bytes read by the stream; called by `shared_reads.ts` for sockets without `data` events. */
  static received(this: unknown, chunk: unknown): void {
    const transport = (this as Partial<OwnedStream>)[OWNER];
    if (transport === undefined || transport.abandoned) return;
    transport.#deliver(chunk as Uint8Array);
    if (transport.#better !== undefined) inMicrotask(() => transport.#improve());
  }

  static #errorCame(this: unknown, error: unknown): void {
    const transport = (this as Partial<OwnedStream>)[OWNER];
    if (transport !== undefined) transport.#broke(error);
  }

  static #endCame(this: unknown): void {
    const transport = (this as Partial<OwnedStream>)[OWNER];
    if (transport !== undefined) transport.#onEnd();
  }

  static #closeCame(this: unknown): void {
    const transport = (this as Partial<OwnedStream>)[OWNER];
    if (transport !== undefined) transport.#onClose();
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
    if (bufferedAmount === 0 && bytes.length <= PORTION && bytes.length <= this.highWaterMark) {
      // An empty write makes Deno's node:tls forget the one before it. There is no callback: it would cost a tick on
      // this, the common path.
      if (bytes.length > 0) this.#put(bytes);
      return true;
    }
    (this.#queue ??= new ByteQueue()).push(bytes);
    if (this.#callbacks === 0) this.#writeOn();
    if (this.bufferedAmount <= this.highWaterMark) return true;
    this.#wantsDrain = true;
    return false;
  }

  /** Writes what waits: one portion, and more while they go out at once. */
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
    // For data that a destroyed socket never sent, Node calls back without an error.
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

  /** An exception of a foreign stream ends that stream, not the turn in which other streams are written. */
  #try(call: () => void): void {
    try {
      call();
    } catch (error) {
      this.#broke(error);
    }
  }

  #broke(error: unknown): void {
    this.#failure ??= error;
    // After an alert a TLS socket would end, but not close.
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

  /** Delivers what waits here, in order, as far as the handler accepts it. */
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

  /** An HTTP/2 stream closes before it reports that it has finished. */
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
      // Bun closes an upgraded socket with unread data, and then drops the data.
      const rest = this.#stream.read();
      if (rest !== null) {
        (this.#inbox ??= []).push(rest);
        if (this.#hasSentAll()) this.receive("ended");
      }
    }
    // A foreign stream may close inside destroy().
    this.#pumpNext();
  }

  #finish(): void {
    if (this.#handler === undefined || this.#handler === NOBODY) return;
    const handler = this.#handler;
    const error = this.#error();
    // Node keeps a closed socket for some time; it should not keep the connection alive.
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
