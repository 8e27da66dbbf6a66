/**
 * Received messages on their way to the application: in order, none lost, one at a time. When too many wait, the
 * socket is not read (backpressure).
 *
 * @module
 */
import type { CallbacksOf } from "./handler.ts";
import type { Message } from "./message.ts";
import { GatheredMessage } from "./gathered_message.ts";
import type { Close } from "../protocol/errors.ts";

/** What the queue needs of its connection. */
export interface ReceivedMessagesOwner<Socket> {
  /** The argument of the application's callbacks. */
  readonly socket: Socket;
  /** When the queue is full. */
  readonly settings: { readonly receiveQueue: { readonly messages: number; readonly bytes: number } };
  /** Pause reading: the application is too slow. */
  pauseReading(): void;
  /** Resume reading. */
  resumeReading(): void;
  /** From now on messages arrive in pieces. */
  streamFromNowOn(): void;
  /** A callback threw, or its promise rejected. */
  handlerFailed(error: unknown): void;
  /**
   * Whether a message that arrived in pieces may be held whole at this size; `Infinity`: longer than a string can be.
   * If not, the connection has failed.
   */
  mayHold(size: number): boolean;
  /** The error for a read after the end. */
  closedError(what: string): Error;
}

// Free slots at the front of the array; fewer are not worth moving the rest.
const COMPACT_FROM = 64;

/** A message, or a piece of one. */
interface Piece {
  readonly data: Message;
  readonly last: boolean;
}

/** A read that waits for a message, or for a piece of one. */
interface Taker {
  /** Takes the next piece. Returns whether that completes the read. */
  take(piece: Piece): boolean;
  /** No more will come. */
  end(): void;
}

/** A reader that takes one message in pieces. */
interface IncomingStream {
  /** Whether a piece was taken. */
  begun: boolean;
  /** Whether the rest was dropped. */
  truncated: boolean;
  /** Reads that wait for the message after it. */
  readonly behind: Taker[];
}

/** The messages that one connection has received but the application has not taken. */
export class ReceivedMessages<Socket> {
  readonly #owner: ReceivedMessagesOwner<Socket>;
  #callbacks: CallbacksOf<Socket> | undefined;
  // Undefined while empty.
  #pieces: (Piece | undefined)[] | undefined;
  #first = 0;
  #bytes = 0;
  // A callback's promise is pending: new messages wait.
  #busy = false;
  #closing = false;
  // The rest of the current message is dropped.
  #skipping = false;
  // Messages arrive in pieces, because pieces() was called.
  #cut = false;
  // While a read waits here, the queue is empty. Undefined before the first.
  #takers: Taker[] | undefined;
  // A stream has the current message or waits for the next: other reads queue behind it.
  #stream: IncomingStream | undefined;
  // How the connection ended; with callbacks, until they were told.
  #close: Close | undefined;

  /** Starts empty. */
  constructor(owner: ReceivedMessagesOwner<Socket>) {
    this.#owner = owner;
  }

  /** Whether the socket is not read because the application is too slow. */
  get paused(): boolean {
    return !this.#closing && this.#full();
  }

  /** From now on gives every message to callbacks, after `open` has settled. */
  deliverTo(callbacks: CallbacksOf<Socket>): void {
    this.#callbacks = callbacks;
    this.#call(callbacks.open, undefined);
    if (!this.#busy) this.#next();
  }

  /** Whether a read waits for a message. */
  get awaited(): boolean {
    return this.#takers !== undefined && this.#takers.length > 0;
  }

  /** A message, or a piece of one, arrived. */
  push(data: Message, last: boolean): void {
    const callbacks = this.#callbacks;
    if (callbacks !== undefined && !this.#busy && this.#pieces === undefined) {
      return this.#call(callbacks.message, data);
    }
    if (this.#skipping) {
      this.#skipping = !last;
      return;
    }
    const piece = { data, last };
    const taker = this.#takers?.[0];
    if (taker !== undefined) {
      if (taker.take(piece)) this.#takers!.shift();
      return;
    }
    if (this.#closing && this.#full()) return this.#dropMessage(last);
    const { paused } = this;
    (this.#pieces ??= []).push(piece);
    this.#bytes += sizeOf(data);
    if (!paused && this.paused) this.#owner.pauseReading();
  }

  /**
   * Our Close frame was sent. The peer's answer must be read, however many messages wait: messages beyond a full
   * queue are now dropped.
   */
  closing(): void {
    const { paused } = this;
    this.#closing = true;
    if (paused) this.#owner.resumeReading();
  }

  /** The connection has ended; waiting messages can still be taken. */
  end(close: Close): void {
    this.#close = close;
    if (this.#callbacks !== undefined) return this.#busy ? undefined : this.#next();
    this.#endTakers();
  }

  /** Iterates over whole messages. */
  iterate(): AsyncIterableIterator<Message> {
    this.#refuseCallbacks("iterate");
    const iterator: AsyncIterableIterator<Message> = {
      next: () => {
        if (!this.#cut) {
          const piece = this.#shift();
          if (piece !== undefined) return Promise.resolve({ done: false, value: piece.data });
        }
        return this.#whole();
      },
      return: () => Promise.resolve({ done: true, value: undefined }),
      [Symbol.asyncIterator]: () => iterator,
    };
    return iterator;
  }

  /** The next message in pieces as they arrive. Leaving the loop skips the rest of that message. */
  async *pieces(): AsyncGenerator<Message, void, undefined> {
    this.#refuseCallbacks("stream");
    if (this.#stream !== undefined) {
      throw new TypeError("Cannot stream: another stream() has not reached the end of its message.");
    }
    const stream: IncomingStream = { begun: false, truncated: false, behind: [] };
    this.#stream = stream;
    this.#cut = true;
    this.#owner.streamFromNowOn();
    let last = false;
    let empty = true;
    try {
      while (!last) {
        const piece = stream.truncated ? undefined : await this.#takePiece();
        if (piece === undefined) throw this.#owner.closedError("receive the message");
        stream.begun = true;
        last = piece.last;
        if (last) this.#streamEnded();
        // An empty message is one empty piece, so that its type can be seen.
        if (piece.data.length === 0 && !(last && empty)) continue;
        empty = false;
        yield piece.data;
      }
    } finally {
      if (!last) {
        if (stream.begun && !stream.truncated) this.#skipRest();
        this.#streamEnded();
      }
    }
  }

  /** The streamed message is over: the next message goes to the reads that wait behind it. */
  #streamEnded(): void {
    const { behind } = this.#stream!;
    this.#stream = undefined;
    for (const taker of behind) this.#wait(taker);
  }

  #refuseCallbacks(what: string): void {
    if (this.#callbacks === undefined) return;
    throw new TypeError(
      `Cannot ${what}: this connection has callbacks, which receive its messages.`,
    );
  }

  /** The next message whole, from all its pieces. */
  #whole(): Promise<IteratorResult<Message, undefined>> {
    return new Promise((resolve) => {
      let gathered: GatheredMessage | undefined;
      const taker: Taker = {
        take: ({ data, last }) => {
          // Before messages arrive in pieces, the protocol enforces the size limit.
          if (!this.#cut) {
            resolve({ done: false, value: data });
            return true;
          }
          gathered ??= new GatheredMessage();
          if (!this.#owner.mayHold(gathered.add(data) ? gathered.size : Infinity)) {
            this.#discardAll();
            taker.end();
            return true;
          }
          if (last) resolve({ done: false, value: gathered.finish() });
          return last;
        },
        end: () => resolve({ done: true, value: undefined }),
      };
      if (this.#stream === undefined) this.#wait(taker);
      else {
        this.#stream.behind.push(taker);
        if (this.#close !== undefined) this.#endTakers();
      }
    });
  }

  #takePiece(): Promise<Piece | undefined> {
    return new Promise((resolve) => {
      this.#wait({
        take: (piece) => {
          resolve(piece);
          return true;
        },
        end: () => resolve(undefined),
      });
    });
  }

  /** Gives a read what is here; if that does not complete it, it waits in line. */
  #wait(taker: Taker): void {
    const takers = this.#takers ??= [];
    if (takers.length === 0) {
      for (let piece = this.#shift(); piece !== undefined; piece = this.#shift()) {
        if (taker.take(piece)) return;
      }
    }
    takers.push(taker);
    if (this.#close !== undefined) this.#endTakers();
  }

  #endTakers(): void {
    for (const taker of this.#takers?.splice(0) ?? []) taker.end();
    const stream = this.#stream;
    if (stream === undefined || this.#hasMessageBehind()) return;
    // No message will follow the streamed one.
    for (const taker of stream.behind.splice(0)) taker.end();
  }

  /** Whether more waits than the rest of the streamed message. */
  #hasMessageBehind(): boolean {
    const pieces = this.#pieces ?? [];
    const last = pieces.findIndex((piece, index) => index >= this.#first && piece!.last);
    return last !== -1 && last < pieces.length - 1;
  }

  /** A piece after our Close frame has no room: its whole message is dropped. */
  #dropMessage(last: boolean): void {
    const pieces = this.#pieces!;
    while (this.#first < pieces.length && !pieces.at(-1)!.last) this.#bytes -= sizeOf(pieces.pop()!.data);
    if (this.#first === pieces.length) {
      this.#emptied();
      if (this.#stream?.begun) this.#stream.truncated = true;
    }
    this.#skipping = !last;
  }

  /** A message failed the connection: neither its rest nor anything after it is delivered. */
  #discardAll(): void {
    while (this.#shift() !== undefined);
    this.#skipping = true;
    this.#endTakers();
  }

  #skipRest(): void {
    for (let piece = this.#shift(); piece !== undefined; piece = this.#shift()) if (piece.last) return;
    this.#skipping = true;
  }

  #full(): boolean {
    const { messages, bytes } = this.#owner.settings.receiveQueue;
    return (this.#pieces?.length ?? 0) - this.#first >= messages || this.#bytes >= bytes;
  }

  #emptied(): void {
    this.#pieces = undefined;
    this.#first = 0;
  }

  #shift(): Piece | undefined {
    const pieces = this.#pieces;
    if (pieces === undefined) return undefined;
    const { paused } = this;
    const piece = pieces[this.#first]!;
    pieces[this.#first++] = undefined;
    this.#bytes -= sizeOf(piece.data);
    if (this.#first === pieces.length) this.#emptied();
    else if (this.#first >= COMPACT_FROM && 2 * this.#first >= pieces.length) {
      pieces.splice(0, this.#first);
      this.#first = 0;
    }
    if (paused && !this.paused) this.#owner.resumeReading();
    return piece;
  }

  /** Calls a callback; if it returns a promise, everything else waits for that. */
  #call<Argument>(
    callback: ((socket: Socket, argument: Argument) => unknown) | undefined,
    argument: Argument,
  ): void {
    if (callback === undefined) return;
    let result: unknown;
    try {
      result = callback.call(this.#callbacks, this.#owner.socket, argument);
      // Even checking whether a strange value is a promise may throw.
      if (!isPromise(result)) return;
    } catch (error) {
      return this.#owner.handlerFailed(error);
    }
    this.#busy = true;
    Promise.resolve(result).then(() => this.#next(), (error: unknown) => {
      this.#owner.handlerFailed(error);
      this.#next();
    });
  }

  #next(): void {
    this.#busy = false;
    const callbacks = this.#callbacks!;
    while (!this.#busy) {
      const piece = this.#shift();
      if (piece === undefined) break;
      this.#call(callbacks.message, piece.data);
    }
    const close = this.#close;
    if (this.#busy || close === undefined) return;
    this.#close = undefined;
    this.#call(callbacks.close, close);
  }
}

function sizeOf(message: Message): number {
  return typeof message === "string" ? message.length : message.byteLength;
}

function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null &&
    typeof (value as { then?: unknown }).then === "function";
}
