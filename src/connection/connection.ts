/**
 * The connection as the application sees it.
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
  /** The opening handshake is done. If it returns a promise, messages wait until that settles. */
  open?(socket: Connection<Data>): unknown;
  /**
   * A message arrived. If it returns a promise, the next message waits until that settles. Without this callback
   * messages are read and dropped.
   */
  message?(socket: Connection<Data>, message: Message): unknown;
  /** The connection has ended. Called after the last message. */
  close?(socket: Connection<Data>, close: Close): unknown;
}

/**
 * Handles a connection: either a function, and the connection is closed with 1000 when it returns, or callbacks. An
 * exception closes the connection with 1011 and goes to the `error` hook.
 */
export type ConnectionHandler<Data = undefined> =
  | ((socket: Connection<Data>) => unknown)
  | ConnectionCallbacks<Data>;

// Gives the module's own functions access to the private part of a connection.
let inside: <Data>(socket: Connection<Data>) => LiveConnection<Connection<Data>>;

/**
 * Starts a connection on a stream whose opening handshake is done, and gives it to its handler. `early` are the bytes that came after the handshake; they are read first.
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

/** From now on the connection stays open when its handler function returns, because something else will close it. */
export function releaseFromHandler<Data>(socket: Connection<Data>): void {
  inside(socket).release();
}

/**
 * From now on nothing after a message is parsed before {@linkcode askForNext}. So the application can answer a
 * message even if what follows it is invalid.
 */
export function giveOneAtATime<Data>(socket: Connection<Data>): void {
  inside(socket).giveOneAtATime();
}

/** The application has handled the last message. */
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
 * Messages come in order, and none is lost however late the application starts to read: with `for await`, or
 * callbacks.
 */
export class Connection<Data = undefined> implements AsyncIterable<Message> {
  /** Data that the application attached to this connection in its `upgrade` hook. */
  readonly data: Data;
  /** The negotiated subprotocol, `""` for none. */
  readonly protocol: string;
  /** The negotiated extensions, as in `Sec-WebSocket-Extensions`; `""` for none. */
  readonly extensions: string;
  readonly #live: LiveConnection<Connection<Data>>;

  /** Called by `serve()` and `connect()`, not by applications. */
  constructor(init: ConnectionInit<Connection<Data>, Data>) {
    this.data = init.data;
    this.protocol = init.protocol;
    this.extensions = init.extensions;
    this.#live = new LiveConnection(this, init);
  }

  static {
    inside = (socket) => socket.#live;
  }

  /** The peer's IP address; `""` if there is none, as on a Unix socket. */
  get remoteAddress(): string {
    return this.#live.remoteAddress;
  }

  /** The request that opened this connection; `undefined` on a client. */
  get request(): Request | undefined {
    return this.#live.request;
  }

  /** The state of the connection. */
  get readyState(): ReadyState {
    return this.#live.readyState;
  }

  /**
   * Bytes accepted by `send()`, or published to a topic of this connection, that are not yet handed to the operating
   * system, including frame headers. Each published message that waits for a slow connection, and each message that
   * waits for the end of a streamed one, counts 64 bytes more.
   */
  get bufferedAmount(): number {
    return this.#live.bufferedAmount;
  }

  /**
   * Sends one message; bytes are copied. Returns `true` if more may be sent at once, and `false` on backpressure:
   * more than `sendHighWaterMark` bytes wait, so wait for {@linkcode drained}. On a closing or closed connection it
   * also returns `false`: the message is not sent, {@linkcode lost} counts it, and `drained()` rejects. So a loop
   * over many connections, or a timer, does not have to check each connection's state.
   *
   * Throws a {@linkcode ConnectionClosedError} and fails the connection with 1013 if the message and what already
   * waits exceed `maxBufferedAmount`. Throws a `RangeError` if the message alone exceeds it, and a `TypeError` for
   * anything but a string, a view or an `ArrayBuffer`.
   */
  send(data: Sendable, options?: SendOptions): boolean {
    return this.#live.send(data, options);
  }

  /**
   * Sends one message in pieces, without holding it in memory. Each chunk of the source becomes a fragment (RFC 6455,
   * section 5.4); a large chunk becomes several, an empty one none. The next chunk is taken when the buffer has room.
   * The first chunk decides between text and binary, and the others must be of the same kind; a source without chunks
   * is an empty binary message. Other messages wait until it ends. Pings do not, unless the message is compressed:
   * then heartbeats wait too, since some peers fail on a ping between compressed fragments.
   *
   * Rejects with what the source throws, and with a `TypeError` for something that is not a source, or a chunk of the
   * wrong kind. If a fragment had been sent by then, the connection fails with 1011, since a message cannot be taken
   * back. Rejects with a {@linkcode ConnectionClosedError} if the connection ends first.
   */
  sendStream(source: FragmentSource, options: SendOptions = {}): Promise<void> {
    return this.#live.sendStream(source, options);
  }

  /**
   * The next message in pieces as they arrive: strings for a text message, bytes for a binary one. Nothing is
   * buffered, so the message may be larger than `maxMessageSize`; nor does `maxFragments` apply from the first
   * `stream()` on. A compressed message is decompressed whole, and both limits apply.
   *
   * Leaving the loop skips the rest of that message. Later messages come as usual, with `for await` or another
   * `stream()`. A read that already waits when this is called gets its message first, whole; this call gets the next.
   *
   * The loop throws a {@linkcode ConnectionClosedError} if the connection ends before the message does, and a
   * `TypeError` if the connection has callbacks or another stream has not ended.
   */
  stream(): AsyncGenerator<Message, void, undefined> {
    return this.#live.receivedMessages.pieces();
  }

  /**
   * Sends a Ping frame. Resolves with the round trip in milliseconds; rejects with a
   * {@linkcode ConnectionClosedError} if the connection ends first.
   */
  ping(): Promise<number> {
    return this.#live.measureRoundTrip();
  }

  /** The latest round trip in milliseconds, of a heartbeat or a {@linkcode ping}; `undefined` before the first. */
  get latency(): number | undefined {
    return this.#live.liveness.latency;
  }

  /**
   * Resolves when `send()` would return `true` again, at once if it already would. Rejects with a {@linkcode ConnectionClosedError} if the
   * connection ends first or is already closing.
   */
  drained(): Promise<void> {
    return this.#live.drained();
  }

  /**
   * Subscribes to a topic: what is published to it from now on is sent to this connection. On an existing
   * subscription it changes the options. Does nothing on a closing or closed connection, which has already left its
   * topics.
   *
   * Throws a `TypeError` on a client's connection and for a topic that is not a string. Throws a `RangeError` for a
   * topic that is empty, is longer than 256 characters (UTF-16 code units), or has a control character or a lone
   * surrogate; for an option out of range; and beyond `maxTopics`.
   */
  subscribe(topic: string, options: SubscribeOptions = {}): void {
    this.#live.subscribe(topic, options);
  }

  /** Ends a subscription, if there is one. Messages published before are still sent. */
  unsubscribe(topic: string): void {
    this.#live.subscriber?.unsubscribe(topic);
  }

  /** The topics that this connection is subscribed to. */
  get topics(): ReadonlySet<string> {
    return this.#live.subscriber?.topics ?? new Set();
  }

  /**
   * Published messages that this connection lost: dropped because it was too slow, or still waiting when it ended.
   * Messages accepted by `send()` and the transport are not counted.
   */
  get dropped(): number {
    return this.#live.subscriber?.dropped ?? 0;
  }

  /**
   * Messages given to {@linkcode send} but not sent: the connection was closing or closed, or they still waited for
   * the end of a streamed message when it ended. What the transport had accepted is not counted: nobody knows whether
   * it arrived.
   */
  get lost(): number {
    return this.#live.lost;
  }

  /**
   * Starts the closing handshake. What was sent before still goes out, streamed messages to their end. Messages from
   * the peer still arrive until its Close frame does, as far as the receive queue has room. Does nothing if closing
   * has begun. If the source of a streamed message gives nothing for `closeTimeout`, the connection is dropped.
   * Resolves as {@linkcode closed} does.
   *
   * `code` is 1000 (the default), another registered code, or 3000 to 4999; `reason` is at most 123 bytes of UTF-8.
   * `null`, without a reason, sends a Close frame without a code: the peer sees 1005. Throws a `RangeError` for other
   * values (RFC 6455, section 7.4).
   */
  close(code: number | null = NORMAL_CLOSURE, reason: string = ""): Promise<Close> {
    this.#live.startClosing(code, reason);
    return this.#live.closed;
  }

  /** Drops the connection at once, without a closing handshake. What was not sent yet is lost. */
  abort(): void {
    this.#live.abort();
  }

  /** Resolves with how the connection ended, after the TCP connection has ended. Never rejects. */
  get closed(): Promise<Close> {
    return this.#live.closed;
  }

  /**
   * Iterates over the messages until the connection ends. Leaving the loop neither closes the connection nor loses a
   * message: a later loop continues. Throws a `TypeError` if the connection has callbacks.
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<Message> {
    return this.#live.receivedMessages.iterate();
  }

  /** Closes with 1000 and waits until the connection has ended. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
