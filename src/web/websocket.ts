/**
 * `WebSocket` as the WebSockets Standard (https://websockets.spec.whatwg.org/) has it.
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

/** How a {@linkcode WebSocket} gives binary messages: as `Blob` or as `ArrayBuffer`. */
export type BinaryType = "blob" | "arraybuffer";

/** What a {@linkcode WebSocket} takes beyond the standard: header fields, TLS, limits and deadlines. */
export interface WebSocketOptions extends Omit<ConnectOptions, "protocols" | "signal"> {}

/** The events of a {@linkcode WebSocket}, by type. */
export interface WebSocketEvents {
  /** The connection is there. */
  open: Event;
  /** A message has come: `data` is a string, a `Blob` or an `ArrayBuffer`. */
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

/** The listeners of a {@linkcode WebSocket} know its events. */
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
 * The standard's `WebSocket`, for code that expects it, the same on every runtime. It is a face of a
 * {@linkcode Connection}, with its heartbeat, limits and deadlines; a message beyond `maxMessageSize` fails it, and so
 * does a peer for which more than `maxBufferedAmount` bytes wait.
 *
 * What it adds to the standard: a third argument of the constructor, {@linkcode WebSocket.from}, and the reason in the
 * `error` event. What it leaves to browsers: their list of ports that must not be connected to.
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
  /** `readyState`: the connection is not there yet. */
  declare static readonly CONNECTING: 0;
  /** `readyState`: the connection is there. */
  declare static readonly OPEN: 1;
  /** `readyState`: the closing handshake is under way. */
  declare static readonly CLOSING: 2;
  /** `readyState`: the connection has ended, or never was. */
  declare static readonly CLOSED: 3;
  /** `readyState`: the connection is not there yet. */
  declare readonly CONNECTING: 0;
  /** `readyState`: the connection is there. */
  declare readonly OPEN: 1;
  /** `readyState`: the closing handshake is under way. */
  declare readonly CLOSING: 2;
  /** `readyState`: the connection has ended, or never was. */
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
  // All messages that have come were delivered.
  #idle = false;
  #failure: Error | undefined;

  /**
   * Connects to a URL: `ws:`, `wss:`, `http:` or `https:`. When `protocols` names some, the server must choose one.
   *
   * Throws a `SyntaxError` `DOMException` for a URL or a subprotocol that cannot be used, a `RangeError` for an option
   * out of range, a `TypeError` for header fields that cannot be sent, a `SyntaxError` or a `TypeError` for a proxy or a
   * path that cannot be used. A connection that cannot be had is no exception: the events `error` and `close` tell of it.
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
   * The standard face of a connection that `serve()` or `acceptor()` has accepted, or `connect()` has made: open from
   * the start, so that there is no `open` event. Messages that have come already, and those that come, are its from now
   * on: they become events, the first of them in a later task, when listeners have been added. When the connection's
   * handler returns, it stays open.
   *
   * Throws a `TypeError` when the connection was given to callbacks.
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

  /** The URL that was connected to, `ws:` or `wss:`; for an accepted connection the one that was asked for. */
  get url(): string {
    return this.#url;
  }

  /** Where the connection stands: {@linkcode CONNECTING}, {@linkcode OPEN}, {@linkcode CLOSING}, {@linkcode CLOSED}. */
  get readyState(): 0 | 1 | 2 | 3 {
    // The peer's Close frame has come, behind the last message.
    const closing = this.#state === OPEN && this.#idle && this.#connection!.readyState !== "open";
    return closing ? CLOSING : this.#state;
  }

  /**
   * Bytes of messages that were sent and have not been handed to the network, without their framing. After the end of
   * the connection it only grows.
   */
  get bufferedAmount(): number {
    return this.#outgoing?.bufferedAmount ?? this.#amount.value;
  }

  /** The extensions in use, `""` for none and before `open`. */
  get extensions(): string {
    return this.#connection?.extensions ?? "";
  }

  /** The subprotocol in use, `""` for none and before `open`. */
  get protocol(): string {
    return this.#connection?.protocol ?? "";
  }

  /** How binary messages are given. What is neither `"blob"` nor `"arraybuffer"` is ignored. Default `"blob"`. */
  get binaryType(): BinaryType {
    return this.#binaryType;
  }

  set binaryType(value: BinaryType) {
    // Another value is ignored, another receiver is not.
    this.#binaryType = value === "blob" || value === "arraybuffer" ? value : this.#binaryType;
  }

  /** Called with each `open` event. */
  get onopen(): EventHandler<Event> {
    return this.#handlers.get("open");
  }

  set onopen(handler: EventHandler<Event>) {
    this.#handlers.set("open", handler);
  }

  /** Called with each `message` event. */
  get onmessage(): EventHandler<MessageEvent> {
    return this.#handlers.get("message");
  }

  set onmessage(handler: EventHandler<MessageEvent>) {
    this.#handlers.set("message", handler);
  }

  /** Called with each `error` event. */
  get onerror(): EventHandler<Event> {
    return this.#handlers.get("error");
  }

  set onerror(handler: EventHandler<WebSocketErrorEvent>) {
    this.#handlers.set("error", handler);
  }

  /** Called with each `close` event. */
  get onclose(): EventHandler<CloseEvent> {
    return this.#handlers.get("close");
  }

  set onclose(handler: EventHandler<CloseEvent>) {
    this.#handlers.set("close", handler);
  }

  /**
   * Sends a message: text for a string, binary for a `Blob`, a buffer or a view; bytes are copied. What is none of these
   * is made a string. A message that more than `maxBufferedAmount` bytes would wait with fails the connection. After
   * `close()` nothing is sent, and `bufferedAmount` counts it.
   *
   * Throws an `InvalidStateError` `DOMException` while connecting.
   */
  send(data: string | Blob | ArrayBufferLike | ArrayBufferView): void {
    if (arguments.length === 0) throw new TypeError("Cannot send nothing: give a message.");
    const message = data instanceof Blob ? data : bytesOrString(data);
    if (this.#state === CONNECTING) {
      throw new DOMException("Cannot send while connecting: wait for the open event.", "InvalidStateError");
    }
    if (this.#state === OPEN) this.#outgoing!.send(message);
    else this.#amount.unsendable(payloadSize(message));
  }

  /**
   * Starts the closing handshake, behind all that was sent; while connecting, gives up. Messages that come from now on
   * are dropped. Without arguments the Close frame holds no status code. Does nothing when it was called before.
   *
   * Throws an `InvalidAccessError` `DOMException` for a code that is neither 1000 nor one from 3000 to 4999, and a
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
      // In the task of an event the state is what it was when the event fired.
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
