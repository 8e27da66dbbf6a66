/**
 * The errors of a connection: each is a {@linkcode WebSocketError} with a stable `code`. Below it a socket fails with
 * a `TransportError`. Misuse by the caller is a `TypeError`, `RangeError` or `SyntaxError`.
 *
 * @module
 */

/** The stable error codes. */
export type WebSocketErrorCode = "protocol-error" | "connection-closed" | "handshake-failed";

/** The limits of one connection, named after the options that set them. */
export type ConnectionLimit =
  | "maxMessageSize"
  | "maxFragments"
  | "maxControlFrames"
  | "receiveQueue"
  | "maxBufferedAmount"
  | "heartbeat"
  | "idleTimeout"
  | "closeTimeout";

/** The base class of all errors of connections and opening handshakes. */
export abstract class WebSocketError extends Error {
  /** The stable code of the error. */
  abstract readonly code: WebSocketErrorCode;
  /** The limit that was reached, if that caused the error: the name of its option. */
  declare readonly limit?: ConnectionLimit;

  /** Called by the library. */
  constructor(message: string, options?: ErrorOptions, limit?: ConnectionLimit) {
    super(message, options);
    if (limit !== undefined) this.limit = limit;
  }
}

/** The peer broke the protocol, and the connection was failed (RFC 6455, section 7.1.7). */
export class ProtocolError extends WebSocketError {
  /** The class's name. */
  override readonly name = "ProtocolError";
  /** The stable code of the error. */
  override readonly code = "protocol-error";
  /** The status code in our Close frame. */
  readonly statusCode: number;
  /** The source of the rule, such as `RFC 6455, section 5.1`. */
  readonly section: string;

  /** `message` is a sentence of at most 123 bytes, because it is also the reason in the Close frame. */
  constructor(statusCode: number, section: string, message: string, limit?: ConnectionLimit) {
    super(message, undefined, limit);
    this.statusCode = statusCode;
    this.section = section;
  }
}

/** How a connection ended. */
export interface Close {
  /**
   * The status code sent by the peer; 1005 if its Close frame had none, 1006 if there was no Close frame (RFC 6455,
   * section 7.1.5).
   */
  readonly code: number;
  /** The reason sent by the peer; often empty. */
  readonly reason: string;
  /** Whether both Close frames were exchanged before the connection ended (RFC 6455, section 7.1.4). */
  readonly wasClean: boolean;
  /**
   * Which side sent its Close frame first, or broke the connection. WebSocket has no acknowledgements. With
   * `"remote"`, even if clean, the peer may not have received the last data sent before its Close frame; with
   * `"local"` and `wasClean` it has.
   */
  readonly initiator: "local" | "remote";
  /**
   * What went wrong, if anything. With `wasClean`: the TCP connection broke after the closing handshake, as when a
   * browser leaves its page; the last data sent before the peer's Close frame may not have arrived.
   */
  readonly error?: Error | undefined;
}

/** The operation is impossible because the connection is closing or closed. */
export class ConnectionClosedError extends WebSocketError {
  /** The class's name. */
  override readonly name = "ConnectionClosedError";
  /** The stable code of the error. */
  override readonly code = "connection-closed";
  /** How it ended; `undefined` while it is still closing. */
  readonly close: Close | undefined;

  /** Called by the connection. */
  constructor(message: string, close?: Close, limit?: ConnectionLimit) {
    super(message, close?.error === undefined ? undefined : { cause: close.error }, limit);
    this.close = close;
  }
}
