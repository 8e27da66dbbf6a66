/**
 * Two transports joined in memory: a network for tests, without sockets.
 *
 * @module
 */
import { ByteQueue } from "./byte_queue.ts";
import { brokenError } from "./errors.ts";
import { Lifecycle } from "./lifecycle.ts";
import {
  DEFAULT_HIGH_WATER_MARK,
  type Transport,
  type TransportError,
  type TransportHandler,
} from "./transport.ts";

/** The most that a socket gives in one read. */
const LARGEST_CHUNK = 64 * 1024;

/** Options of one side of a pair in memory. */
export interface MemoryOptions {
  /**
   * Bytes that may wait for the other side before `write()` returns `false`. Default
   * {@linkcode DEFAULT_HIGH_WATER_MARK}.
   */
  highWaterMark?: number;
  /** The peer address that this side reports. Default: `""`. */
  remoteAddress?: string;
  /** Whether this side reports an encrypted connection. Default: `false`. */
  encrypted?: boolean;
}

/**
 * Makes two transports that are each other's peer; the second is like the first unless it has its own options.
 * Everything is delivered in a later microtask.
 */
export function memoryPair(
  leftOptions: MemoryOptions = {},
  rightOptions: MemoryOptions = leftOptions,
): [Transport, Transport] {
  const left = new MemoryTransport(leftOptions);
  const right = new MemoryTransport(rightOptions);
  left.join(right);
  right.join(left);
  return [left, right];
}

class MemoryTransport extends Lifecycle implements Transport {
  readonly remoteAddress: string;
  readonly encrypted: boolean;
  /** See {@linkcode Transport.highWaterMark}. */
  highWaterMark: number;
  readonly #queue: ByteQueue = new ByteQueue();
  readonly #deliverNext = (): void => this.#deliver();
  #peer: MemoryTransport | undefined;
  #handler: TransportHandler | undefined;
  #scheduled = false;
  #paused = false;
  #wantsDrain = false;
  #error: TransportError | undefined;

  constructor(options: MemoryOptions) {
    super();
    this.highWaterMark = options.highWaterMark ?? DEFAULT_HIGH_WATER_MARK;
    this.remoteAddress = options.remoteAddress ?? "";
    this.encrypted = options.encrypted ?? false;
  }

  join(peer: MemoryTransport): void {
    this.#peer = peer;
  }

  get bufferedAmount(): number {
    return this.#queue.length;
  }

  get done(): boolean {
    return this.#queue.length === 0;
  }

  attach(handler: TransportHandler): void {
    const first = this.#handler === undefined;
    this.#handler = handler;
    if (!first) return;
    if (this.closedBelow) return this.#deliverClose();
    if (this.#wantsDrain) this.#schedule();
    this.#peer!.#schedule();
  }

  write(bytes: Uint8Array): boolean {
    if (!this.writable) return true;
    this.#queue.push(bytes);
    this.#schedule();
    if (this.#queue.length <= this.highWaterMark) return true;
    this.#wantsDrain = true;
    return false;
  }

  closeWrite(): void {
    if (this.send("ending")) this.#schedule();
  }

  abort(): void {
    if (!this.#finish("aborted")) return;
    this.#peer!.#finish("closed", brokenError(undefined, "connection-reset"));
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#peer!.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled || this.life !== "open") return;
    this.#scheduled = true;
    queueMicrotask(this.#deliverNext);
  }

  /** Carries our bytes, then our end, to the peer. */
  #deliver(): void {
    this.#scheduled = false;
    const peer = this.#peer!;
    const queue = this.#queue;
    while (queue.length > 0 && peer.#receives()) {
      // The receiver may overwrite its bytes, and the writer may have given the same bytes to others.
      const chunk = new Uint8Array(queue.peek().subarray(0, LARGEST_CHUNK));
      queue.consume(chunk.length);
      peer.#handler!.data(chunk);
    }
    if (this.life !== "open" || queue.length > 0) return;
    if (this.#wantsDrain && this.#handler !== undefined) {
      this.#wantsDrain = false;
      this.#handler.drain();
    }
    if (this.outgoing === "ending" && peer.#receives() && this.send("ended")) this.#tellEnd(peer);
  }

  #receives(): boolean {
    return this.#handler !== undefined && !this.#paused && this.life === "open";
  }

  #tellEnd(peer: MemoryTransport): void {
    peer.receive("ended");
    peer.receive("told");
    peer.#handler!.end();
    if (this.incoming !== "told" || this.outgoing !== "ended" || peer.outgoing !== "ended") return;
    this.#finish("closed");
    peer.#finish("closed");
  }

  #finish(how: "closed" | "aborted", error?: TransportError): boolean {
    if (!this.enter(how)) return false;
    this.#error = error;
    this.#queue.clear();
    if (this.#handler !== undefined) this.#deliverClose();
    return true;
  }

  #deliverClose(): void {
    queueMicrotask(() => {
      this.enter("over");
      if (this.#error === undefined) this.#handler!.close();
      else this.#handler!.close(this.#error);
    });
  }
}
