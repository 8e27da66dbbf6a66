/**
 * One open socket on Bun.
 *
 * @module
 */
import { plainAddress } from "./address.ts";
import { ByteQueue } from "./byte_queue.ts";
import { brokenError } from "./errors.ts";
import { DEFAULT_HIGH_WATER_MARK, type Transport, type TransportHandler } from "./transport.ts";

/** What is needed of a `Bun.Socket`. */
export interface BunSocket {
  /** What the adapter keeps with the socket. */
  data: BunTransport | undefined;
  /** The peer's address; none on a Unix socket. */
  readonly remoteAddress?: string | undefined;
  /** Whether TLS has verified the peer's certificate. */
  readonly authorized: boolean;
  /** Writes, perhaps a part only; negative when nothing can be written any more. */
  write(bytes: Uint8Array): number;
  /** Ends the outgoing direction. */
  shutdown(): void;
  /** Ends everything. */
  terminate(): void;
  /** Stops reading. */
  pause(): void;
  /** Starts reading. */
  resume(): void;
  /** Does without Nagle's algorithm. */
  setNoDelay(noDelay?: boolean): unknown;
}

/** A {@linkcode Transport} over a `Bun.Socket`, whose callbacks the adapter passes on to the `on` methods. */
export class BunTransport implements Transport {
  /** See {@linkcode Transport.remoteAddress}. */
  readonly remoteAddress: string;
  /** See {@linkcode Transport.encrypted}. */
  readonly encrypted: boolean;
  readonly #socket: BunSocket;
  readonly #highWaterMark: number;
  // Made when the system first takes a part only.
  #queue: ByteQueue | undefined;
  #handler: TransportHandler | undefined;
  /** What came before `attach()`, although the socket was paused. */
  #inbox: Uint8Array[] | undefined;
  #started = false;
  #paused = false;
  #wantsDrain = false;
  #ending = false;
  #sentEnd = false;
  #ended = false;
  #aborted = false;
  #closed = false;
  #finished = false;
  #failure: unknown;
  // The system took no more bytes: Bun then closes the socket as if all had been well.
  #lost = false;

  /** Takes the socket over; whoever makes it calls {@linkcode BunTransport.onOpen} as soon as TLS is done. */
  constructor(socket: BunSocket, encrypted: boolean, highWaterMark: number = DEFAULT_HIGH_WATER_MARK) {
    this.#socket = socket;
    this.#highWaterMark = highWaterMark;
    this.remoteAddress = plainAddress(socket.remoteAddress);
    this.encrypted = encrypted;
  }

  /** Bytes may come from now on: until `attach()` they are to wait in the system. */
  onOpen(): void {
    if (this.#started || this.#closed || this.#aborted) return;
    // Each pause() and resume() is a system call, and makes Bun wait for room to write besides.
    if (this.#handler !== undefined && !this.#paused && !this.#ended) this.#started = true;
    else this.#socket.pause();
  }

  /** See {@linkcode Transport.bufferedAmount}. */
  get bufferedAmount(): number {
    return this.#queue === undefined ? 0 : this.#queue.length;
  }

  /** See {@linkcode Transport.done}. */
  get done(): boolean {
    return this.bufferedAmount === 0;
  }

  /** See {@linkcode Transport.attach}. */
  attach(handler: TransportHandler): void {
    const first = this.#handler === undefined;
    this.#handler = handler;
    if (first) queueMicrotask(() => this.#start());
  }

  /** See {@linkcode Transport.write}. */
  write(bytes: Uint8Array): boolean {
    if (this.#closed || this.#aborted || this.#ending) return true;
    if (this.bufferedAmount > 0) this.#queue!.push(bytes);
    else {
      const count = this.#socket.write(bytes);
      if (count === bytes.length) return true;
      if (count < 0) {
        this.#lost = true;
        return true;
      }
      const queue = this.#queue ??= new ByteQueue();
      queue.push(bytes);
      queue.consume(count);
    }
    if (this.#queue!.length <= this.#highWaterMark) return true;
    this.#wantsDrain = true;
    return false;
  }

  /** See {@linkcode Transport.closeWrite}. */
  closeWrite(): void {
    if (this.#closed || this.#aborted || this.#ending) return;
    this.#ending = true;
    if (this.bufferedAmount === 0) this.#sendEnd();
  }

  /** See {@linkcode Transport.abort}. */
  abort(): void {
    if (this.#closed || this.#aborted) return;
    this.#aborted = true;
    this.#queue = undefined;
    this.#inbox = undefined;
    this.#socket.terminate();
  }

  /** See {@linkcode Transport.pause}. */
  pause(): void {
    if (this.#paused) return;
    this.#paused = true;
    if (this.#started && !this.#closed && !this.#aborted) this.#socket.pause();
  }

  /** See {@linkcode Transport.resume}. */
  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    if (!this.#started) {
      if (this.#handler !== undefined) queueMicrotask(() => this.#start());
    } else if (!this.#closed && !this.#aborted) this.#socket.resume();
  }

  /** Bytes have come. */
  onData(chunk: Uint8Array): void {
    if (this.#aborted) return;
    if (this.#started) this.#handler!.data(chunk);
    else (this.#inbox ??= []).push(new Uint8Array(chunk));
  }

  /** The system takes bytes again; Bun also says so unasked. */
  onDrain(): void {
    if (this.#aborted || this.#closed) return;
    const queue = this.#queue;
    while (queue !== undefined && queue.length > 0) {
      const bytes = queue.peek();
      const count = this.#socket.write(bytes);
      if (count < 0) {
        this.#lost = true;
        return;
      }
      const written = queue.consume(count);
      if (written !== undefined) this.#handler?.written?.(written);
      if (count < bytes.length) return;
    }
    if (this.#wantsDrain) this.#drain();
    if (this.#ending && this.bufferedAmount === 0) this.#sendEnd();
  }

  /** The peer has ended its direction. */
  onEnd(): void {
    if (this.#ended || this.#aborted) return;
    this.#ended = true;
    if (this.#started) this.#handler!.end();
  }

  /** The TLS handshake has failed. */
  onHandshakeFailure(error: unknown): void {
    if (this.#aborted || this.#closed) return;
    this.#failure ??= error;
    this.#socket.terminate();
  }

  /** Everything is over. */
  onClose(error: unknown): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#failure ??= error;
    this.#queue = undefined;
    // Bun closes inside terminate().
    queueMicrotask(() => {
      if (this.#started || this.#isBroken()) this.#finish();
    });
  }

  #start(): void {
    if (this.#started || this.#finished) return;
    if (this.#closed && this.#isBroken()) return this.#finish();
    let chunk: Uint8Array | undefined;
    while (!this.#paused && (chunk = this.#inbox?.shift()) !== undefined) this.#handler!.data(chunk);
    if (this.#paused) return;
    this.#started = true;
    if (this.#closed) return this.#finish();
    if (this.#aborted) return;
    this.#socket.resume();
    if (this.#wantsDrain && this.bufferedAmount === 0) this.#drain();
    if (this.#ended) this.#handler!.end();
  }

  #sendEnd(): void {
    if (this.#sentEnd) return;
    this.#sentEnd = true;
    this.#socket.shutdown();
  }

  #isBroken(): boolean {
    return this.#aborted || this.#failure !== undefined;
  }

  #drain(): void {
    if (this.#handler === undefined) return;
    this.#wantsDrain = false;
    this.#handler.drain();
  }

  #finish(): void {
    if (this.#finished || this.#handler === undefined) return;
    this.#finished = true;
    const handler = this.#handler;
    if (this.#aborted) return handler.close();
    if (this.#failure !== undefined) return handler.close(brokenError(this.#failure));
    if (!this.#sentEnd || this.#lost) return handler.close(brokenError(undefined, "connection-reset"));
    // After our own end, Bun tells of the peer's by closing only.
    if (!this.#ended) handler.end();
    handler.close();
  }
}
