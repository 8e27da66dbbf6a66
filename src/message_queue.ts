/**
 * Received messages on their way to the application: in order, none lost, one at a time, and no more of them at once
 * than the high-water mark allows before the socket is left unread.
 *
 * @module
 */
import type { Connection, ConnectionCallbacks, Message } from "./connection.ts";
import type { Close } from "./protocol/errors.ts";

/** What the queue asks of its connection. */
export interface QueueOwner {
  /** Read no more: the application is behind. */
  pause(): void;
  /** Read on. */
  resume(): void;
  /** A callback threw, or its promise rejected. */
  failed(error: unknown): void;
}

// A queue that is never empty sheds the places of what was taken, at this many and half of all.
const COMPACT_FROM = 64;

type Take = (result: IteratorResult<Message, undefined>) => void;

/** The messages that one connection has received and its application has not taken. */
export class MessageQueue<Data> {
  readonly #socket: Connection<Data>;
  readonly #mark: { readonly messages: number; readonly bytes: number };
  readonly #owner: QueueOwner;
  #messages: Message[] = [];
  #first = 0;
  #bytes = 0;
  #paused = false;
  #takers: Take[] = [];
  #callbacks: ConnectionCallbacks<Data> | undefined;
  // A callback's promise is pending: what comes meanwhile waits.
  #busy = false;
  #closing = false;
  #close: Close | undefined;
  #closeDelivered = false;

  /** A queue for this connection, full at this mark. */
  constructor(
    socket: Connection<Data>,
    mark: { readonly messages: number; readonly bytes: number },
    owner: QueueOwner,
  ) {
    this.#socket = socket;
    this.#mark = mark;
    this.#owner = owner;
  }

  /** Gives every message to callbacks from now on, after `open` has settled. */
  deliverTo(callbacks: ConnectionCallbacks<Data>): void {
    this.#callbacks = callbacks;
    this.#call(callbacks.open, undefined);
    if (!this.#busy) this.#next();
  }

  /** A message has come. */
  push(message: Message): void {
    const callbacks = this.#callbacks;
    if (callbacks !== undefined && !this.#busy && this.#first === this.#messages.length) {
      return this.#call(callbacks.message, message);
    }
    const taker = this.#takers.shift();
    if (taker !== undefined) return taker({ done: false, value: message });
    if (this.#closing && this.#full()) return;
    this.#messages.push(message);
    this.#bytes += sizeOf(message);
    if (!this.#paused && !this.#closing && this.#full()) {
      this.#paused = true;
      this.#owner.pause();
    }
  }

  /**
   * Our Close frame has been sent. The peer's answer must be read, however many messages wait: those that come on top
   * of a full queue now are dropped.
   */
  closing(): void {
    this.#closing = true;
    if (this.#paused) this.#owner.resume();
  }

  /** The connection has ended; what waits is still to be taken. */
  end(close: Close): void {
    this.#close = close;
    if (this.#callbacks !== undefined) return this.#busy ? undefined : this.#next();
    const takers = this.#takers;
    this.#takers = [];
    for (const take of takers) take({ done: true, value: undefined });
  }

  /** An iterator over the messages. */
  iterate(): AsyncIterableIterator<Message> {
    if (this.#callbacks !== undefined) {
      throw new TypeError(
        "Cannot iterate: this connection was given to callbacks, and its messages go to them.",
      );
    }
    const next = (): Promise<IteratorResult<Message, undefined>> => {
      const message = this.#shift();
      if (message !== undefined) return Promise.resolve({ done: false, value: message });
      if (this.#close !== undefined) return Promise.resolve({ done: true, value: undefined });
      return new Promise((resolve) => this.#takers.push(resolve));
    };
    const iterator: AsyncIterableIterator<Message> = {
      next,
      return: () => Promise.resolve({ done: true, value: undefined }),
      [Symbol.asyncIterator]: () => iterator,
    };
    return iterator;
  }

  #full(): boolean {
    return this.#messages.length - this.#first >= this.#mark.messages || this.#bytes >= this.#mark.bytes;
  }

  #shift(): Message | undefined {
    if (this.#first === this.#messages.length) return undefined;
    const message = this.#messages[this.#first]!;
    this.#messages[this.#first++] = "";
    this.#bytes -= sizeOf(message);
    if (this.#first === this.#messages.length) {
      this.#messages = [];
      this.#first = 0;
    } else if (this.#first >= COMPACT_FROM && 2 * this.#first >= this.#messages.length) {
      this.#messages.splice(0, this.#first);
      this.#first = 0;
    }
    if (this.#paused && !this.#full()) {
      this.#paused = false;
      this.#owner.resume();
    }
    return message;
  }

  /** Calls a callback; if it gives a promise, all else waits for that. */
  #call<Argument>(
    callback: ((socket: Connection<Data>, argument: Argument) => unknown) | undefined,
    argument: Argument,
  ): void {
    if (callback === undefined) return;
    let result: unknown;
    try {
      result = callback.call(this.#callbacks, this.#socket, argument);
      if (!isPromise(result)) return;
    } catch (error) {
      return this.#owner.failed(error);
    }
    this.#busy = true;
    // What only looks like a promise may throw, or call back twice.
    Promise.resolve(result).then(() => this.#next(), (error: unknown) => {
      this.#owner.failed(error);
      this.#next();
    });
  }

  #next(): void {
    this.#busy = false;
    const callbacks = this.#callbacks!;
    while (!this.#busy) {
      const message = this.#shift();
      if (message === undefined) break;
      this.#call(callbacks.message, message);
    }
    if (this.#busy || this.#close === undefined || this.#closeDelivered) return;
    this.#closeDelivered = true;
    this.#call(callbacks.close, this.#close);
  }
}

function sizeOf(message: Message): number {
  return typeof message === "string" ? message.length : message.byteLength;
}

function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null &&
    typeof (value as { then?: unknown }).then === "function";
}
