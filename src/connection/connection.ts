/**
 * One live connection, as the application holds it.
 *
 * @module
 */
import type { Close } from "../protocol/errors.ts";
import { NORMAL_CLOSURE } from "../protocol/status_code.ts";
import type { ConnectionInit } from "./home.ts";
import { LiveConnection } from "./live_connection.ts";
import type { Message, ReadyState, Sendable, SendOptions } from "./message.ts";
import type { ConnectionSettings } from "./options.ts";
import type { FragmentSource } from "./outgoing_stream.ts";
import type { SubscribeOptions } from "./subscriptions.ts";

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

// How the module's own functions reach into a connection, so that the public class shows no such thing.
let inside: <Data>(socket: Connection<Data>) => LiveConnection<Connection<Data>>;

/**
 * Makes a connection of a stream whose opening handshake is done, gives it to its handler, then reads: first `early`,
 * what had come behind the opening handshake.
 */
export function startConnection<Data>(
  init: ConnectionInit<Connection<Data>, Data>,
  handler: ConnectionHandler<Data> | undefined,
  early: Uint8Array,
): Connection<Data> {
  const socket = new Connection(init);
  inside(socket).begin(handler, early);
  return socket;
}

/** From now on the return of its handler does not close the connection: it was given to something that will. */
export function releaseFromHandler<Data>(socket: Connection<Data>): void {
  inside(socket).release();
}

/**
 * From now on nothing behind a message is looked at before {@linkcode askForNext}, so that the application can answer it
 * whatever is wrong with what comes after it.
 */
export function giveOneAtATime<Data>(socket: Connection<Data>): void {
  inside(socket).giveOneAtATime();
}

/** The message that came last has been dealt with. */
export function askForNext<Data>(socket: Connection<Data>): void {
  inside(socket).askForNext();
}

/** Its limits and deadlines. */
export function settingsOf<Data>(socket: Connection<Data>): ConnectionSettings {
  return inside(socket).settings;
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
  readonly #live: LiveConnection<Connection<Data>>;

  /** Made by `serve()` and `connect()`, not by applications. */
  constructor(init: ConnectionInit<Connection<Data>, Data>) {
    this.data = init.data;
    this.protocol = init.protocol;
    this.extensions = init.extensions;
    this.#live = new LiveConnection(this, init);
  }

  static {
    inside = (socket) => socket.#live;
  }

  /** The peer's IP address; `""` where there is none, as on a Unix socket. */
  get remoteAddress(): string {
    return this.#live.remoteAddress;
  }

  /** The request that opened this connection; on a client there is none. */
  get request(): Request | undefined {
    return this.#live.request;
  }

  /** Where the connection stands. */
  get readyState(): ReadyState {
    return this.#live.readyState;
  }

  /**
   * Bytes accepted by `send()`, or published to a topic of this connection, and not yet handed to the operating system,
   * frame headers included. A published message that waits for the connection to catch up counts 64 bytes more, as does
   * one that waits for the end of a streamed one.
   */
  get bufferedAmount(): number {
    return this.#live.bufferedAmount;
  }

  /**
   * Sends one message; bytes are copied. Answers `true` when the next may follow at once, `false` when it should wait for
   * {@linkcode drained}: more than `sendHighWaterMark` bytes wait. Answers `false` on a connection that is closing or
   * closed, too: the message is not sent, {@linkcode lost} counts it, and `drained()` rejects. So a loop over many
   * connections, or a timer, needs no look at each connection's state.
   *
   * Throws a {@linkcode ConnectionClosedError} when the message would pass `maxBufferedAmount` together with what waits,
   * which fails the connection with 1013; a `RangeError` when it would by itself; a `TypeError` for anything but a string, a
   * view or an `ArrayBuffer`.
   */
  send(data: Sendable, options?: SendOptions): boolean {
    return this.#live.send(data, options);
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
    return this.#live.sendStream(source, options);
  }

  /**
   * The next message in pieces, as they arrive: strings of a text message, bytes of a binary one. Nothing of it is kept,
   * so that it may be larger than `maxMessageSize`; nor does `maxFragments` hold from the first `stream()` on. A
   * compressed message is decompressed whole, and both hold.
   *
   * Leaving the loop drops the rest of that message. The messages after it come as ever, by `for await` over the
   * connection or by another `stream()`; whoever waits already when this is called
   * gets its message first, whole, and this the one after it.
   *
   * The loop throws a {@linkcode ConnectionClosedError} when the connection ends before the message does, and a
   * `TypeError` when the connection was given to callbacks, or another stream has not come to its end.
   */
  stream(): AsyncGenerator<Message, void, undefined> {
    return this.#live.receivedMessages.pieces();
  }

  /**
   * Sends a Ping frame. Resolves with the round trip in milliseconds; rejects with a
   * {@linkcode ConnectionClosedError} when the connection ends first.
   */
  ping(): Promise<number> {
    return this.#live.measureRoundTrip();
  }

  /** The last round trip in milliseconds, of a heartbeat or a {@linkcode ping}; `undefined` before the first. */
  get latency(): number | undefined {
    return this.#live.liveness.latency;
  }

  /**
   * Resolves when `send()` would answer `true` again, at once if it does now. Rejects with a
   * {@linkcode ConnectionClosedError} when the connection ends first, or is closing already.
   */
  drained(): Promise<void> {
    return this.#live.drained();
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
    this.#live.subscribe(topic, options);
  }

  /** Ends a subscription, if there is one. What was published before is still sent. */
  unsubscribe(topic: string): void {
    this.#live.subscriber?.unsubscribe(topic);
  }

  /** The topics that this connection is subscribed to now. */
  get topics(): ReadonlySet<string> {
    return this.#live.subscriber?.topics ?? new Set();
  }

  /**
   * Messages published to this connection's topics that it lost: those dropped because it was behind, and those that
   * still waited when it ended. What `send()` and the transport had accepted is not counted.
   */
  get dropped(): number {
    return this.#live.subscriber?.dropped ?? 0;
  }

  /**
   * Messages that were given to {@linkcode send} and not sent: the connection was closing or closed, or they still waited for
   * the end of a streamed one when it ended. What the transport had accepted is not counted: whether it has arrived, nobody
   * knows.
   */
  get lost(): number {
    return this.#live.lost;
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
    this.#live.startClosing(code, reason);
    return this.#live.closed;
  }

  /** Drops the connection at once, without a closing handshake; what was not sent yet is lost. */
  abort(): void {
    this.#live.abort();
  }

  /** Resolves, and never rejects, with how the connection ended, once the TCP connection has. */
  get closed(): Promise<Close> {
    return this.#live.closed;
  }

  /**
   * Takes the messages one by one, until the connection ends. Leaving the loop neither closes the connection nor loses
   * a message: a later loop goes on. Throws a `TypeError` when the connection was given to callbacks.
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<Message> {
    return this.#live.receivedMessages.iterate();
  }

  /** Closes with 1000 and waits until the connection has ended. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
