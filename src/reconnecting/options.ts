/**
 * What users see of a client that connects again: its options, and its face.
 *
 * @module
 */
import type { Delays } from "./backoff.ts";
import type { ConnectOptions } from "../client/options.ts";
import type { Connection } from "../connection/connection.ts";
import type { Message, Sendable } from "../connection/message.ts";
import type { ReconnectFailure } from "./failure.ts";

/** The URL to connect to, or a function that gives it anew for each attempt. */
export type ReconnectUrl = string | URL | (() => string | URL | Promise<string | URL>);

/** Where a reconnecting client stands; `"idle"` before its loop has begun. */
export type ReconnectingState = "idle" | "connecting" | "open" | "waiting" | "ended";

/** How a client connects, and connects again. */
export interface ReconnectOptions extends ConnectOptions {
  /** Ends the client: the connection is closed, and the loop throws the signal's reason. */
  signal?: AbortSignal;
  /**
   * Gives options anew for each attempt, in place of the ones here: a header with a fresh token, say. When it throws, or
   * the function that gives the URL does, the attempt has failed, and another one follows.
   */
  renew?(): ConnectOptions | Promise<ConnectOptions>;
  /** How long to wait before each new attempt. A server's `Retry-After` is heeded, as far as `delays.max` allows. */
  delays?: Delays;
  /**
   * Milliseconds that a connection must have lived for the delays to begin anew after it.
   *
   * @default 5000
   */
  minUptime?: number;
  /**
   * Decides whether to try again: `false` ends the loop, `true` tries again after the delay, a number after so many
   * milliseconds, `undefined` leaves it to the default, which ends the loop where the failure is `permanent`. `attempt`
   * counts from 1, anew after a connection that lived for `minUptime`.
   */
  retry?(
    failure: ReconnectFailure,
    attempt: number,
  ): boolean | number | undefined | Promise<boolean | number | undefined>;
  /**
   * A connection has been made. What must be said first is said here: it is awaited before the messages that wait are
   * sent, and before the loop is given the connection. What it throws ends the loop, unless the connection has ended.
   */
  open?(socket: Connection): unknown;
  /** The state has changed. What it throws ends the loop. */
  state?(state: ReconnectingState): void;
  /**
   * Bytes that `send()` keeps while no connection is open; at most `maxBufferedAmount`.
   *
   * @default 1048576
   */
  maxQueuedBytes?: number;
  /**
   * Messages that `send()` keeps while no connection is open.
   *
   * @default 1024
   */
  maxQueuedMessages?: number;
}

/** A client that connects again. Its loop is what drives it: nothing is dialled before that asks. */
export interface Reconnecting extends AsyncIterable<Connection>, AsyncDisposable {
  /** Where it stands. */
  readonly state: ReconnectingState;
  /** The connection that is up. */
  readonly socket: Connection | undefined;
  /**
   * The messages that wait for a connection, the oldest first; once the client has ended, those that were never handed to
   * one.
   */
  readonly unsent: readonly Message[];
  /**
   * Sends over the connection that is up, or keeps a copy for the next, in order. Answers `true`, or `false` when the
   * message was accepted but the next should wait for {@linkcode drained}.
   *
   * A message that was handed to a connection is not sent again when this breaks: nobody can know whether it arrived.
   *
   * Answers `false` once the client has ended, too: {@linkcode lost} counts the message.
   *
   * Throws a {@linkcode ConnectionClosedError} when there is no room for it; otherwise as the connection's own `send()`
   * does.
   */
  send(data: Sendable): boolean;
  /** Messages that were given to {@linkcode send} after the client had ended, and not sent. */
  readonly lost: number;
  /**
   * Resolves when `send()` would answer `true`: a connection is up, nothing waits for it, and its buffer has room.
   * Rejects with a {@linkcode ConnectionClosedError} when the client ends first.
   */
  drained(): Promise<void>;
  /**
   * Ends the client: closes the connection, gives up an attempt or a delay, and ends the loop. Resolves when the
   * connection has ended.
   */
  close(): Promise<void>;
}
