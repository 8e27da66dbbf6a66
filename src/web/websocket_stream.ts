/**
 * `WebSocketStream`: the WebSockets Standard's interface with backpressure.
 *
 * @module
 */
import type { ConnectOptions } from "../client/options.ts";
import type { Connection } from "../connection/connection.ts";
import type { Message, Sendable } from "../connection/message.ts";
import { type Close, ConnectionClosedError } from "../protocol/errors.ts";
import { ABNORMAL_CLOSURE } from "../protocol/status_code.ts";
import {
  accept,
  ACCEPTED,
  type AcceptedOptions,
  asError,
  checkOptions,
  checkProtocols,
  closeRequest,
  establish,
  urlRecord,
} from "./establish.ts";
import { bytesOrString, likeInterface, stringSequence } from "./idl.ts";
import {
  endedError,
  readCloseInfo,
  type WebSocketCloseInfo,
  WebSocketStreamError,
} from "./websocket_stream_error.ts";

/** Options of {@linkcode WebSocketStream}. `protocols` and `signal` are standard; the rest is ours. */
export interface WebSocketStreamOptions extends Omit<ConnectOptions, "protocols"> {
  /** Subprotocols to offer, most preferred first; the server must select one of them. */
  protocols?: Iterable<string>;
}

/** What {@linkcode WebSocketStream.opened} resolves with. */
export interface WebSocketOpenInfo {
  /**
   * The peer's messages: a string for text, a `Uint8Array` for binary. Unread messages wait in the connection, and
   * when its receive queue is full the socket is not read either. It closes when the connection closes, and errors
   * when that fails, in both cases after the last message. Cancelling it closes the connection.
   */
  readonly readable: ReadableStream<Message>;
  /**
   * Sends what is written: binary for a buffer or a view, text for everything else. A write resolves when the next
   * may follow. Closing or aborting it closes the connection.
   */
  readonly writable: WritableStream<Sendable>;
  /** The negotiated extensions, `""` for none. */
  readonly extensions: string;
  /** The negotiated subprotocol, `""` for none. */
  readonly protocol: string;
}

interface Deferred<Value> {
  readonly promise: Promise<Value>;
  readonly resolve: (value: Value) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * A WebSocket as two streams, with backpressure in both directions (WebSockets Standard; available in Chrome).
 *
 * @example
 * ```ts
 * import { serve, WebSocketStream } from "woshou";
 *
 * const server = await serve({ port: 0 }, async (connection) => {
 *   const { readable, writable } = await WebSocketStream.from(connection).opened;
 *   await readable.pipeTo(writable);
 * });
 * const socket = new WebSocketStream(server.url);
 * const { readable, writable } = await socket.opened;
 * const writer = writable.getWriter();
 * const reader = readable.getReader();
 * await writer.write("hello");
 * console.log((await reader.read()).value); // "hello"
 * socket.close({ closeCode: 1000, reason: "done" });
 * await socket.closed;
 * await server.shutdown();
 * ```
 */
export class WebSocketStream {
  readonly #url: string;
  readonly #opened: Deferred<WebSocketOpenInfo> = deferred();
  readonly #closed: Deferred<WebSocketCloseInfo> = deferred();
  readonly #opening: AbortController = new AbortController();
  #state: "connecting" | "open" | "closed" = "connecting";
  #dropping = false;
  #connection: Connection<unknown> | undefined;

  /**
   * Connects to a URL: `ws:`, `wss:`, `http:` or `https:`.
   *
   * Throws a `SyntaxError` `DOMException` for an invalid URL or subprotocol, a `RangeError` for an option out of
   * range, a `TypeError` for invalid header fields, and a `SyntaxError` or `TypeError` for an invalid proxy or path.
   * If the connection fails, `opened` and `closed` reject.
   */
  constructor(url: string | URL, options: WebSocketStreamOptions = {}) {
    if (arguments.length === 0) throw new TypeError("Cannot connect without a URL: give one.");
    const accepted = (options as AcceptedOptions)[ACCEPTED];
    if (accepted !== undefined) {
      this.#url = accepted.url;
      this.#open(accepted.connection, accepted.messages);
      return;
    }
    const target = urlRecord(String(url));
    const protocols = checkProtocols(
      options.protocols === undefined ? [] : stringSequence(options.protocols),
    );
    const settings = checkOptions(target, protocols, options);
    this.#url = target.href;
    void this.#connect(target, protocols, settings, options.signal);
  }

  static {
    likeInterface(this, ["url", "opened", "closed", "close"]);
  }

  /**
   * Wraps a connection from `serve()`, `acceptor()` or `connect()` in the standard interface, which reads its
   * messages from now on. The connection stays open when its handler returns.
   *
   * Throws a `TypeError` if the connection has callbacks.
   */
  static from<Data>(connection: Connection<Data>): WebSocketStream {
    const options: WebSocketStreamOptions & AcceptedOptions = { [ACCEPTED]: accept(connection) };
    return new WebSocketStream("", options);
  }

  /** The `ws:` or `wss:` URL connected to; of an accepted connection the requested one. */
  get url(): string {
    return this.#url;
  }

  /**
   * Resolves with the streams when connected. Rejects with a {@linkcode WebSocketStreamError} whose `cause` says why
   * the connection failed, or with the signal's reason if aborted. You may ignore the rejection.
   */
  get opened(): Promise<WebSocketOpenInfo> {
    return this.#opened.promise;
  }

  /**
   * Resolves when the connection has ended by a closing handshake, with the peer's code and reason; 1005 if its Close
   * frame had none. Rejects as {@linkcode opened} does, and with a {@linkcode WebSocketStreamError} if the connection
   * broke. You may ignore the rejection.
   */
  get closed(): Promise<WebSocketCloseInfo> {
    return this.#closed.promise;
  }

  /**
   * Starts the closing handshake; while connecting, gives up. Later messages are dropped. Without a code the Close
   * frame has none, or 1000 with a reason. Does nothing if closing has begun.
   *
   * Throws an `InvalidAccessError` `DOMException` for a code that is neither 1000 nor 3000 to 4999, and a
   * `SyntaxError` one for a reason of more than 123 bytes in UTF-8.
   */
  close(closeInfo: WebSocketCloseInfo = {}): void {
    const { closeCode, reason } = readCloseInfo(closeInfo);
    const request = closeRequest(closeCode, reason);
    if (this.#state === "open") {
      this.#dropping = true;
      void this.#connection!.close(request.code, request.reason);
    } else if (this.#state === "connecting") {
      this.#opening.abort(new ConnectionClosedError("close() was called while connecting."));
    }
  }

  async #connect(
    url: URL,
    protocols: readonly string[],
    options: ConnectOptions,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const giveUp = (): void => this.#opening.abort(signal!.reason);
    try {
      signal?.throwIfAborted();
      signal?.addEventListener("abort", giveUp, { once: true });
      const connection = await establish(url, protocols, options, this.#opening.signal);
      if (this.#opening.signal.aborted) {
        connection.abort();
        throw this.#opening.signal.reason;
      }
      this.#open(connection, connection[Symbol.asyncIterator]());
    } catch (error) {
      this.#state = "closed";
      const reason = signal?.aborted ? signal.reason : endedError(
        `The connection could not be made: ${asError(error).message}`,
        ABNORMAL_CLOSURE,
        "",
        error,
      );
      this.#opened.reject(reason);
      this.#closed.reject(reason);
    } finally {
      signal?.removeEventListener("abort", giveUp);
    }
  }

  #open(connection: Connection<unknown>, messages: AsyncIterator<Message>): void {
    this.#state = "open";
    this.#connection = connection;
    // Everyone who is told of the end gets the same error object.
    const ended = connection.closed.then((close) => ({
      close,
      error: close.wasClean ? undefined : brokenError(close),
    }));
    const readable = new ReadableStream<Message>({
      pull: async (controller) => {
        let next = await messages.next();
        // WebSockets Standard: a message is dropped if it is received "if stream's ready state is not OPEN".
        while (!next.done && this.#dropping) next = await messages.next();
        if (!next.done) return controller.enqueue(next.value);
        const { error } = await ended;
        if (error === undefined) controller.close();
        else controller.error(error);
      },
      cancel: (reason) => this.#closeUsing(reason),
    });
    const writable = new WritableStream<Sendable>({
      start: (controller) => {
        void ended.then(({ error }) => controller.error(error ?? tooLate()));
      },
      write: (chunk) => write(connection, ended, chunk),
      close: async () => {
        this.close();
        const { error } = await ended;
        if (error !== undefined) throw error;
      },
      abort: (reason) => this.#closeUsing(reason),
    });
    void ended.then(({ close, error }) => {
      this.#state = "closed";
      if (error === undefined) this.#closed.resolve({ closeCode: close.code, reason: close.reason });
      else this.#closed.reject(error);
    });
    this.#opened.resolve({
      readable,
      writable,
      extensions: connection.extensions,
      protocol: connection.protocol,
    });
  }

  /** WebSockets Standard, "close using reason". */
  #closeUsing(reason: unknown): void {
    if (reason instanceof WebSocketStreamError) {
      const { closeCode } = reason;
      try {
        return this.close({ ...(closeCode === null ? {} : { closeCode }), reason: reason.reason });
      } catch {
        // "If this throws an exception, discard code and reasonString and close the WebSocket with stream."
      }
    }
    this.close();
  }
}

/** How a connection ended, and the error unless it ended by a closing handshake. */
interface Ended {
  readonly close: Close;
  readonly error: WebSocketStreamError | undefined;
}

async function write(connection: Connection<unknown>, ended: Promise<Ended>, chunk: unknown): Promise<void> {
  const data = bytesOrString(chunk);
  const wasOpen = connection.readyState === "open";
  try {
    if (!connection.send(data)) await connection.drained();
  } catch (reason) {
    if (!(reason instanceof ConnectionClosedError)) throw reason;
    const { close, error } = await ended;
    // The peer has answered our Close frame, so it has received the whole message before it.
    if (wasOpen && error === undefined && close.initiator === "local") return;
    throw error ?? tooLate();
  }
}

function brokenError({ code, reason, error }: Close): WebSocketStreamError {
  const message = error?.message ?? "The connection ended without a Close frame.";
  return endedError(message, code, reason, error);
}

function tooLate(): DOMException {
  return new DOMException("Cannot write: the connection has been closed.", "InvalidStateError");
}

function deferred<Value>(): Deferred<Value> {
  let resolve!: (value: Value) => void;
  let reject!: (error: unknown) => void;
  const promise = new Promise<Value>((...functions) => ([resolve, reject] = functions));
  promise.catch(() => {});
  return { promise, resolve, reject };
}
