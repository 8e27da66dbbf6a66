/**
 * One live connection: the protocol, the transport, their timers and the flow of messages between them and the
 * application.
 *
 * @module
 */
import { encodeClosePayload } from "./protocol/close_payload.ts";
import { type Close, ConnectionClosedError, ProtocolError } from "./protocol/errors.ts";
import type { MessageCompression } from "./protocol/message_compression.ts";
import { Protocol, type ProtocolClose, type Role } from "./protocol/protocol.ts";
import {
  INTERNAL_ERROR,
  MESSAGE_TOO_BIG,
  NO_STATUS_RECEIVED,
  NORMAL_CLOSURE,
  TRY_AGAIN_LATER,
} from "./protocol/status_code.ts";
import type { ConnectionSettings } from "./connection_options.ts";
import { utf8Length } from "./gathering.ts";
import { Liveness } from "./liveness.ts";
import { MessageQueue } from "./message_queue.ts";
import { Outbox } from "./outbox.ts";
import { deferredSize, Outgoing } from "./outgoing.ts";
import { bytesOf, type FragmentSource } from "./outgoing_stream.ts";
import { Subscriber } from "./topics/subscriber.ts";
import type { SubscribeOptions } from "./topics/topic_options.ts";
import type { Topics } from "./topics/topics.ts";
import type { Transport, TransportError } from "./transport/transport.ts";

/** A message as it is received: a string for text, bytes for binary. */
export type Message = string | Uint8Array;

/** What may be sent: a string goes out as text, all else as binary. */
export type Sendable = string | ArrayBufferView | ArrayBuffer;

/** How one message is sent. */
export interface SendOptions {
  /**
   * Whether to compress it, where permessage-deflate is in use: `true` whatever its size, though not where that would
   * make it larger (but for an empty one, which takes one byte then); `false` not at all.
   *
   * @default as `compression.threshold` says; a streamed message is not compressed
   */
  compress?: boolean;
}

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
  /** The one that compresses messages, if it is among them. */
  readonly compression?: MessageCompression | undefined;
  /** The application's own. */
  readonly data: Data;
  /** Makes the request of the opening handshake, when it is asked for. */
  readonly request: (() => Request) | undefined;
  /** Limits and deadlines. */
  readonly settings: ConnectionSettings;
  /** What it may subscribe to; a client's connection has none. */
  readonly topics?: Topics<Data>;
  /** Told of what the application's handler threw. */
  readonly onError: (error: unknown) => void;
  /** Told that the connection has ended. */
  readonly onClose: () => void;
}

// How the module's own functions reach into a connection, so that the public class shows no such methods.
let begin: <Data>(
  socket: Connection<Data>,
  handler: ConnectionHandler<Data> | undefined,
  early: Uint8Array,
) => void;
let release: <Data>(socket: Connection<Data>) => void;

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

/** From now on the return of its handler does not close the connection: it was given to something that will. */
export function releaseFromHandler<Data>(socket: Connection<Data>): void {
  release(socket);
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

  readonly #outbox: Outbox;
  readonly #liveness: Liveness;
  readonly #topics: Topics<Data> | undefined;
  #subscriber: Subscriber | undefined;
  readonly #outgoing: Outgoing;

  #timer: ReturnType<typeof setTimeout> | undefined;
  #closeSent = "";
  #released = false;
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
    this.#topics = init.topics;
    this.#outbox = new Outbox(init.transport, init.settings.sendHighWaterMark, () => {
      this.#protocol.drained();
      this.#subscriber?.drained();
    });
    this.#queue = new MessageQueue(this, init.settings.receiveQueue, {
      pause: () => this.#transport.pause(),
      resume: () => this.#transport.resume(),
      stream: () => this.#protocol.streamFromNowOn(),
      failed: (error) => this.#handlerFailed(error),
      mayHold: (size) => this.#mayHold(size),
      ended: () => this.#closedError("receive the message"),
    });
    this.#protocol = new Protocol(
      init.role,
      {
        write: (bytes, start, end) => this.#outbox.write(bytes, start, end),
        message: (message, last) => {
          this.#liveness.message();
          this.#queue.push(message, last);
        },
        ping: () => {},
        pong: (payload) => this.#liveness.pong(payload),
        finish: (close) => this.#finish(close),
      },
      init.settings,
      init.compression,
    );
    this.#liveness = new Liveness(init.settings, {
      ping: (payload) => void (this.#protocol.open && this.#protocol.sendPing(payload)),
      // RFC 6455, section 5.5.2: a peer that has received our Close frame need not answer pings.
      paused: () => this.#queue.paused || !this.#protocol.open,
      receivingFrame: () => !this.#protocol.betweenFrames,
      mayPing: () => this.#outgoing.compressing === undefined,
      dead: (error) => this.#drop(error),
      idle: () => this.#startClosing(NORMAL_CLOSURE, "idle"),
    });
    this.#outgoing = new Outgoing({
      protocol: this.#protocol,
      outbox: this.#outbox,
      liveness: this.#liveness,
      closedError: (what) => this.#closedError(what),
      progress: () => void (this.#closeSent !== "" && this.#awaitStream()),
      idle: () => this.#subscriber?.drained(),
    });
  }

  static {
    begin = (socket, handler, early) => socket.#begin(handler, early);
    release = (socket) => (socket.#released = true);
  }

  #begin(handler: ConnectionHandler<Data> | undefined, early: Uint8Array): void {
    if (handler !== undefined) this.#handle(handler);
    this.#transport.attach({
      data: (chunk) => this.#receive(chunk),
      drain: () => this.#outbox.transportDrained(),
      written: (bytes) => this.#outbox.transportWrote(bytes),
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
    return this.#open ? "open" : "closing";
  }

  /**
   * Bytes accepted by `send()`, or published to a topic of this connection, and not yet handed to the operating system,
   * frame headers included. A published message that waits for the connection to catch up counts 64 bytes more, as does
   * one that waits for the end of a streamed one.
   */
  get bufferedAmount(): number {
    return this.#outbox.bufferedAmount + this.#outgoing.size + (this.#subscriber?.bufferedAmount ?? 0);
  }

  /**
   * Sends one message; bytes are copied. Answers `true`, or `false` when more than `sendHighWaterMark` bytes wait: the
   * message was accepted, but the next should wait for {@linkcode drained}.
   *
   * Throws a {@linkcode ConnectionClosedError} when the connection can carry no more messages, or when this one would
   * pass `maxBufferedAmount` together with what waits; a `RangeError` when it would by itself; a `TypeError` for
   * anything but a string, a view or an `ArrayBuffer`.
   */
  send(data: Sendable, options?: SendOptions): boolean {
    if (!this.#open) throw this.#closedError("send");
    const message = typeof data === "string" ? data : bytesOf(data);
    const compress = options?.compress;
    if (this.#outgoing.busy !== undefined) {
      this.#checkRoom(deferredSize(message));
      this.#outgoing.defer(message, compress);
      return false;
    }
    const most = typeof message === "string" ? 3 * message.length : message.length;
    if (this.bufferedAmount + most > this.#settings.maxBufferedAmount) {
      this.#checkRoom(typeof message === "string" ? utf8Length(message) : most);
    }
    this.#liveness.message();
    return typeof message === "string"
      ? this.#protocol.sendText(message, compress)
      : this.#protocol.sendBinary(message, compress);
  }

  /**
   * Sends one message that is not held whole: each chunk of the source goes out as a fragment (RFC 6455, section 5.4),
   * a large one as several, an empty one as none, the next when the buffer allows. The first chunk makes it a text
   * message or a binary one, and the others must be of its kind; a source without a chunk is an empty binary message.
   * Other messages wait for its end. Pings do not, unless it is compressed: then heartbeats wait as well, since some
   * peers break on a ping between compressed fragments.
   *
   * Rejects with what the source throws, and with a `TypeError` for what is no source or a chunk of the wrong kind;
   * when a fragment had gone out by then, the connection was failed with 1011, since a message once begun cannot be
   * taken back. Rejects with a {@linkcode ConnectionClosedError} when the connection ends first.
   */
  sendStream(source: FragmentSource, options: SendOptions = {}): Promise<void> {
    if (!this.#open) return Promise.reject(this.#closedError("send"));
    return this.#outgoing.stream(source, options.compress);
  }

  /**
   * The next message in pieces, as they arrive: strings of a text message, bytes of a binary one. Nothing of it is kept,
   * so that it may be larger than `maxMessageSize`; nor does `maxFragments` hold from the first `stream()` on. A
   * compressed message is decompressed whole, and both hold.
   *
   * Leaving the loop drops the rest of that message. The messages after it come as ever, by `for await` over the
   * connection or by another `stream()`; whoever waits already when this is called gets the one after it.
   *
   * The loop throws a {@linkcode ConnectionClosedError} when the connection ends before the message does, and a
   * `TypeError` when the connection was given to callbacks, or another stream has not come to its end.
   */
  stream(): AsyncGenerator<Message, void, undefined> {
    return this.#queue.pieces();
  }

  /**
   * Sends a Ping frame. Resolves with the round trip in milliseconds; rejects with a
   * {@linkcode ConnectionClosedError} when the connection ends first.
   */
  ping(): Promise<number> {
    if (!this.#open) return Promise.reject(this.#closedError("send a ping"));
    return this.#outgoing.compressing?.then(() => this.ping()) ?? this.#liveness.ping();
  }

  /** The last round trip in milliseconds, of a heartbeat or a {@linkcode ping}; `undefined` before the first. */
  get latency(): number | undefined {
    return this.#liveness.latency;
  }

  /**
   * Resolves when `send()` would answer `true` again, at once if it does now. Rejects with a
   * {@linkcode ConnectionClosedError} when the connection ends first.
   */
  drained(): Promise<void> {
    if (this.#protocol.finished) return Promise.reject(this.#closedError("wait for the buffer to drain"));
    return this.#outgoing.busy?.then(() => this.drained()) ?? this.#outbox.drained();
  }

  /**
   * Subscribes to a topic: what is published to it from now on is sent to this connection. With a topic it is
   * subscribed to, the options change. Does nothing on a connection that is closing or closed, for that has left its
   * topics.
   *
   * Throws a `TypeError` on a client's connection and for a topic that is no string, a `RangeError` for a topic that is
   * empty, has more than 256 characters (UTF-16 code units), a control character or a lone surrogate, for an option
   * out of range, and beyond `maxTopics`.
   */
  subscribe(topic: string, options: SubscribeOptions = {}): void {
    if (this.#topics === undefined) {
      throw new TypeError("Cannot subscribe: only connections that a server has accepted have topics.");
    }
    this.#subscriber ??= new Subscriber(this.#topics, {
      socket: this,
      protocol: this.#protocol,
      outbox: this.#outbox,
      liveness: this.#liveness,
      settings: this.#settings,
      streaming: () => this.#outgoing.occupied,
    });
    this.#subscriber.subscribe(topic, options);
  }

  /** Ends a subscription, if there is one. What was published before is still sent. */
  unsubscribe(topic: string): void {
    this.#subscriber?.unsubscribe(topic);
  }

  /** The topics that this connection is subscribed to now. */
  get topics(): ReadonlySet<string> {
    return this.#subscriber?.topics ?? new Set();
  }

  /**
   * Messages published to this connection's topics that it lost: those dropped because it was behind, and those that
   * still waited when it ended. What `send()` and the transport had accepted is not counted.
   */
  get dropped(): number {
    return this.#subscriber?.dropped ?? 0;
  }

  /**
   * Starts the closing handshake: what was sent before still goes out, streamed messages to their end; messages of the
   * peer still come until its Close frame does, as far as the receive queue has room. Does nothing when that has begun.
   * A streamed message whose source gives nothing for `closeTimeout` is given up, and the connection dropped.
   * Resolves as {@linkcode closed} does.
   *
   * `code` is 1000 (the default), another registered code, or one from 3000 to 4999; `reason` has at most 123 bytes in
   * UTF-8. `null`, without a reason, sends a Close frame that holds no code: the peer sees 1005. Throws a `RangeError`
   * for others (RFC 6455, section 7.4).
   */
  close(code: number | null = NORMAL_CLOSURE, reason: string = ""): Promise<Close> {
    this.#startClosing(code, reason);
    return this.closed;
  }

  /** Drops the connection at once, without a closing handshake; what was not sent yet is lost. */
  abort(): void {
    this.#drop(new ConnectionClosedError("The connection was dropped by abort()."));
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
        () => void (this.#released || this.close()),
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
    this.#sendClose(INTERNAL_ERROR, "");
  }

  #drop(error: Error): void {
    if (this.#close !== undefined) return;
    this.#outbox.clear();
    this.#protocol.abandon("local", error);
    this.#transport.abort();
  }

  #mayHold(size: number): boolean {
    if (size <= this.#settings.maxMessageSize) return true;
    this.#protocol.fail(
      MESSAGE_TOO_BIG,
      new ProtocolError(
        MESSAGE_TOO_BIG,
        "RFC 6455, section 7.4.1",
        `The message is longer than the limit of ${this.#settings.maxMessageSize} bytes.`,
      ),
    );
    return false;
  }

  /** Whether the application may send: no Close frame has gone either way, and none waits for a stream's end. */
  get #open(): boolean {
    return this.#closeSent === "" && this.#protocol.open;
  }

  #startClosing(code: number | null, reason: string): void {
    // Throws now, whenever the Close frame may be sent.
    encodeClosePayload(code ?? undefined, reason, this.#role);
    if (!this.#open) return;
    this.#closeSent = `${code ?? NO_STATUS_RECEIVED}${reason === "" ? "" : ` ${JSON.stringify(reason)}`}`;
    this.#subscriber?.leave();
    if (this.#outgoing.busy === undefined) this.#sendClose(code, reason);
    else {
      this.#awaitStream();
      void this.#outgoing.busy.then(() => this.#sendClose(code, reason));
    }
  }

  /** The Close frame waits for the end of a streamed message: as long as that goes on, but not for ever. */
  #awaitStream(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      const { closeTimeout } = this.#settings;
      this.#drop(
        new ConnectionClosedError(
          `A streamed message did not go on for ${closeTimeout} ms after close() (closeTimeout).`,
        ),
      );
    }, this.#settings.closeTimeout);
  }

  #sendClose(code: number | null, reason: string): void {
    if (!this.#protocol.open) return;
    this.#closeSent ||= String(code);
    this.#subscriber?.end(this.#outgoing.busy === undefined);
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#protocol.sendClose(code ?? undefined, reason);
    this.#startCloseTimer();
    this.#queue.closing();
  }

  #receive(chunk: Uint8Array): void {
    // All that is sent in answer to one chunk goes out in one write.
    this.#outbox.hold();
    this.#liveness.received();
    this.#protocol.receive(chunk);
    this.#outbox.release();
  }

  #receiveEnd(): void {
    this.#protocol.receiveEnd();
    this.#transport.closeWrite();
  }

  #checkRoom(size: number): void {
    if (this.bufferedAmount + size <= this.#settings.maxBufferedAmount) return;
    if (this.#subscriber?.makeRoom(size)) return;
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
    this.#subscriber?.end(false);
    this.#outbox.fail(() => this.#closedError("wait for the buffer to drain"));
    this.#liveness.end(() => this.#closedError("wait for the pong"));
    this.#outgoing.end(() => this.#closedError("send the rest of the message"));
    this.#outbox.flush();
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
      return new ConnectionClosedError(
        `Cannot ${what}: the connection is closing (${this.#closeSent} was sent).`,
      );
    }
    const reason = ending.reason === "" ? "" : ` ${JSON.stringify(ending.reason)}`;
    const side = ending.initiator === "local" ? "this side" : "the peer";
    return new ConnectionClosedError(
      `Cannot ${what}: ${side} closed the connection (${ending.code}${reason}).`,
      this.#close,
    );
  }
}
