/**
 * What a client learns when an opening handshake fails.
 *
 * @module
 */
import { WebSocketError } from "../protocol/errors.ts";
import type { HandshakeFailureCode } from "./client_handshake.ts";

/**
 * How far the opening handshake had come: asking a proxy for a tunnel, dialling with the TLS handshake included, or
 * reading the response.
 */
export type HandshakeStep = "proxy" | "connect" | "response";

/** What is known about a failed opening handshake. */
export interface HandshakeErrorDetails {
  /** How far it had come. */
  readonly step: HandshakeStep;
  /**
   * The stable name of the reason: our own words for a bad response, a transport's error code, `timed-out`,
   * `proxy-refused`, or `redirect-invalid`, `redirect-insecure`, `redirect-loop` and `redirect-limit`.
   */
  readonly reason: HandshakeFailureCode | (string & Record<never, never>);
  /** Where the rule stands that the server broke, if it broke one. */
  readonly section?: string | undefined;
  /** The response's status code, if one came. */
  readonly status?: number | undefined;
  /** The response's header fields, if it came; names in lower case. */
  readonly headers?: Iterable<readonly [name: string, value: string]> | undefined;
  /** The beginning of the response's body, at most 4 KiB: most servers say there what is wrong. */
  readonly body?: string | undefined;
  /** The error beneath. */
  readonly cause?: unknown;
}

/** The opening handshake failed. */
export class HandshakeError extends WebSocketError implements HandshakeErrorDetails {
  /** The class's name. */
  override readonly name = "HandshakeError";
  /** The stable name of what went wrong. */
  override readonly code = "handshake-failed";
  /** How far it had come. */
  readonly step: HandshakeStep;
  /** The stable name of the reason. */
  readonly reason: HandshakeErrorDetails["reason"];
  /** Where the rule stands that the server broke, if it broke one. */
  readonly section: string | undefined;
  /** The response's status code, if one came. */
  readonly status: number | undefined;
  /** The response's header fields, if it came; names in lower case. */
  readonly headers: Iterable<readonly [name: string, value: string]> | undefined;
  /** The beginning of the response's body, at most 4 KiB. */
  readonly body: string | undefined;

  /** Made by `connect()`. */
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
