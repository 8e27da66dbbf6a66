/**
 * How a server opens handshakes, and what its hooks learn of them.
 *
 * @module
 */
import type { AdmissionOptions } from "./admission.ts";
import type { RequestHead } from "../http/head.ts";
import type { Refusal } from "../handshake/refusal.ts";
import type { AdmissionPolicy } from "../handshake/admission_policy.ts";
import type { LimitEvent } from "../connection/limits.ts";
import type { SlowSubscriberEvent, TopicOptions } from "../topics/options.ts";
import type { HandshakeRequest } from "./web_request.ts";

/** What `upgrade` gives to accept a handshake. */
export interface UpgradeResult<Data> {
  /** The application's own data about this connection: `socket.data`. */
  readonly data?: Data;
  /** More header fields for the 101, such as `set-cookie`. */
  readonly headers?: HeadersInit;
  /** The subprotocol, one that the client offered. Default: as the `protocols` option chooses. */
  readonly protocol?: string;
}

/** What a hook learns of a finished opening handshake. */
export interface HandshakeReport {
  /** The peer's IP address; `""` where there is none. */
  readonly remoteAddress: string;
  /** The request's head; `undefined` if it was too malformed to be read. */
  readonly request: RequestHead | undefined;
  /** The head of the response, each byte one character; for a refusal its body too, as UTF-8. */
  readonly response: string;
}

/** How a server opens handshakes, whoever reads the requests. */
export interface OpeningOptions<Data> extends AdmissionPolicy, AdmissionOptions, TopicOptions<Data> {
  /**
   * The path of the URL at which WebSockets are opened, such as `"/chat"`; the query is not compared. Requests for others
   * are refused with 404.
   *
   * @default every path
   */
  path?: string;
  /**
   * Subprotocols that the server speaks, best first, or one; a client that offers some, but none of these, is refused. Or a
   * function that chooses one of those offered, or none.
   *
   * @default none is ever chosen
   */
  protocols?:
    | string
    | readonly string[]
    | ((
      offered: readonly string[],
      request: HandshakeRequest,
    ) => string | undefined | Promise<string | undefined>);
  /**
   * Decides about a handshake before it is answered: gives data, headers or a subprotocol to accept it with, nothing to
   * accept it as it is, or a `Response` that refuses. What it throws is reported to `error` and answered with 500.
   */
  upgrade?(
    request: HandshakeRequest,
  ): UpgradeResult<Data> | Response | void | Promise<UpgradeResult<Data> | Response | void>;
  /**
   * Milliseconds from the start of the connection, TLS included, until the opening handshake must be done.
   *
   * @default 10000
   */
  handshakeTimeout?: number;
  /** A handshake was accepted. */
  accepted?(report: HandshakeReport): void;
  /** A handshake, or a request that is none, was refused. */
  refused?(refusal: Refusal, report: HandshakeReport): void;
  /**
   * A limit was reached, by a peer or by all together, or a subscriber is too slow. Not called for `receiveQueue`, which
   * only makes a peer wait. The diagnostics channel `woshou:limit` is told of limits, too.
   */
  limit?(event: LimitEvent<Data> | SlowSubscriberEvent<Data>): void;
  /** The application's handler or hook threw. Default: `console.error`. */
  error?(error: unknown): void;
}
