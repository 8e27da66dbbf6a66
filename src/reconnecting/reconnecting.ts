/**
 * `reconnecting()`: a client that reconnects, and queues messages meanwhile.
 *
 * @module
 */
import { now } from "../support/clock.ts";
import { startTimer } from "../support/timer.ts";
import { Backoff } from "./backoff.ts";
import { connect } from "../client/connect.ts";
import type { ConnectOptions } from "../client/options.ts";
import type { Connection } from "../connection/connection.ts";
import type { Message, Sendable } from "../connection/message.ts";
import { atLeast } from "../options/at_least.ts";
import { guarded } from "../support/error_hook.ts";
import { readOptions } from "../options/read.ts";
import { bytesOf } from "../connection/outgoing_stream.ts";
import { type Close, ConnectionClosedError } from "../protocol/errors.ts";
import { finalError, isFinalClose, isFinalError, type ReconnectFailure, retryAfter } from "./failure.ts";
import type { Reconnecting, ReconnectingState, ReconnectOptions, ReconnectUrl } from "./options.ts";
import { MessagesAwaitingConnection } from "./messages_awaiting_connection.ts";

export type { Reconnecting, ReconnectingState, ReconnectOptions };

/** Time and randomness, which a test can replace. */
export interface Clock {
  /** Monotonic milliseconds. */
  now(): number;
  /** Resolves after this many milliseconds; rejects with the signal's reason. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
  /** A random number from 0 to 1. */
  random(): number;
}

const systemClock: Clock = {
  now,
  sleep: (ms, signal) => {
    let timer: ReturnType<typeof setTimeout>;
    const slept = new Promise<void>((resolve) => (timer = startTimer(ms, resolve)));
    return unlessAborted(slept, signal).finally(() => clearTimeout(timer));
  },
  random: () => Math.random(),
};

/**
 * Connects, and reconnects whenever the connection has ended. Each iteration of the loop has a connection of its own
 * and closes it at the end; `break` and `return` end the client.
 *
 * The URL may be a function that returns it for each attempt. Temporary failures are retried with growing, random
 * delays. The loop throws when a retry cannot help: the `HandshakeError` of a response such as 401, 403 or 404, or of
 * a certificate that is not accepted; a `ConnectionClosedError` for a connection that was closed with 1002, 1003,
 * 1007, 1008, 1009 or 4000 to 4999, or whose peer broke the protocol; a `TypeError`, `RangeError` or `SyntaxError`
 * for invalid options. The option `retry` can decide otherwise.
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

/** As {@linkcode reconnecting}, with another clock. */
export function reconnectingBy(
  clock: Clock,
  url: ReconnectUrl,
  options: ReconnectOptions,
): Reconnecting {
  return new ReconnectingClient(clock, url, options);
}

class ReconnectingClient implements Reconnecting {
  readonly #clock: Clock;
  readonly #url: ReconnectUrl;
  readonly #options: ReconnectOptions;
  readonly #backoff: Backoff;
  readonly #minUptime: number;
  readonly #maxQueuedBytes: number;
  readonly #queue: MessagesAwaitingConnection;
  readonly #controller: AbortController = new AbortController();
  readonly #onAbort = (): void => this.#stop();
  #state: ReconnectingState = "idle";
  #begun = false;
  #socket: Connection | undefined;
  // Whether the connection takes messages: its `open` hook is done.
  #ready = false;
  #lost = 0;
  #waiters: (() => void)[] = [];
  // The error that the loop will throw.
  #failure: { readonly error: unknown } | undefined;

  constructor(
    clock: Clock,
    url: ReconnectUrl,
    given: ReconnectOptions,
  ) {
    const options = readOptions("reconnecting()", given);
    this.#clock = clock;
    this.#url = url;
    this.#options = options;
    this.#backoff = new Backoff(options.delays ?? {}, () => clock.random());
    this.#minUptime = atLeast(options, "minUptime", 0, 5000);
    this.#maxQueuedBytes = atLeast(options, "maxQueuedBytes", 0, 1024 * 1024);
    this.#checkBuffer(options);
    this.#queue = new MessagesAwaitingConnection({
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

  get lost(): number {
    return this.#lost;
  }

  send(data: Sendable): boolean {
    if (this.#state === "ended") {
      if (typeof data !== "string") bytesOf(data);
      this.#lost++;
      return false;
    }
    const socket = this.#upToDate();
    if (socket !== undefined) return socket.send(data);
    this.#queue.push(data);
    return false;
  }

  drained(): Promise<void> {
    const drained = this.#drained();
    // Nobody has to wait for it: it must not cause an unhandled rejection when the client ends.
    drained.catch(() => {});
    return drained;
  }

  async #drained(): Promise<void> {
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
        if (signal.aborted) break;
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
      // An attempt given up because the client ends has not failed.
      if (!signal.aborted) this.#fail(error);
    } finally {
      await this.#end();
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
      const { renew } = this.#options;
      options = connectOptions(this.#options);
      if (renew !== undefined) {
        options = { ...options, ...readOptions("connect()", await unlessAborted(renew(), signal)) };
      }
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

  /** Prepares the connection for messages. Returns `false` if it ended before that. */
  async #open(socket: Connection): Promise<boolean> {
    try {
      // A hook that waits for the peer would wait forever once the peer has gone.
      const opened = Promise.resolve(this.#options.open?.(socket)).then(() => true);
      const ended = socket.closed.then(() => false);
      if (!await unlessAborted(Promise.race([opened, ended]), this.#controller.signal)) return false;
    } catch (error) {
      if (socket.readyState === "open") throw error;
      return false;
    }
    if (this.#controller.signal.aborted) return false;
    this.#ready = true;
    this.#enter("open");
    void this.#queue.flush(socket).then((empty) => {
      if (empty) this.#wake();
    }, (error) => this.#fail(error));
    return !this.#controller.signal.aborted;
  }

  async #decide(failure: ReconnectFailure, attempt: number): Promise<number | undefined> {
    const answer = await this.#options.retry?.(failure, attempt) ?? !failure.permanent;
    if (typeof answer === "boolean") return answer ? failure.delay : undefined;
    if (answer >= 0) return answer;
    throw new RangeError(
      `Cannot wait for ${answer} ms: retry must return a number of at least 0, or a boolean.`,
    );
  }

  /** The queue must fit the connection's own buffer, or it could never be sent. */
  #checkBuffer({ maxBufferedAmount }: ConnectOptions): void {
    if (this.#maxQueuedBytes <= atLeast({ maxBufferedAmount }, "maxBufferedAmount", 1, 16 * 1024 * 1024)) {
      return;
    }
    throw new RangeError(
      "Cannot queue more than a connection accepts: make maxQueuedBytes at most maxBufferedAmount.",
    );
  }

  /** The connection, if a message may be sent on it now without overtaking another. */
  #upToDate(): Connection | undefined {
    const socket = this.#ready ? this.#socket : undefined;
    return socket?.readyState === "open" && this.#queue.messages.length === 0 ? socket : undefined;
  }

  #enter(state: ReconnectingState): void {
    if (this.#state === state || this.#state === "ended") return;
    this.#state = state;
    guarded(() => this.#options.state?.(state), (error) => this.#fail(error));
  }

  /** Ends the client. Its loop throws this error, unless it has another one. */
  #fail(error: unknown): void {
    this.#failure ??= { error };
    this.#stop();
  }

  /** Ends the client. Rejects with the error that ended it. */
  async #end(): Promise<void> {
    this.#stop();
    await this.#socket?.closed;
    if (this.#failure !== undefined) throw this.#failure.error;
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

const OWN: ReadonlySet<string> = new Set([
  "renew",
  "delays",
  "minUptime",
  "retry",
  "open",
  "state",
  "maxQueuedBytes",
  "maxQueuedMessages",
]);

/** The options that each connection of a client gets. */
function connectOptions(options: ReconnectOptions): ConnectOptions {
  return Object.fromEntries(Object.entries(options).filter(([name]) => !OWN.has(name)));
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

/** Settles as the promise does; rejects with the signal's reason if that comes first. */
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
