/**
 * What goes wrong with a connection: every error is a {@linkcode WebSocketError} with a stable `code`. Below it, a socket
 * fails with a `TransportError`; misuse by the caller is a `TypeError`, `RangeError` or `SyntaxError` of the language.
 *
 * @module
 */

/** The stable names of what can go wrong. */
export type WebSocketErrorCode = "protocol-error" | "connection-closed" | "handshake-failed";

/** The limits of one connection, by the options that set them. */
export type ConnectionLimit =
  | "maxMessageSize"
  | "maxFragments"
  | "maxControlFrames"
  | "receiveQueue"
  | "maxBufferedAmount"
  | "heartbeat"
  | "idleTimeout"
  | "closeTimeout";

/** What all errors of connections and opening handshakes have in common. */
export abstract class WebSocketError extends Error {
  /** The stable name of what went wrong. */
  abstract readonly code: WebSocketErrorCode;
  /** The limit that was reached, where that is what went wrong: the option that sets it. */
  declare readonly limit?: ConnectionLimit;

  /** Made by the library. */
  constructor(message: string, options?: ErrorOptions, limit?: ConnectionLimit) {
    super(message, options);
    if (limit !== undefined) this.limit = limit;
  }
}

/** The peer broke the protocol; the connection was failed for it (RFC 6455, section 7.1.7). */
export class ProtocolError extends WebSocketError {
  /** The class's name. */
  override readonly name = "ProtocolError";
  /** The stable name of what went wrong. */
  override readonly code = "protocol-error";
  /** The status code that our Close frame carries. */
  readonly statusCode: number;
  /** Where the rule stands, such as `RFC 6455, section 5.1`. */
  readonly section: string;

  /** `message` is a sentence; it is also the reason in the Close frame, so it must fit 123 bytes. */
  constructor(statusCode: number, section: string, message: string, limit?: ConnectionLimit) {
    super(message, undefined, limit);
    this.statusCode = statusCode;
    this.section = section;
  }
}

/** How a connection ended. */
export interface Close {
  /**
   * The status code that the peer sent; 1005 when its Close frame held none, 1006 when none came (RFC 6455,
   * section 7.1.5).
   */
  readonly code: number;
  /** The reason that the peer sent with it; often empty. */
  readonly reason: string;
  /** Whether both Close frames went over the wire before the connection ended (RFC 6455, section 7.1.4). */
  readonly wasClean: boolean;
  /**
   * Which side sent its Close frame first, or broke the connection. A WebSocket acknowledges nothing: with `"remote"`,
   * even if it was clean, the peer may not have received what was sent last before its Close frame came; with `"local"`
   * and `wasClean` it has.
   */
  readonly initiator: "local" | "remote";
  /**
   * What went wrong, where something did. With `wasClean`: the TCP connection broke behind the closing handshake, as when
   * a browser leaves its page; what was sent last before the peer's Close frame came may then not have arrived.
   */
  readonly error?: Error | undefined;
}

/** The connection is closing or closed, so that it cannot do what was asked. */
export class ConnectionClosedError extends WebSocketError {
  /** The class's name. */
  override readonly name = "ConnectionClosedError";
  /** The stable name of what went wrong. */
  override readonly code = "connection-closed";
  /** How it ended; `undefined` while the closing handshake is still under way. */
  readonly close: Close | undefined;

  /** Made by the connection. */
  constructor(message: string, close?: Close, limit?: ConnectionLimit) {
    super(message, close?.error === undefined ? undefined : { cause: close.error }, limit);
    this.close = close;
  }
}
