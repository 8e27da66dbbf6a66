/**
 * The options and the public type of a reconnecting client.
 *
 * @module
 */
import type { Delays } from "./backoff.ts";
import type { ConnectOptions } from "../client/options.ts";
import type { Connection } from "../connection/connection.ts";
import type { Message, Sendable } from "../connection/message.ts";
import type { ReconnectFailure } from "./failure.ts";

/** The URL to connect to, or a function that returns it for each attempt. */
export type ReconnectUrl = string | URL | (() => string | URL | Promise<string | URL>);

/** The state of a reconnecting client; `"idle"` before its loop has started. */
export type ReconnectingState = "idle" | "connecting" | "open" | "waiting" | "ended";

/** Options of `reconnecting()`. */
export interface ReconnectOptions extends ConnectOptions {
  /** Ends the client: the connection is closed, and the loop throws the signal's reason. */
  signal?: AbortSignal;
  /**
   * Returns options for each attempt, in place of the ones here: for example a header with a fresh token. If this
   * function or the URL function throws, the attempt has failed, and another follows.
   */
  renew?(): ConnectOptions | Promise<ConnectOptions>;
  /** How long to wait before each retry. A server's `Retry-After` is respected, within `delays.max`. */
  delays?: Delays;
  /**
   * Milliseconds that a connection must last for the delays to start from the beginning after it.
   *
   * @default 5000
   */
  minUptime?: number;
  /**
   * Decides about a retry: `false` ends the loop, `true` retries after the delay, a number retries after that many
   * milliseconds, `undefined` uses the default, which ends the loop if the failure is `permanent`. `attempt` counts
   * from 1, and restarts after a connection that lasted for `minUptime`.
   */
  retry?(
    failure: ReconnectFailure,
    attempt: number,
  ): boolean | number | undefined | Promise<boolean | number | undefined>;
  /**
   * A connection was made. Send here what must come first: it is awaited before waiting messages are sent and before
   * the loop gets the connection. An exception ends the loop, unless the connection has ended.
   */
  open?(socket: Connection): unknown;
  /** The state changed. An exception ends the loop. */
  state?(state: ReconnectingState): void;
  /**
   * Bytes that `send()` may queue while there is no connection; at most `maxBufferedAmount`.
   *
   * @default 1048576
   */
  maxQueuedBytes?: number;
  /**
   * Messages that `send()` may queue while there is no connection.
   *
   * @default 1024
   */
  maxQueuedMessages?: number;
}

/** A reconnecting client. Its loop drives it: nothing is dialed before you iterate. */
export interface Reconnecting extends AsyncIterable<Connection>, AsyncDisposable {
  /** Its state. */
  readonly state: ReconnectingState;
  /** The current connection. */
  readonly socket: Connection | undefined;
  /** Queued messages, oldest first; after the client has ended, those that were never given to a connection. */
  readonly unsent: readonly Message[];
  /**
   * Sends a message over the current connection, or queues a copy for the next one, in order. Returns `true`, or
   * `false` if the message was accepted but the next should wait for {@linkcode drained}.
   *
   * A message that was given to a connection is not sent again if the connection breaks: nobody can know whether it
   * arrived.
   *
   * Returns `false` after the client has ended: {@linkcode lost} counts the message.
   *
   * Throws a {@linkcode ConnectionClosedError} if the queue is full; otherwise as the connection's own `send()` does.
   */
  send(data: Sendable): boolean;
  /** Messages given to {@linkcode send} after the client had ended; they were not sent. */
  readonly lost: number;
  /**
   * Resolves when `send()` would return `true`: there is a connection, nothing is queued, and its buffer has room.
   * Rejects with a {@linkcode ConnectionClosedError} if the client ends first.
   */
  drained(): Promise<void>;
  /**
   * Ends the client: closes the connection, gives up an attempt or a delay, and ends the loop. Resolves when the
   * connection has ended.
   */
  close(): Promise<void>;
}
