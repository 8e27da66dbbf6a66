/**
 * The options and hooks of a server's opening handshakes.
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

/** The result of `upgrade` that accepts a handshake. */
export interface UpgradeResult<Data> {
  /** The application's data for this connection: `socket.data`. */
  readonly data?: Data;
  /** More header fields for the response that accepts, such as `set-cookie`. */
  readonly headers?: HeadersInit;
  /** The subprotocol, one of those offered by the client. Default: chosen by the `protocols` option. */
  readonly protocol?: string;
}

/** A finished opening handshake, as hooks see it. */
export interface HandshakeReport {
  /** The peer's IP address; `""` if there is none. */
  readonly remoteAddress: string;
  /** The request head; `undefined` if it could not be parsed. */
  readonly request: RequestHead | undefined;
  /** The response head, one byte per character; for a refusal also its body, as UTF-8. */
  readonly response: string;
}

/** Which handshakes an endpoint accepts. */
export interface EndpointOptions<Data, Context = undefined> {
  /** Allowed page origins: see {@linkcode AdmissionPolicy.origins}. */
  readonly origins?: NonNullable<AdmissionPolicy["origins"]>;
  /**
   * Supported subprotocols, most preferred first, or a single one; a client that offers only others is refused. Or a
   * function that selects one of those offered, or none.
   *
   * @default none is ever selected
   */
  protocols?:
    | string
    | readonly string[]
    | ((
      offered: readonly string[],
      request: HandshakeRequest,
    ) => string | undefined | Promise<string | undefined>);
  /**
   * Decides about a handshake before it is answered: return data, headers or a subprotocol to accept it with them,
   * nothing to accept it as it is, or a `Response` to refuse it. An exception goes to `error` and is answered with
   * 500. `context` is what your own code knows of the request: the fourth argument of an `Acceptor`, or the result of
   * option `context` of `serve()`. It never comes from the client.
   */
  upgrade?(
    request: HandshakeRequest,
    context: Context,
  ): UpgradeResult<Data> | Response | void | Promise<UpgradeResult<Data> | Response | void>;
}

/** Options of opening handshakes, for `serve()` and `acceptor()`. */
export interface OpeningOptions<Data, Context = undefined>
  extends
    Omit<EndpointOptions<Data, Context>, "origins">,
    AdmissionPolicy,
    AdmissionOptions,
    TopicOptions<Data> {
  /**
   * The URL paths for WebSockets: one, such as `"/chat"`, a list, or a function that tells for a path; the query is
   * ignored. An exception of the function goes to `error`, and the path is not ours. Other paths are left to the application's HTTP server, or refused with 404 if there is none.
   *
   * @default every path; with routes, theirs
   */
  path?: string | readonly string[] | ((path: string) => boolean);
  /**
   * Milliseconds for the opening handshake, from the start of the connection and including TLS.
   *
   * @default 10000
   */
  handshakeTimeout?: number;
  /** A handshake was accepted. */
  accepted?(report: HandshakeReport): void;
  /** A handshake, or a request that is not a handshake, was refused. */
  refused?(refusal: Refusal, report: HandshakeReport): void;
  /**
   * A limit was reached, by one peer or by all together, or a subscriber is too slow. Not called for `receiveQueue`,
   * which only makes a peer wait. Limits are also published on the diagnostics channel `woshou:limit`.
   */
  limit?(event: LimitEvent<Data> | SlowSubscriberEvent<Data>): void;
  /** The application's handler or a hook threw. Default: `console.error`. */
  error?(error: unknown): void;
}
