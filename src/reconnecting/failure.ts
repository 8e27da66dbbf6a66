/**
 * Why a client reconnects, and whether that can help.
 *
 * @module
 */
import { HandshakeError } from "../handshake/handshake_error.ts";
import { type Close, ConnectionClosedError, ProtocolError } from "../protocol/errors.ts";
import {
  INVALID_PAYLOAD,
  MESSAGE_TOO_BIG,
  POLICY_VIOLATION,
  PROTOCOL_ERROR,
  UNSUPPORTED_DATA,
} from "../protocol/status_code.ts";

/** Why there is no connection: the last one ended, or an attempt failed. */
export interface ReconnectFailure {
  /** How the last connection ended; `undefined` if the attempt failed. */
  readonly close: Close | undefined;
  /**
   * What went wrong, if anything: a `HandshakeError`, what the functions for URL and options threw, or the error of
   * the close.
   */
  readonly error: unknown;
  /** Whether a retry would probably fail again. By default the loop then ends. */
  readonly permanent: boolean;
  /** Milliseconds that the default waits. */
  readonly delay: number;
}

/** Status codes after which the same client would be closed again for the same reason. */
const FINAL_CODES: ReadonlySet<number> = new Set([
  PROTOCOL_ERROR,
  UNSUPPORTED_DATA,
  INVALID_PAYLOAD,
  POLICY_VIOLATION,
  MESSAGE_TOO_BIG,
]);

/** Whether not to reconnect after this close. */
export function isFinalClose({ code, initiator, error }: Close): boolean {
  if (error instanceof ProtocolError) return true;
  return initiator === "remote" && (FINAL_CODES.has(code) || (code >= 4000 && code <= 4999));
}

/** Response status codes below 500 that may pass: timeout, too early, too many requests. */
const PASSING_STATUSES: ReadonlySet<number> = new Set([408, 425, 429]);
/** Response status codes from 500 on that do not pass: not implemented, HTTP version not supported. */
const LASTING_STATUSES: ReadonlySet<number> = new Set([501, 505]);
/** Reasons that may pass: network, DNS, a server that restarts. */
const PASSING_REASONS: ReadonlySet<string> = new Set([
  "connection-refused",
  "connection-reset",
  "host-not-found",
  "host-unreachable",
  "timed-out",
  "tls-failed",
  "failed",
  "response-truncated",
]);

/** Whether not to retry after this error. Anything but a `HandshakeError` is the caller's misuse. */
export function isFinalError(error: unknown): boolean {
  if (!(error instanceof HandshakeError)) return true;
  const { status, reason } = error;
  const byStatus = reason === "unexpected-status" || reason === "proxy-refused";
  if (!byStatus || status === undefined) return !PASSING_REASONS.has(reason);
  return status < 500 ? !PASSING_STATUSES.has(status) : LASTING_STATUSES.has(status);
}

/** Milliseconds that the server asked to wait (RFC 9110, section 10.2.3); 0 if it did not. */
export function retryAfter(error: unknown, now: number): number {
  if (!(error instanceof HandshakeError)) return 0;
  for (const [name, value] of error.headers ?? []) {
    if (name !== "retry-after") continue;
    const delay = /^[0-9]+$/.test(value) ? 1000 * Number(value) : Date.parse(value) - now;
    return delay > 0 ? delay : 0;
  }
  return 0;
}

/** What the loop throws when it gives up. */
export function finalError({ close, error }: ReconnectFailure): unknown {
  if (close === undefined) return error;
  const reason = close.reason === "" ? "" : ` ${JSON.stringify(close.reason)}`;
  return new ConnectionClosedError(
    `The connection has ended (${close.code}${reason}) and is not retried. Use the option retry to change this.`,
    close,
  );
}
