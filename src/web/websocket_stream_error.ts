/**
 * The WebSockets Standard's `WebSocketError`.
 *
 * @module
 */
import { closeRequest } from "./establish.ts";
import { enforceShort } from "./idl.ts";

/** How to close a {@linkcode WebSocketStream}, and how it was closed. */
export interface WebSocketCloseInfo {
  /** The status code: 1000, or 3000 to 4999 to send; any valid one when received. */
  closeCode?: number;
  /**
   * The reason, at most 123 bytes in UTF-8.
   *
   * @default ""
   */
  reason?: string;
}

/**
 * The standard's `WebSocketError`, which is also its `name`: why a {@linkcode WebSocketStream} failed. Passed to
 * `abort()` or `cancel()` of its streams, it sets the code and reason of the close.
 */
export class WebSocketStreamError extends DOMException {
  readonly #closeCode: number | null;
  readonly #reason: string;

  /**
   * Throws an `InvalidAccessError` `DOMException` for a code that is neither 1000 nor 3000 to 4999, and a
   * `SyntaxError` one for a reason of more than 123 bytes in UTF-8. With only a reason the code is 1000.
   */
  constructor(message: string = "", init: WebSocketCloseInfo = {}) {
    super(message, "WebSocketError");
    const { closeCode, reason } = readCloseInfo(init);
    const request = received.has(init) ? { code: closeCode, reason } : closeRequest(closeCode, reason);
    this.#closeCode = request.code;
    this.#reason = request.reason;
  }

  /** The status code, `null` for none. */
  get closeCode(): number | null {
    return this.#closeCode;
  }

  /** The reason; often empty. */
  get reason(): string {
    return this.#reason;
  }
}

// Errors with a received code or 1006, which must not be sent and which the constructor would refuse.
const received: WeakSet<object> = new WeakSet();

/** The error of a connection that did not end by a closing handshake. */
export function endedError(
  message: string,
  closeCode: number,
  reason: string,
  cause: unknown,
): WebSocketStreamError {
  const info: WebSocketCloseInfo = { closeCode, reason };
  received.add(info);
  const error = new WebSocketStreamError(message, info);
  return cause === undefined
    ? error
    : Object.defineProperty(error, "cause", { value: cause, configurable: true });
}

/** Web IDL, dictionary `WebSocketCloseInfo`. Throws a `TypeError` for anything else. */
export function readCloseInfo(
  info: WebSocketCloseInfo | null | undefined,
): { closeCode: number | null; reason: string } {
  if (info === undefined || info === null) return { closeCode: null, reason: "" };
  if (typeof info !== "object" && typeof info !== "function") {
    throw new TypeError("Cannot read this as close information: give an object with closeCode and reason.");
  }
  const { closeCode, reason } = info;
  return {
    closeCode: closeCode === undefined ? null : enforceShort(closeCode),
    reason: reason === undefined ? "" : String(reason),
  };
}
