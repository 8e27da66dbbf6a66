/**
 * One open socket on Bun.
 *
 * @module
 */
import { plainAddress } from "./address.ts";
import { ByteQueue } from "./byte_queue.ts";
import { brokenError } from "./errors.ts";
import { Lifecycle } from "./lifecycle.ts";
import {
  type ClientCertificate,
  DEFAULT_HIGH_WATER_MARK,
  type Transport,
  type TransportHandler,
} from "./transport.ts";

/** What is needed of a `Bun.Socket`. */
export interface BunSocket {
  /** What the adapter stores with the socket. */
  data: BunTransport | undefined;
  /** The peer's address; none on a Unix socket. */
  readonly remoteAddress?: string | undefined;
  /** Whether TLS has verified the peer's certificate. */
  readonly authorized: boolean;
  /** The peer's certificate. */
  getPeerCertificate?(): { readonly raw?: Uint8Array } | null | undefined;
  /** Writes, perhaps only a part; returns a negative number if nothing can be written any more. */
  write(bytes: Uint8Array): number;
  /** Ends the sending side. */
  shutdown(): void;
  /** Ends both sides at once, with a reset: what the system has not sent yet is lost. */
  terminate(): void;
  /** Ends both sides; the system goes on to send what it has. */
  close(): void;
  /** Stops reading. */
  pause(): void;
  /** Starts reading. */
  resume(): void;
  /** Disables Nagle's algorithm. */
  setNoDelay(noDelay?: boolean): unknown;
}

/** A {@linkcode Transport} over a `Bun.Socket`, whose callbacks the adapter passes on to the `on` methods. */
export class BunTransport extends Lifecycle implements Transport {
  /** See {@linkcode Transport.remoteAddress}. */
  readonly remoteAddress: string;
  /** See {@linkcode Transport.encrypted}. */
  readonly encrypted: boolean;
  /** See {@linkcode Transport.clientCertificate}. */
  declare clientCertificate?: ClientCertificate;
  readonly #socket: BunSocket;
  /** See {@linkcode Transport.highWaterMark}. */
  highWaterMark: number;
  // Created when the system first takes only a part.
  #queue: ByteQueue | undefined;
  #handler: TransportHandler | undefined;
  /** Bytes that arrived before `attach()`, although the socket was paused. */
  #inbox: Uint8Array[] | undefined;
  #started = false;
  #paused = false;
  #wantsDrain = false;
  #failure: unknown;

  /** Takes over the socket. The caller calls {@linkcode BunTransport.onOpen} when TLS is done. */
  constructor(socket: BunSocket, encrypted: boolean, highWaterMark: number = DEFAULT_HIGH_WATER_MARK) {
    super();
    this.#socket = socket;
    this.highWaterMark = highWaterMark;
    this.remoteAddress = plainAddress(socket.remoteAddress);
    this.encrypted = encrypted;
  }

  /** Bytes may arrive from now on; until `attach()` they wait in the system. */
  onOpen(): void {
    if (this.#started || this.life !== "open") return;
    // Each pause() and resume() is a system call, and also makes Bun wait for the socket to be writable.
    if (this.#handler !== undefined && !this.#paused && this.incoming === "open") this.#started = true;
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
    if (!this.writable) return true;
    if (this.bufferedAmount > 0) this.#queue!.push(bytes);
    else {
      const count = this.#socket.write(bytes);
      if (count === bytes.length) return true;
      if (count < 0) {
        // Bun then closes the socket without reporting an error.
        this.send("lost");
        return true;
      }
      const queue = this.#queue ??= new ByteQueue();
      queue.push(bytes);
      queue.consume(count);
    }
    if (this.#queue!.length <= this.highWaterMark) return true;
    this.#wantsDrain = true;
    return false;
  }

  /** See {@linkcode Transport.closeWrite}. */
  closeWrite(): void {
    if (!this.send("ending")) return;
    if (this.bufferedAmount === 0) this.#sendEnd();
  }

  /** See {@linkcode Transport.abort}. */
  abort(): void {
    if (!this.enter("aborting")) return;
    this.#queue = undefined;
    this.#inbox = undefined;
    // A peer that reads slowly would lose the end of what was sent. On Node and Deno the system sends it as well.
    if (this.outgoing === "ended") this.#socket.close();
    else this.#socket.terminate();
  }

  /** See {@linkcode Transport.pause}. */
  pause(): void {
    if (this.#paused) return;
    this.#paused = true;
    if (this.#started && this.life === "open") this.#socket.pause();
  }

  /** See {@linkcode Transport.resume}. */
  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    if (!this.#started) {
      if (this.#handler !== undefined) queueMicrotask(() => this.#start());
    } else if (this.life === "open") this.#socket.resume();
  }

  /** Bytes arrived. */
  onData(chunk: Uint8Array): void {
    if (this.life !== "open") return;
    if (this.#started) this.#handler!.data(chunk);
    else (this.#inbox ??= []).push(new Uint8Array(chunk));
  }

  /** The system accepts bytes again. Bun also calls this without a reason. */
  onDrain(): void {
    if (this.life !== "open") return;
    const queue = this.#queue;
    while (queue !== undefined && queue.length > 0) {
      const bytes = queue.peek();
      const count = this.#socket.write(bytes);
      if (count < 0) {
        this.send("lost");
        return;
      }
      const written = queue.consume(count);
      if (written !== undefined) this.#handler?.written?.(written);
      if (count < bytes.length) return;
    }
    if (this.#wantsDrain) this.#drain();
    if (this.outgoing === "ending" && this.bufferedAmount === 0) this.#sendEnd();
  }

  /** The peer has ended its side. */
  onEnd(): void {
    if (this.life !== "open" || !this.receive("ended")) return;
    if (this.#started) this.#tellEnd();
  }

  /** The socket broke; the close follows. */
  onError(error: unknown): void {
    this.#failure ??= error;
  }

  /** The TLS handshake has failed. */
  onHandshakeFailure(error: unknown): void {
    if (this.life !== "open") return;
    this.#failure ??= error;
    this.#socket.terminate();
  }

  /** The socket is closed. */
  onClose(error: unknown): void {
    if (!this.enter("closed") && !this.enter("aborted")) return;
    this.#failure ??= error;
    this.#queue = undefined;
    // Bun calls close inside terminate().
    queueMicrotask(() => {
      if (this.#started || this.#isBroken()) this.#finish();
    });
  }

  #start(): void {
    if (this.#started || this.life === "over") return;
    if (this.closedBelow && this.#isBroken()) return this.#finish();
    let chunk: Uint8Array | undefined;
    while (!this.#paused && (chunk = this.#inbox?.shift()) !== undefined) this.#handler!.data(chunk);
    if (this.#paused) return;
    this.#started = true;
    if (this.closedBelow) return this.#finish();
    if (this.abandoned) return;
    this.#socket.resume();
    if (this.#wantsDrain && this.bufferedAmount === 0) this.#drain();
    if (this.incoming === "ended") this.#tellEnd();
  }

  #tellEnd(): void {
    if (this.receive("told")) this.#handler!.end();
  }

  #sendEnd(): void {
    if (this.send("ended")) this.#socket.shutdown();
  }

  #isBroken(): boolean {
    return this.abandoned || this.#failure !== undefined;
  }

  #drain(): void {
    if (this.#handler === undefined) return;
    this.#wantsDrain = false;
    this.#handler.drain();
  }

  #finish(): void {
    const handler = this.#handler;
    const { abandoned } = this;
    if (handler === undefined || !this.enter("over")) return;
    if (abandoned) return handler.close();
    if (this.#failure !== undefined) return handler.close(brokenError(this.#failure));
    if (this.outgoing !== "ended") return handler.close(brokenError(undefined, "connection-reset"));
    // After our own end, Bun reports the peer's only by closing.
    this.receive("ended");
    this.#tellEnd();
    handler.close();
  }
}
