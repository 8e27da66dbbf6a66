/**
 * The error of a client's failed opening handshake.
 *
 * @module
 */
import { WebSocketError } from "../protocol/errors.ts";
import type { HandshakeFailureCode } from "./client_handshake.ts";

/** A step of the opening handshake: asking a proxy for a tunnel, connecting (including TLS), or reading the response. */
export type HandshakeStep = "proxy" | "connect" | "response";

/** Details of a failed opening handshake. */
export interface HandshakeErrorDetails {
  /** The step that failed. */
  readonly step: HandshakeStep;
  /**
   * The stable code of the reason: one of ours for an invalid response, a transport's error code, `timed-out`,
   * `proxy-refused`, or `redirect-invalid`, `redirect-insecure`, `redirect-loop` and `redirect-limit`.
   */
  readonly reason: HandshakeFailureCode | (string & Record<never, never>);
  /** The source of the rule that the server broke, if it broke one. */
  readonly section?: string | undefined;
  /** The status code of the response, if there was one. */
  readonly status?: number | undefined;
  /** The header fields of the response, if there was one; names in lower case. */
  readonly headers?: Iterable<readonly [name: string, value: string]> | undefined;
  /** The beginning of the response body, at most 4 KiB: most servers say there what is wrong. */
  readonly body?: string | undefined;
  /** The underlying error. */
  readonly cause?: unknown;
}

/** The opening handshake failed. */
export class HandshakeError extends WebSocketError implements HandshakeErrorDetails {
  /** The class's name. */
  override readonly name = "HandshakeError";
  /** The stable code of the error. */
  override readonly code = "handshake-failed";
  /** The step that failed. */
  readonly step: HandshakeStep;
  /** The stable code of the reason. */
  readonly reason: HandshakeErrorDetails["reason"];
  /** The source of the rule that the server broke, if it broke one. */
  readonly section: string | undefined;
  /** The status code of the response, if there was one. */
  readonly status: number | undefined;
  /** The header fields of the response, if there was one; names in lower case. */
  readonly headers: Iterable<readonly [name: string, value: string]> | undefined;
  /** The beginning of the response body, at most 4 KiB. */
  readonly body: string | undefined;

  /** Called by `connect()`. */
  constructor(message: string, details: HandshakeErrorDetails) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.step = details.step;
    this.reason = details.reason;
    this.section = details.section;
    this.status = details.status;
    this.headers = details.headers;
    this.body = details.body;
  }
}
