/**
 * `WebSocket` as in the WebSockets Standard (https://websockets.spec.whatwg.org/).
 *
 * @module
 */
import type { ConnectOptions } from "../client/options.ts";
import { askForNext, type Connection, giveOneAtATime, settingsOf } from "../connection/connection.ts";
import type { Message } from "../connection/message.ts";
import { ABNORMAL_CLOSURE } from "../protocol/status_code.ts";
import { type Close, ConnectionClosedError } from "../protocol/errors.ts";
import { BufferedAmount } from "./buffered_amount.ts";
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
import { CloseEvent, type EventHandler, EventHandlers, WebSocketErrorEvent } from "./events.ts";
import { bytesOrString, clampToShort, likeInterface, stringSequence } from "./idl.ts";
import { payloadSize, SendQueue } from "./send_queue.ts";
import { nextTask } from "./task.ts";

const CONNECTING = 0;
const OPEN = 1;
const CLOSING = 2;
const CLOSED = 3;

/** How a {@linkcode WebSocket} delivers binary messages: as `Blob` or as `ArrayBuffer`. */
export type BinaryType = "blob" | "arraybuffer";

/** Options of {@linkcode WebSocket} beyond the standard: header fields, TLS, limits and deadlines. */
export interface WebSocketOptions extends Omit<ConnectOptions, "protocols" | "signal"> {}

/** The events of a {@linkcode WebSocket}, by type. */
export interface WebSocketEvents {
  /** The connection is established. */
  open: Event;
  /** A message arrived: `data` is a string, a `Blob` or an `ArrayBuffer`. */
  message: MessageEvent;
  /** The connection failed; `close` follows. */
  error: WebSocketErrorEvent;
  /** The connection has ended; nothing follows. */
  close: CloseEvent;
}

/** A listener of a {@linkcode WebSocket}. */
export type WebSocketListener<Kind extends keyof WebSocketEvents> =
  | ((this: WebSocket, event: WebSocketEvents[Kind]) => unknown)
  | { handleEvent(event: WebSocketEvents[Kind]): unknown };

/** Typed listeners for the events of a {@linkcode WebSocket}. */
export interface WebSocket {
  /** Adds a listener; see `EventTarget`. */
  addEventListener<Kind extends keyof WebSocketEvents>(
    type: Kind,
    listener: WebSocketListener<Kind> | null,
    options?: Parameters<EventTarget["addEventListener"]>[2],
  ): void;
  /** Adds a listener; see `EventTarget`. */
  addEventListener(
    type: string,
    listener: Parameters<EventTarget["addEventListener"]>[1],
    options?: Parameters<EventTarget["addEventListener"]>[2],
  ): void;
  /** Removes a listener; see `EventTarget`. */
  removeEventListener<Kind extends keyof WebSocketEvents>(
    type: Kind,
    listener: WebSocketListener<Kind> | null,
    options?: Parameters<EventTarget["removeEventListener"]>[2],
  ): void;
  /** Removes a listener; see `EventTarget`. */
  removeEventListener(
    type: string,
    listener: Parameters<EventTarget["addEventListener"]>[1],
    options?: Parameters<EventTarget["removeEventListener"]>[2],
  ): void;
}

/**
 * The standard's `WebSocket`, for code that expects it, the same on every runtime. It wraps a {@linkcode Connection},
 * with its heartbeat, limits and deadlines. A message beyond `maxMessageSize` fails it, and so do more than `maxBufferedAmount` bytes waiting for the peer.
 *
 * Beyond the standard: a third argument of the constructor, {@linkcode WebSocket.from}, and the reason in the `error`
 * event. Not included: the browsers' list of blocked ports.
 *
 * @example
 * ```ts
 * import { serve, WebSocket } from "woshou";
 *
 * const server = await serve({ port: 0 }, async (socket) => {
 *   for await (const message of socket) socket.send(message);
 * });
 * const socket = new WebSocket(server.url);
 * socket.onopen = () => socket.send("hello");
 * socket.onmessage = ({ data }) => {
 *   console.log(data); // "hello"
 *   socket.close(1000, "done");
 * };
 * await new Promise((resolve) => socket.onclose = resolve);
 * await server.shutdown();
 * ```
 */
export class WebSocket extends EventTarget {
  /** `readyState`: not connected yet. */
  declare static readonly CONNECTING: 0;
  /** `readyState`: connected. */
  declare static readonly OPEN: 1;
  /** `readyState`: the closing handshake has begun. */
  declare static readonly CLOSING: 2;
  /** `readyState`: the connection has ended, or could not be established. */
  declare static readonly CLOSED: 3;
  /** `readyState`: not connected yet. */
  declare readonly CONNECTING: 0;
  /** `readyState`: connected. */
  declare readonly OPEN: 1;
  /** `readyState`: the closing handshake has begun. */
  declare readonly CLOSING: 2;
  /** `readyState`: the connection has ended, or could not be established. */
  declare readonly CLOSED: 3;

  readonly #url: string;
  readonly #origin: string;
  readonly #handlers: EventHandlers = new EventHandlers(this);
  readonly #opening: AbortController = new AbortController();
  #state: 0 | 1 | 2 | 3 = CONNECTING;
  #binaryType: BinaryType = "blob";
  #connection: Connection<unknown> | undefined;
  readonly #amount: BufferedAmount = new BufferedAmount();
  #outgoing: SendQueue | undefined;
  // All messages that arrived have been delivered.
  #idle = false;
  #failure: Error | undefined;

  /**
   * Connects to a URL: `ws:`, `wss:`, `http:` or `https:`. If `protocols` names some, the server must select one.
   *
   * Throws a `SyntaxError` `DOMException` for an invalid URL or subprotocol, a `RangeError` for an option out of
   * range, a `TypeError` for invalid header fields, and a `SyntaxError` or `TypeError` for an invalid proxy or path.
   * A failed connection is not an exception: it fires the events `error` and `close`.
   */
  constructor(url: string | URL, protocols: string | Iterable<string> = [], options: WebSocketOptions = {}) {
    if (arguments.length === 0) throw new TypeError("Cannot connect without a URL: give one.");
    super();
    const accepted = (options as AcceptedOptions)[ACCEPTED];
    if (accepted !== undefined) {
      this.#url = accepted.url;
      this.#origin = accepted.url === "" ? "" : new URL(accepted.url).origin;
      this.#open(accepted.connection);
      void this.#receive(accepted.connection, accepted.messages);
      return;
    }
    const target = urlRecord(String(url));
    const offered = checkProtocols(
      typeof protocols === "object" && protocols !== null ? stringSequence(protocols) : [String(protocols)],
    );
    const settings = checkOptions(target, offered, options);
    this.#url = target.href;
    this.#origin = target.origin;
    void this.#connect(target, offered, settings);
  }

  static {
    likeInterface(
      this,
      [
        ...["url", "readyState", "bufferedAmount", "extensions", "protocol", "binaryType"],
        ...["onopen", "onmessage", "onerror", "onclose", "send", "close"],
      ],
      { CONNECTING, OPEN, CLOSING, CLOSED },
    );
  }

  /**
   * Wraps a connection from `serve()`, `acceptor()` or `connect()` in the standard interface. It is open from the
   * start, so there is no `open` event. Messages that have arrived or will arrive become events, the first in a later
   * task, after you have added listeners. The connection stays open when its handler returns.
   *
   * Throws a `TypeError` if the connection has callbacks.
   *
   * @example
   * ```ts
   * import { serve, WebSocket } from "woshou";
   *
   * const server = await serve({ port: 0 }, (connection) => {
   *   const socket = WebSocket.from(connection);
   *   socket.onmessage = ({ data }) => socket.send(data);
   * });
   * await server.shutdown();
   * ```
   */
  static from<Data>(connection: Connection<Data>): WebSocket {
    const options: WebSocketOptions & AcceptedOptions = { [ACCEPTED]: accept(connection) };
    return new WebSocket("", [], options);
  }

  /** The `ws:` or `wss:` URL connected to; of an accepted connection the requested one. */
  get url(): string {
    return this.#url;
  }

  /** The state of the connection: {@linkcode CONNECTING}, {@linkcode OPEN}, {@linkcode CLOSING}, {@linkcode CLOSED}. */
  get readyState(): 0 | 1 | 2 | 3 {
    // The peer's Close frame arrived after the last message.
    const closing = this.#state === OPEN && this.#idle && this.#connection!.readyState !== "open";
    return closing ? CLOSING : this.#state;
  }

  /**
   * Bytes of sent messages that have not been handed to the network, without framing. After the end of the connection
   * it only grows.
   */
  get bufferedAmount(): number {
    return this.#outgoing?.bufferedAmount ?? this.#amount.value;
  }

  /** The negotiated extensions; `""` for none and before `open`. */
  get extensions(): string {
    return this.#connection?.extensions ?? "";
  }

  /** The negotiated subprotocol; `""` for none and before `open`. */
  get protocol(): string {
    return this.#connection?.protocol ?? "";
  }

  /**
   * How binary messages are delivered. Values other than `"blob"` and `"arraybuffer"` are ignored. Default `"blob"`.
   */
  get binaryType(): BinaryType {
    return this.#binaryType;
  }

  set binaryType(value: BinaryType) {
    // Another value is ignored; another `this` is not.
    this.#binaryType = value === "blob" || value === "arraybuffer" ? value : this.#binaryType;
  }

  /** The handler of `open` events. */
  get onopen(): EventHandler<Event> {
    return this.#handlers.get("open");
  }

  set onopen(handler: EventHandler<Event>) {
    this.#handlers.set("open", handler);
  }

  /** The handler of `message` events. */
  get onmessage(): EventHandler<MessageEvent> {
    return this.#handlers.get("message");
  }

  set onmessage(handler: EventHandler<MessageEvent>) {
    this.#handlers.set("message", handler);
  }

  /** The handler of `error` events. */
  get onerror(): EventHandler<Event> {
    return this.#handlers.get("error");
  }

  set onerror(handler: EventHandler<WebSocketErrorEvent>) {
    this.#handlers.set("error", handler);
  }

  /** The handler of `close` events. */
  get onclose(): EventHandler<CloseEvent> {
    return this.#handlers.get("close");
  }

  set onclose(handler: EventHandler<CloseEvent>) {
    this.#handlers.set("close", handler);
  }

  /**
   * Sends a message: text for a string, binary for a `Blob`, a buffer or a view; bytes are copied. Anything else is
   * converted to a string. If more than `maxBufferedAmount` bytes would then wait, the connection fails. After
   * `close()` nothing is sent, and `bufferedAmount` counts it.
   *
   * Throws an `InvalidStateError` `DOMException` while connecting.
   */
  send(data: string | Blob | ArrayBufferLike | ArrayBufferView): void {
    if (arguments.length === 0) throw new TypeError("Cannot send without a message: give one.");
    const message = data instanceof Blob ? data : bytesOrString(data);
    if (this.#state === CONNECTING) {
      throw new DOMException("Cannot send while connecting: wait for the open event.", "InvalidStateError");
    }
    if (this.#state === OPEN) this.#outgoing!.send(message);
    else this.#amount.unsendable(payloadSize(message));
  }

  /**
   * Starts the closing handshake, after everything sent; while connecting, gives up. Later messages are dropped.
   * Without arguments the Close frame has no status code. Does nothing if called before.
   *
   * Throws an `InvalidAccessError` `DOMException` for a code that is neither 1000 nor 3000 to 4999, and a
   * `SyntaxError` one for a reason of more than 123 bytes in UTF-8.
   */
  close(code: number | undefined = undefined, reason: string | undefined = undefined): void {
    const request = closeRequest(code === undefined ? null : clampToShort(code), String(reason ?? ""));
    const state = this.#state;
    if (state !== CONNECTING && state !== OPEN) return;
    this.#state = CLOSING;
    if (state === CONNECTING) {
      this.#opening.abort(new ConnectionClosedError("close() was called while connecting."));
    } else this.#outgoing!.close(request);
  }

  async #connect(url: URL, protocols: readonly string[], options: WebSocketOptions): Promise<void> {
    let connection: Connection<unknown>;
    try {
      connection = await establish(url, protocols, options, this.#opening.signal);
    } catch (error) {
      await nextTask();
      return this.#ended({ code: ABNORMAL_CLOSURE, reason: "", wasClean: false }, asError(error));
    }
    const messages = connection[Symbol.asyncIterator]();
    await nextTask();
    if (this.#state === CONNECTING) {
      this.#open(connection);
      this.dispatchEvent(new Event("open"));
    } else {
      this.#failure = this.#opening.signal.reason;
      connection.abort();
    }
    await this.#receive(connection, messages);
  }

  #open(connection: Connection<unknown>): void {
    this.#connection = connection;
    giveOneAtATime(connection);
    this.#state = OPEN;
    this.#outgoing = new SendQueue(
      connection,
      this.#amount,
      settingsOf(connection).maxBufferedAmount,
      (error) => this.#fail(error),
    );
  }

  async #receive(connection: Connection<unknown>, messages: AsyncIterator<Message>): Promise<void> {
    for (;;) {
      // During the task of an event the state stays what it was when the event fired.
      if (connection.readyState !== "open") await nextTask();
      this.#idle = true;
      askForNext(connection);
      const { done, value } = await messages.next();
      this.#idle = false;
      await nextTask();
      if (done) break;
      if (this.#state === OPEN) this.#deliver(value);
    }
    const close = await connection.closed;
    this.#outgoing?.end(close.wasClean);
    this.#ended(
      close,
      close.error ?? new ConnectionClosedError("The connection ended without a Close frame.", close),
    );
  }

  #deliver(message: Message): void {
    const data = typeof message === "string"
      ? message
      : this.#binaryType === "blob"
      ? new Blob([message as Uint8Array<ArrayBuffer>])
      : bufferOf(message);
    this.dispatchEvent(new MessageEvent("message", { data, origin: this.#origin }));
  }

  #fail(error: unknown): void {
    this.#failure ??= asError(error);
    this.#connection!.abort();
  }

  #ended({ code, reason, wasClean }: Pick<Close, "code" | "reason" | "wasClean">, error: Error): void {
    this.#state = CLOSED;
    if (!wasClean) this.dispatchEvent(new WebSocketErrorEvent(this.#failure ?? error));
    this.dispatchEvent(new CloseEvent("close", { code, reason, wasClean }));
  }
}

/** A buffer of exactly these bytes. */
function bufferOf(bytes: Uint8Array): ArrayBufferLike {
  return bytes.byteLength === bytes.buffer.byteLength ? bytes.buffer : bytes.slice().buffer;
}
