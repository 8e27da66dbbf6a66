/**
 * Two transports joined in memory: the network of a test, without a socket.
 *
 * @module
 */
import { ByteQueue } from "./byte_queue.ts";
import { brokenError } from "./errors.ts";
import {
  DEFAULT_HIGH_WATER_MARK,
  type Transport,
  type TransportError,
  type TransportHandler,
} from "./transport.ts";

/** What a socket would give at most in one read. */
const LARGEST_CHUNK = 64 * 1024;

/** How an end of a pair in memory behaves. */
export interface MemoryOptions {
  /** Bytes that wait for the other side before `write()` answers `false`. Default {@linkcode DEFAULT_HIGH_WATER_MARK}. */
  highWaterMark?: number;
  /** What this end says of its peer's address. Default: `""`. */
  remoteAddress?: string;
  /** What this end says of the bytes on their way. Default: `false`. */
  encrypted?: boolean;
}

/**
 * Makes two transports, each of them the other one's peer; the second is like the first unless told otherwise.
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

class MemoryTransport implements Transport {
  readonly remoteAddress: string;
  readonly encrypted: boolean;
  readonly #highWaterMark: number;
  readonly #queue: ByteQueue = new ByteQueue();
  readonly #deliverNext = (): void => this.#deliver();
  #peer: MemoryTransport | undefined;
  #handler: TransportHandler | undefined;
  #scheduled = false;
  #paused = false;
  #wantsDrain = false;
  #ending = false;
  #sentEnd = false;
  #ended = false;
  #over = false;
  #error: TransportError | undefined;

  constructor(options: MemoryOptions) {
    this.#highWaterMark = options.highWaterMark ?? DEFAULT_HIGH_WATER_MARK;
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
    if (this.#over) return this.#deliverClose();
    if (this.#wantsDrain) this.#schedule();
    this.#peer!.#schedule();
  }

  write(bytes: Uint8Array): boolean {
    if (this.#over || this.#ending) return true;
    this.#queue.push(bytes);
    this.#schedule();
    if (this.#queue.length <= this.#highWaterMark) return true;
    this.#wantsDrain = true;
    return false;
  }

  closeWrite(): void {
    if (this.#over || this.#ending) return;
    this.#ending = true;
    this.#schedule();
  }

  abort(): void {
    if (this.#over) return;
    this.#finish();
    this.#peer!.#finish(brokenError(undefined, "connection-reset"));
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
    if (this.#scheduled || this.#over) return;
    this.#scheduled = true;
    queueMicrotask(this.#deliverNext);
  }

  /** Carries our bytes, and then our end, to the peer. */
  #deliver(): void {
    this.#scheduled = false;
    const peer = this.#peer!;
    const queue = this.#queue;
    while (queue.length > 0 && peer.#receives()) {
      // The receiver may overwrite what it is given; the writer may have given the same bytes to others.
      const chunk = new Uint8Array(queue.peek().subarray(0, LARGEST_CHUNK));
      queue.consume(chunk.length);
      peer.#handler!.data(chunk);
    }
    if (this.#over || queue.length > 0) return;
    if (this.#wantsDrain && this.#handler !== undefined) {
      this.#wantsDrain = false;
      this.#handler.drain();
    }
    if (this.#ending && !this.#sentEnd && !this.#over && peer.#receives()) this.#sendEnd(peer);
  }

  #receives(): boolean {
    return this.#handler !== undefined && !this.#paused && !this.#over;
  }

  #sendEnd(peer: MemoryTransport): void {
    this.#sentEnd = true;
    peer.#ended = true;
    peer.#handler!.end();
    if (!this.#ended || !peer.#sentEnd || this.#over) return;
    this.#finish();
    peer.#finish();
  }

  #finish(error?: TransportError): void {
    if (this.#over) return;
    this.#over = true;
    this.#error = error;
    this.#queue.clear();
    if (this.#handler !== undefined) this.#deliverClose();
  }

  #deliverClose(): void {
    queueMicrotask(() => {
      if (this.#error === undefined) this.#handler!.close();
      else this.#handler!.close(this.#error);
    });
  }
}
