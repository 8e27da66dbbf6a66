/**
 * One live connection: the protocol, the transport, their timers and the flow of messages between them and the
 * application.
 *
 * @module
 */
import { concat } from "./protocol/bytes.ts";
import { type Close, ConnectionClosedError } from "./protocol/errors.ts";
import { Protocol, type ProtocolClose, type Role } from "./protocol/protocol.ts";
import { INTERNAL_ERROR, NORMAL_CLOSURE, TRY_AGAIN_LATER } from "./protocol/status_code.ts";
import type { ConnectionSettings } from "./connection_options.ts";
import { MessageQueue } from "./message_queue.ts";
import type { Transport, TransportError } from "./transport/transport.ts";

/** A message as it is received: a string for text, bytes for binary. */
export type Message = string | Uint8Array;

/** What may be sent: a string goes out as text, all else as binary. */
export type Sendable = string | ArrayBufferView | ArrayBuffer;

/** The stages of a connection. */
export type ReadyState = "open" | "closing" | "closed";

/** Callbacks: the fastest way to use a connection. */
export interface ConnectionCallbacks<Data = undefined> {
  /** The opening handshake is done. If a promise comes back, messages wait until it has settled. */
  open?(socket: Connection<Data>): unknown;
  /**
   * A message has come. If a promise comes back, the next message waits until it has settled. Without this callback
   * messages are read and dropped.
   */
  message?(socket: Connection<Data>, message: Message): unknown;
  /** The connection has ended, after its last message. */
  close?(socket: Connection<Data>, close: Close): unknown;
}

/**
 * What is done with a connection: a function, at whose return it is closed with 1000, or callbacks. What is thrown
 * closes it with 1011 and is reported to the `error` hook.
 */
export type ConnectionHandler<Data = undefined> =
  | ((socket: Connection<Data>) => unknown)
  | ConnectionCallbacks<Data>;

/** What a connection is made of. */
export interface ConnectionInit<Data> {
  /** Which end this is. */
  readonly role: Role;
  /** The stream of bytes, behind the opening handshake. */
  readonly transport: Transport;
  /** The subprotocol, `""` for none. */
  readonly protocol: string;
  /** The extensions in use, as the opening handshake named them. */
  readonly extensions: string;
  /** The application's own. */
  readonly data: Data;
  /** Makes the request of the opening handshake, when it is asked for. */
  readonly request: (() => Request) | undefined;
  /** Limits and deadlines. */
  readonly settings: ConnectionSettings;
  /** Told of what the application's handler threw. */
  readonly onError: (error: unknown) => void;
  /** Told that the connection has ended. */
  readonly onClose: () => void;
}

// Pieces are joined into one write up to this size; beyond it a copy costs more than a call.
const JOIN_UP_TO = 64 * 1024;

// How the module's own function reaches into a connection, so that the public class shows no such method.
let begin: <Data>(
  socket: Connection<Data>,
  handler: ConnectionHandler<Data> | undefined,
  early: Uint8Array,
) => void;

/**
 * Makes a connection of a stream whose opening handshake is done, gives it to its handler, then reads: first `early`,
 * what had come behind the opening handshake.
 */
export function startConnection<Data>(
  init: ConnectionInit<Data>,
  handler: ConnectionHandler<Data> | undefined,
  early: Uint8Array,
): Connection<Data> {
  const socket = new Connection(init);
  begin(socket, handler, early);
  return socket;
}

/**
 * A WebSocket connection, made by `serve()` or `connect()`.
 *
 * Messages come in order and none is lost, whenever the application begins to take them: by `for await`, or by
 * callbacks.
 */
export class Connection<Data = undefined> implements AsyncIterable<Message> {
  /** The application's own data about this connection, as its `upgrade` hook gave it. */
  readonly data: Data;
  /** The subprotocol that was agreed upon, `""` for none. */
  readonly protocol: string;
  /** The extensions in use, as `Sec-WebSocket-Extensions` names them; `""` for none. */
  readonly extensions: string;
  /** The peer's IP address; `""` where there is none, as on a Unix socket. */
  readonly remoteAddress: string;

  readonly #role: Role;
  readonly #transport: Transport;
  readonly #settings: ConnectionSettings;
  readonly #onError: (error: unknown) => void;
  readonly #onClose: () => void;
  readonly #protocol: Protocol;
  readonly #queue: MessageQueue<Data>;
  #makeRequest: (() => Request) | undefined;
  #request: Request | undefined;

  #pending: Uint8Array[] = [];
  #pendingSize = 0;
  #flushScheduled = false;
  #receiving = false;
  #congested = false;
  #drainWaiters: { resolve: () => void; reject: (error: Error) => void }[] = [];

  #timer: ReturnType<typeof setTimeout> | undefined;
  #closeSent = "";
  #ending: ProtocolClose | undefined;
  #handlerError: Error | undefined;
  #close: Close | undefined;
  #closed: Promise<Close> | undefined;
  #resolveClosed: ((close: Close) => void) | undefined;

  /** Made by `serve()` and `connect()`, not by applications. */
  constructor(init: ConnectionInit<Data>) {
    this.data = init.data;
    this.protocol = init.protocol;
    this.extensions = init.extensions;
    this.remoteAddress = init.transport.remoteAddress;
    this.#role = init.role;
    this.#transport = init.transport;
    this.#settings = init.settings;
    this.#onError = init.onError;
    this.#onClose = init.onClose;
    this.#makeRequest = init.request;
    this.#queue = new MessageQueue(this, init.settings.receiveQueue, {
      pause: () => this.#transport.pause(),
      resume: () => this.#transport.resume(),
      failed: (error) => this.#handlerFailed(error),
    });
    this.#protocol = new Protocol(init.role, {
      write: (bytes) => this.#write(bytes),
      message: (message) => this.#queue.push(message),
      ping: () => {},
      pong: () => {},
      finish: (close) => this.#finish(close),
    }, init.settings);
  }

  static {
    begin = (socket, handler, early) => socket.#begin(handler, early);
  }

  #begin(handler: ConnectionHandler<Data> | undefined, early: Uint8Array): void {
    if (handler !== undefined) this.#handle(handler);
    this.#transport.attach({
      data: (chunk) => this.#receive(chunk),
      drain: () => this.#drained(),
      end: () => this.#receiveEnd(),
      close: (error) => this.#transportClosed(error),
    });
    if (early.length > 0) this.#receive(early);
  }

  /** The request that opened this connection; on a client there is none. */
  get request(): Request | undefined {
    if (this.#makeRequest !== undefined) {
      this.#request = this.#makeRequest();
      this.#makeRequest = undefined;
    }
    return this.#request;
  }

  /** Where the connection stands. */
  get readyState(): ReadyState {
    if (this.#close !== undefined) return "closed";
    return this.#protocol.open ? "open" : "closing";
  }

  /** Bytes accepted by `send()` and not yet handed to the operating system, frame headers included. */
  get bufferedAmount(): number {
    return this.#pendingSize + this.#transport.bufferedAmount;
  }

  /**
   * Sends one message; bytes are copied. Answers `true`, or `false` when more than `sendHighWaterMark` bytes wait: the
   * message was accepted, but the next should wait for {@linkcode drained}.
   *
   * Throws a {@linkcode ConnectionClosedError} when the connection can carry no more messages, or when this one would
   * pass `maxBufferedAmount` together with what waits; a `RangeError` when it would by itself; a `TypeError` for
   * anything but a string, a view or an `ArrayBuffer`.
   */
  send(data: Sendable): boolean {
    if (!this.#protocol.open) throw this.#closedError("send");
    if (typeof data === "string") {
      this.#checkRoom(data.length);
      return this.#protocol.sendText(data);
    }
    const bytes = bytesOf(data);
    this.#checkRoom(bytes.length);
    return this.#protocol.sendBinary(bytes);
  }

  /**
   * Resolves when `send()` would answer `true` again, at once if it does now. Rejects with a
   * {@linkcode ConnectionClosedError} when the connection ends first.
   */
  drained(): Promise<void> {
    if (this.#protocol.finished) return Promise.reject(this.#closedError("wait for the buffer to drain"));
    if (this.bufferedAmount <= this.#settings.sendHighWaterMark) return Promise.resolve();
    return new Promise((resolve, reject) => this.#drainWaiters.push({ resolve, reject }));
  }

  /**
   * Starts the closing handshake: what was sent before still goes out, messages of the peer still come until its
   * Close frame does. Does nothing when that has begun. Resolves as {@linkcode closed} does.
   *
   * `code` is 1000 (the default), another registered code, or one from 3000 to 4999; `reason` has at most 123 bytes in
   * UTF-8. Throws a `RangeError` for others (RFC 6455, section 7.4).
   */
  close(code: number = NORMAL_CLOSURE, reason: string = ""): Promise<Close> {
    this.#startClosing(code, reason);
    return this.closed;
  }

  /** Drops the connection at once, without a closing handshake; what was not sent yet is lost. */
  abort(): void {
    if (this.#close !== undefined) return;
    this.#pending = [];
    this.#pendingSize = 0;
    this.#protocol.abandon("local", new ConnectionClosedError("The connection was dropped by abort()."));
    this.#transport.abort();
  }

  /** Resolves, and never rejects, with how the connection ended, once the TCP connection has. */
  get closed(): Promise<Close> {
    this.#closed ??= this.#close !== undefined
      ? Promise.resolve(this.#close)
      : new Promise((resolve) => (this.#resolveClosed = resolve));
    return this.#closed;
  }

  /**
   * Takes the messages one by one, until the connection ends. Leaving the loop neither closes the connection nor loses
   * a message: a later loop goes on. Throws a `TypeError` when the connection was given to callbacks.
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<Message> {
    return this.#queue.iterate();
  }

  /** Closes with 1000 and waits until the connection has ended. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #handle(handler: ConnectionHandler<Data>): void {
    if (typeof handler === "function") {
      // The call waits for a turn, so that a handler never runs inside the opening handshake.
      Promise.resolve(this).then(handler).then(
        () => void this.close(),
        (error: unknown) => this.#handlerFailed(error),
      );
    } else {
      this.#queue.deliverTo(handler);
    }
  }

  #handlerFailed(error: unknown): void {
    this.#handlerError ??= error instanceof Error
      ? error
      : new Error("The handler threw what is no Error.", { cause: error });
    this.#onError(error);
    this.#startClosing(INTERNAL_ERROR, "");
  }

  #startClosing(code: number, reason: string): void {
    const wasOpen = this.#protocol.open;
    this.#protocol.sendClose(code, reason);
    if (!wasOpen) return;
    this.#closeSent = `${code}${reason === "" ? "" : ` ${JSON.stringify(reason)}`} was sent`;
    this.#startCloseTimer();
    this.#queue.closing();
  }

  #receive(chunk: Uint8Array): void {
    this.#receiving = true;
    this.#protocol.receive(chunk);
    this.#receiving = false;
    // All that was sent in answer to one chunk goes out in one write.
    if (this.#pendingSize > 0) this.#flush();
  }

  #receiveEnd(): void {
    this.#protocol.receiveEnd();
    this.#transport.closeWrite();
  }

  #write(bytes: Uint8Array): boolean {
    this.#pending.push(bytes);
    this.#pendingSize += bytes.length;
    if (!this.#receiving && !this.#flushScheduled) {
      this.#flushScheduled = true;
      queueMicrotask(() => this.#flush());
    }
    return this.bufferedAmount <= this.#settings.sendHighWaterMark;
  }

  #flush(): void {
    this.#flushScheduled = false;
    if (this.#pendingSize === 0) return;
    const pieces = this.#pending;
    const size = this.#pendingSize;
    this.#pending = [];
    this.#pendingSize = 0;
    let flowing = true;
    if (pieces.length === 1) flowing = this.#transport.write(pieces[0]!);
    else if (size <= JOIN_UP_TO) flowing = this.#transport.write(concat(pieces, size));
    else for (const piece of pieces) flowing = this.#transport.write(piece);
    if (!flowing) this.#congested = true;
    else if (!this.#congested) this.#resolveDrained();
  }

  #drained(): void {
    this.#congested = false;
    this.#resolveDrained();
  }

  #resolveDrained(): void {
    this.#protocol.drained();
    if (this.#drainWaiters.length === 0) return;
    const waiters = this.#drainWaiters;
    this.#drainWaiters = [];
    for (const { resolve } of waiters) resolve();
  }

  #checkRoom(size: number): void {
    if (this.bufferedAmount + size <= this.#settings.maxBufferedAmount) return;
    if (size > this.#settings.maxBufferedAmount) {
      throw new RangeError(`Cannot send ${size} bytes in one message: they are more than maxBufferedAmount.`);
    }
    const error = new ConnectionClosedError(
      `Cannot send: ${this.bufferedAmount} bytes wait for a peer that does not read, and ${size} more would pass ` +
        `maxBufferedAmount. Await drained() whenever send() answers false.`,
    );
    this.#protocol.fail(TRY_AGAIN_LATER, error);
    throw error;
  }

  #finish(close: ProtocolClose): void {
    this.#ending = close;
    const waiters = this.#drainWaiters;
    this.#drainWaiters = [];
    for (const { reject } of waiters) reject(this.#closedError("wait for the buffer to drain"));
    if (this.#pendingSize > 0) this.#flush();
    // RFC 6455, section 7.1.1: "The server MUST close the TCP connection immediately, whereas the client SHOULD wait
    // for the server to close the connection". A client that fails the connection does not wait.
    if (this.#role === "server" || !close.wasClean) this.#transport.closeWrite();
    this.#startCloseTimer();
    // From here on what comes is read and thrown away, so that our Close frame is not lost to a reset.
    this.#transport.resume();
  }

  #startCloseTimer(): void {
    if (this.#close !== undefined) return;
    this.#timer ??= setTimeout(() => this.#transport.abort(), this.#settings.closeTimeout);
  }

  #transportClosed(error: TransportError | undefined): void {
    if (error === undefined) this.#protocol.receiveEnd();
    else this.#protocol.abandon("remote", error);
    clearTimeout(this.#timer);
    const { code, reason, wasClean, initiator, error: cause } = this.#ending!;
    this.#close = { code, reason, wasClean, initiator, error: cause ?? this.#handlerError };
    this.#onClose();
    this.#resolveClosed?.(this.#close);
    this.#queue.end(this.#close);
  }

  #closedError(what: string): ConnectionClosedError {
    const ending = this.#ending;
    if (ending === undefined) {
      return new ConnectionClosedError(`Cannot ${what}: the connection is closing (${this.#closeSent}).`);
    }
    const reason = ending.reason === "" ? "" : ` ${JSON.stringify(ending.reason)}`;
    const side = ending.initiator === "local" ? "this side" : "the peer";
    return new ConnectionClosedError(
      `Cannot ${what}: ${side} closed the connection (${ending.code}${reason}).`,
      this.#close,
    );
  }
}

function bytesOf(data: ArrayBufferView | ArrayBuffer): Uint8Array {
  if (data instanceof Uint8Array) return data;
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  if (data instanceof ArrayBuffer) return new Uint8Array(data);
  throw new TypeError("Cannot send this: give a string, a typed array, a DataView or an ArrayBuffer.");
}
