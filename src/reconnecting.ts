/**
 * `reconnecting()`: a client that connects again, and keeps what is sent meanwhile.
 *
 * @module
 */
import { Backoff, type Delays } from "./backoff.ts";
import { connect, type ConnectOptions } from "./client.ts";
import type { Connection, Message, Sendable } from "./connection.ts";
import { atLeast } from "./connection_options.ts";
import { type Close, ConnectionClosedError } from "./protocol/errors.ts";
import {
  finalError,
  isFinalClose,
  isFinalError,
  type ReconnectFailure,
  retryAfter,
} from "./reconnect_failure.ts";
import { UnsentQueue } from "./unsent_queue.ts";

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
   * Throws a {@linkcode ConnectionClosedError} when there is no room for it, or when the client has ended; otherwise as
   * the connection's own `send()` does.
   */
  send(data: Sendable): boolean;
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

/** What a test has in place of the time and of chance. */
export interface Clock {
  /** Milliseconds of a clock that never goes back. */
  now(): number;
  /** Resolves after so many milliseconds; rejects with the signal's reason. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
  /** From 0 to 1. */
  random(): number;
}

const MAX_TIMEOUT = 2 ** 31 - 1;

const systemClock: Clock = {
  now: () => performance.now(),
  sleep: (ms, signal) => {
    let timer: ReturnType<typeof setTimeout>;
    const slept = new Promise<void>((resolve) => (timer = setTimeout(resolve, Math.min(ms, MAX_TIMEOUT))));
    return unlessAborted(slept, signal).finally(() => clearTimeout(timer));
  },
  random: () => Math.random(),
};

/**
 * Connects, and connects again whenever the connection has ended. Each turn of the loop has a connection of its own;
 * a turn that ends closes its connection, `break` and `return` end the client.
 *
 * The URL may be a function, which gives it anew for each attempt. Attempts that fail for the moment are repeated, with
 * growing, random delays. Where trying again cannot help the loop throws: the `HandshakeError` of a response such as 401,
 * 403 or 404, or of a certificate that is not accepted; a `ConnectionClosedError` for a connection that was closed with
 * 1002, 1003, 1007, 1008, 1009 or from 4000 to 4999, or whose peer broke the protocol; a `TypeError`, `RangeError` or
 * `SyntaxError` for what cannot be used. The option `retry` decides otherwise.
 *
 * @example
 * ```ts
 * import { reconnecting, serve } from "woshou";
 *
 * await using server = await serve({ port: 0 }, async (socket) => {
 *   for await (const message of socket) socket.send(message);
 * });
 * const client = reconnecting(() => `${server.url}?token=fresh`);
 * client.send("waits until a connection is open");
 * for await (const socket of client) {
 *   for await (const message of socket) {
 *     console.log(message); // "waits until a connection is open"
 *     break;
 *   }
 *   break;
 * }
 * ```
 */
export function reconnecting(
  url: string | URL | (() => string | URL | Promise<string | URL>),
  options: ReconnectOptions = {},
): Reconnecting {
  return reconnectingBy(systemClock, url, options);
}

/** As {@linkcode reconnecting}, by another clock. */
export function reconnectingBy(
  clock: Clock,
  url: string | URL | (() => string | URL | Promise<string | URL>),
  options: ReconnectOptions,
): Reconnecting {
  return new ReconnectingClient(clock, url, options);
}

class ReconnectingClient implements Reconnecting {
  readonly #clock: Clock;
  readonly #url: string | URL | (() => string | URL | Promise<string | URL>);
  readonly #options: ReconnectOptions;
  readonly #backoff: Backoff;
  readonly #minUptime: number;
  readonly #maxQueuedBytes: number;
  readonly #queue: UnsentQueue;
  readonly #controller: AbortController = new AbortController();
  readonly #onAbort = (): void => this.#stop();
  #state: ReconnectingState = "idle";
  #begun = false;
  #socket: Connection | undefined;
  // Whether the connection takes messages: `open` has been called for it.
  #ready = false;
  #waiters: (() => void)[] = [];

  constructor(
    clock: Clock,
    url: string | URL | (() => string | URL | Promise<string | URL>),
    options: ReconnectOptions,
  ) {
    this.#clock = clock;
    this.#url = url;
    this.#options = options;
    this.#backoff = new Backoff(options.delays ?? {}, () => clock.random());
    this.#minUptime = atLeast(options, "minUptime", 0, 5000);
    this.#maxQueuedBytes = atLeast(options, "maxQueuedBytes", 0, 1024 * 1024);
    this.#checkBuffer(options);
    this.#queue = new UnsentQueue({
      maxQueuedBytes: this.#maxQueuedBytes,
      maxQueuedMessages: atLeast(options, "maxQueuedMessages", 0, 1024),
    });
    const { signal } = options;
    if (signal?.aborted) this.#stop();
    else signal?.addEventListener("abort", this.#onAbort, { once: true });
  }

  get state(): ReconnectingState {
    return this.#state;
  }

  get socket(): Connection | undefined {
    return this.#ready ? this.#socket : undefined;
  }

  get unsent(): readonly Message[] {
    return this.#queue.messages;
  }

  send(data: Sendable): boolean {
    if (this.#state === "ended") throw new ConnectionClosedError("Cannot send: the client has ended.");
    const socket = this.#upToDate();
    if (socket !== undefined) return socket.send(data);
    this.#queue.push(data);
    return false;
  }

  async drained(): Promise<void> {
    while (this.#state !== "ended") {
      const socket = this.#upToDate();
      if (socket === undefined) {
        await new Promise<void>((resolve) => this.#waiters.push(resolve));
      } else if (await socket.drained().then(() => true, () => false)) return;
    }
    throw new ConnectionClosedError("Cannot wait for the buffer to drain: the client has ended.");
  }

  async close(): Promise<void> {
    this.#stop();
    await this.#socket?.closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  [Symbol.asyncIterator](): AsyncIterator<Connection, void, undefined> {
    if (this.#begun) {
      throw new TypeError("Cannot iterate over a reconnecting client twice: make another one.");
    }
    this.#begun = true;
    return this.#run();
  }

  async *#run(): AsyncGenerator<Connection, void, undefined> {
    const { signal } = this.#controller;
    let attempt = 0;
    try {
      while (!signal.aborted) {
        let close: Close | undefined;
        let error: unknown;
        let permanent = false;
        this.#enter("connecting");
        const socket = await this.#connect().catch((reason: Failed) => {
          ({ error, permanent } = reason);
        });
        if (socket !== undefined) {
          const openedAt = this.#clock.now();
          let closedAt = openedAt;
          void socket.closed.then(() => (closedAt = this.#clock.now()));
          if (await this.#open(socket)) yield socket;
          close = await socket.close();
          this.#socket = undefined;
          this.#ready = false;
          error = close.error;
          permanent = isFinalClose(close);
          if (closedAt - openedAt >= this.#minUptime) attempt = 0;
        }
        if (signal.aborted) break;
        const delay = this.#backoff.delay(++attempt, retryAfter(error, Date.now()));
        const failure: ReconnectFailure = { close, error, permanent, delay };
        const wait = await unlessAborted(this.#decide(failure, attempt), signal);
        if (wait === undefined) {
          if (close?.wasClean && close.code === 1000 && !permanent) return;
          throw finalError(failure);
        }
        this.#enter("waiting");
        await this.#clock.sleep(wait, signal);
      }
    } catch (error) {
      // What is given up because the client ends has not failed.
      if (!signal.aborted) throw error;
    } finally {
      this.#stop();
      await this.#socket?.closed;
    }
    this.#options.signal?.throwIfAborted();
  }

  /** Rejects with a {@linkcode Failed}. */
  async #connect(): Promise<Connection> {
    const { signal } = this.#controller;
    let url: string | URL;
    let options: ConnectOptions;
    try {
      url = typeof this.#url === "function" ? await unlessAborted(this.#url(), signal) : this.#url;
      options = this.#options.renew === undefined
        ? this.#options
        : { ...this.#options, ...await unlessAborted(this.#options.renew(), signal) };
    } catch (error) {
      throw new Failed(error, false);
    }
    try {
      this.#checkBuffer(options);
      return (this.#socket = await connect(url, { ...options, signal }));
    } catch (error) {
      throw new Failed(error, isFinalError(error));
    }
  }

  /** Makes the connection ready for messages. Answers `false` if it has ended before. */
  async #open(socket: Connection): Promise<boolean> {
    try {
      await this.#options.open?.(socket);
    } catch (error) {
      if (socket.readyState === "open") throw error;
      return false;
    }
    if (this.#controller.signal.aborted) return false;
    this.#ready = true;
    this.#enter("open");
    void this.#queue.flush(socket).then((empty) => {
      if (empty) this.#wake();
    });
    return true;
  }

  async #decide(failure: ReconnectFailure, attempt: number): Promise<number | undefined> {
    const answer = await this.#options.retry?.(failure, attempt) ?? !failure.permanent;
    if (typeof answer === "boolean") return answer ? failure.delay : undefined;
    if (answer >= 0) return answer;
    throw new RangeError(`Cannot wait for ${answer} ms: retry answers a number of at least 0, or a boolean.`);
  }

  /** What waits must fit the connection's own buffer, or it could never be sent. */
  #checkBuffer({ maxBufferedAmount }: ConnectOptions): void {
    if (this.#maxQueuedBytes <= atLeast({ maxBufferedAmount }, "maxBufferedAmount", 1, 16 * 1024 * 1024)) {
      return;
    }
    throw new RangeError(
      "Cannot queue more than a connection takes: make maxQueuedBytes at most maxBufferedAmount.",
    );
  }

  /** The connection, if a message may go to it now, before no other. */
  #upToDate(): Connection | undefined {
    const socket = this.#ready ? this.#socket : undefined;
    return socket?.readyState === "open" && this.#queue.messages.length === 0 ? socket : undefined;
  }

  #enter(state: ReconnectingState): void {
    if (this.#state === state || this.#state === "ended") return;
    this.#state = state;
    this.#options.state?.(state);
  }

  #stop(): void {
    if (this.#controller.signal.aborted) return;
    this.#options.signal?.removeEventListener("abort", this.#onAbort);
    this.#controller.abort();
    void this.#socket?.close();
    this.#enter("ended");
    this.#wake();
  }

  #wake(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const wake of waiters) wake();
  }
}

/** Why there is no connection, and whether that can change. */
class Failed extends Error {
  readonly error: unknown;
  readonly permanent: boolean;

  constructor(error: unknown, permanent: boolean) {
    super("The attempt has failed.");
    this.error = error;
    this.permanent = permanent;
  }
}

/** What the promise settles to; rejects with the signal's reason when that comes first. */
function unlessAborted<T>(promise: T | Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason);
    if (signal.aborted) onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
    Promise.resolve(promise).then(resolve, reject).finally(() =>
      signal.removeEventListener("abort", onAbort)
    );
  });
}
