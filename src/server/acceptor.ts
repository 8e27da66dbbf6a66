/**
 * Accepts WebSockets on a `node:http` server, so that applications with Express, Fastify, Hono and so on keep their
 * server.
 *
 * @module
 */
import type { Connection, ConnectionHandler } from "../connection/connection.ts";
import { Admission } from "./admission.ts";
import { atLeast } from "../options/at_least.ts";
import { type ConnectionOptions, connectionSettings } from "../connection/options.ts";
import { certificateOf, type CertifiedSocket } from "../transport/client_certificate.ts";
import { Deadlines } from "./deadlines.ts";
import { endpointsOf, policyOf } from "./endpoints.ts";
import { isOfferedByTheWay, type UpgradedRequest } from "../http/without_upgrade.ts";
import { headOf, judgementOf, whoseIs } from "./node_request.ts";
import { NOTHING } from "../protocol/bytes.ts";
import { refuse } from "../handshake/refusal.ts";
import { reportError } from "../support/error_hook.ts";
import type { Route } from "./route.ts";
import type { Judgement } from "../handshake/server_handshake.ts";
import { type Known, type OpeningContext, OpeningHandshake } from "./opening_handshake.ts";
import {
  answerAsRequest,
  isServer,
  isTaken,
  keepOffersAsRequests,
  leave,
  register,
  serverOf,
  take,
} from "./shared_socket.ts";
import type { OpeningOptions } from "./options.ts";
import { Home } from "./home.ts";
import type { LimitCounts } from "../connection/limits.ts";
import { checkHandler, readOptions } from "../options/read.ts";
import { RefusalNotice } from "./refusal_notice.ts";
import { Roster } from "../support/roster.ts";
import { shutDown, type ShutdownOptions } from "./shutdown.ts";
import type { Publisher } from "../topics/options.ts";
import { Topics } from "../topics/topics.ts";
import { type DuplexStream, DuplexTransport } from "../transport/duplex.ts";
import { type Http2Stream, Http2StreamTransport } from "../transport/http2_stream.ts";
import { answeringOn } from "./answering.ts";
import { type Http2Headers, type Http2Server, listenForConnect } from "./extended_connect.ts";
import { judgeConnect } from "../handshake/extended_connect.ts";
import { takeOver } from "../transport/shared_reads.ts";

/** The socket of an `upgrade` event. */
export interface UpgradedSocket extends DuplexStream, CertifiedSocket {
  /** On TCP sockets: whether to disable Nagle's algorithm. */
  setNoDelay?(noDelay: boolean): unknown;
  /** On TCP sockets: milliseconds of inactivity after which the HTTP server would close it; 0 for none. */
  setTimeout?(timeout: number): unknown;
}

/** Options of `acceptor()`. */
export interface AcceptorOptions<Data = undefined, Context = undefined>
  extends OpeningOptions<Data, Context>, ConnectionOptions {}

/** Gives what your own code knows of a request over HTTP/2. */
export type Http2Context<Context> = (
  headers: Http2Headers,
  stream: Http2Stream,
) => Context | Promise<Context>;

/** A listener for the `upgrade` event of a `node:http` server, together with the connections it has accepted. */
export interface Acceptor<Data = undefined, Context = undefined> extends Publisher {
  /**
   * Accepts or refuses a request. Throws a `TypeError` for a web `Request`, as `Deno.serve` and `Bun.serve` have it: they
   * hand out no sockets. `context` is what your own code knows of it, such as the session: the second argument of
   * `upgrade`, and `socket.data` if `upgrade` gives no data.
   */
  (
    request: UpgradedRequest,
    socket: UpgradedSocket,
    head: Uint8Array,
    ...context: undefined extends Context ? [context?: Context] : [context: Context]
  ): void;
  /**
   * Accepts WebSockets over HTTP/2 (RFC 8441) on a `node:http2` server that was created with
   * `{ settings: { enableConnectProtocol: true } }`, by extended CONNECT: with the same options, limits and deadlines. Each
   * stream counts as a connection. Your own `stream` listeners must leave CONNECT requests on its paths alone. `context` gives
   * what your own code knows of a request. Throws a `TypeError` for a
   * server without that setting, and for one that is none of `node:http2`.
   */
  http2(
    server: Http2Server,
    ...context: undefined extends Context ? [context?: Http2Context<Context>]
      : [context: Http2Context<Context>]
  ): void;
  /** The open and closing connections. */
  readonly connections: ReadonlySet<Connection<Data>>;
  /** How often each limit was reached. */
  readonly limitsReached: LimitCounts;
  /**
   * Graceful shutdown of the accepted connections, as `Server.shutdown()` does. The HTTP server remains yours to
   * close. Repeated calls return the same promise.
   */
  shutdown(options?: ShutdownOptions): Promise<void>;
}

/**
 * Makes a listener for the `upgrade` event of a `node:http` or `node:https` server, on Node, Deno and Bun. It takes
 * what is its own, by option `path` or by routes, and leaves alone the rest: a server may have several, beside `ws`, Socket.IO
 * or Vite. A WebSocket that no listener takes is refused with 404, by one of them. A request that offers another
 * upgrade by the way (`h2c`) is answered by the server's `request` listeners.
 *
 * Throws a `RangeError` for an option out of range, and a `TypeError` for an unknown option or one of the wrong type.
 *
 * @example
 * ```ts
 * import { createServer } from "node:http";
 * import { acceptor } from "woshou";
 *
 * const server = createServer((_, response) => response.end("over HTTP"));
 * server.on("upgrade", acceptor({ path: "/chat" }, async (socket) => {
 *   for await (const message of socket) socket.send(message);
 * }));
 * ```
 */
export function acceptor<Data = undefined, Context = undefined>(
  given: AcceptorOptions<Data, Context>,
  handler: ConnectionHandler<Data> | readonly Route<Context>[],
): Acceptor<Data, Context> {
  const options = readOptions("acceptor()", given);
  checkHandler("acceptor()", handler);
  const settings = connectionSettings(options);
  const topics = new Topics(options, settings);
  const home = new Home(options, settings, topics, new Admission(options));
  const endpointAt = endpointsOf(options, handler, home);
  const policy = policyOf(options.hosts ?? "any", endpointAt);
  const handshakeTimeout = atLeast(options, "handshakeTimeout", 1, 10_000);
  const context: OpeningContext<Data> = {
    options,
    policy,
    // The HTTP server has enforced its own limits on the head.
    limits: { maxHeadSize: Infinity, maxHeaders: Infinity },
    home,
    endpointAt,
    deadlines: new Deadlines(handshakeTimeout),
    handshakes: new Roster(),
    retryAfter: undefined,
    notice: new RefusalNotice(),
    http: undefined,
  };
  const open = (socket: UpgradedSocket, early: Uint8Array, judgement: Judgement, known?: Known): void => {
    socket.setNoDelay?.(true);
    socket.setTimeout?.(0);
    const transport = new DuplexTransport(socket, {
      better: takeOver,
      head: early,
      highWaterMark: settings.sendHighWaterMark,
    });
    const certificate = certificateOf(socket);
    if (certificate !== undefined) transport.clientCertificate = certificate;
    const handshake = new OpeningHandshake(transport, context, known);
    transport.attach(handshake);
    if (handshake.enter()) handshake.judged(judgement, NOTHING);
  };
  const accept = function (
    this: unknown,
    request: UpgradedRequest,
    socket: UpgradedSocket,
    early: Uint8Array,
    ...contexts: unknown[]
  ): void {
    if (!Array.isArray((request as Partial<UpgradedRequest>).rawHeaders)) {
      throw new TypeError(
        "Cannot accept this request: it is none of node:http. Deno.serve and Bun.serve hand out no sockets; " +
          "use serve({ fetch }, handler) in their place.",
      );
    }
    if (isTaken({ request, socket })) return;
    const server = serverOf(this, socket);
    const whose = whoseIs(request, endpointAt);
    const asked = { request, socket, server, direct: isServer(this) };
    const asRequest = (): void => {
      answerAsRequest(server!, request, socket, early).catch((error) => reportError(options.error, error));
    };
    if (whose.kind === "plain" && server !== undefined) {
      keepOffersAsRequests(server);
      if (isOfferedByTheWay(whose.upgrade)) take(asked, asRequest);
      else leave(asked, handshakeTimeout, () => take(asked, asRequest));
    } else if (whose.kind === "elsewhere") {
      const refusal = refuse("path-not-found");
      leave(asked, handshakeTimeout, () => {
        take(asked, () => open(socket, early, { kind: "refused", refusal, head: headOf(request) }));
      });
    } else {
      const judgement = judgementOf(request, policy);
      const known = contexts.length === 0 ? undefined : { context: contexts[0] };
      take(asked, () => open(socket, early, judgement, known));
    }
  };
  register(accept);
  const listenOnHttp2 = (server: Http2Server, contextOf?: Http2Context<unknown>): void =>
    listenForConnect(server, {
      patience: handshakeTimeout,
      isOurs: (path) => endpointAt(path) !== undefined,
      take(request, stream, headers) {
        const transport = new Http2StreamTransport(stream, settings.sendHighWaterMark);
        const known = contextOf === undefined ? {} : { ask: () => contextOf(headers, stream) };
        const handshake = new OpeningHandshake(transport, context, known, answeringOn(stream));
        transport.attach(handshake);
        if (!handshake.enter()) return;
        const judgement = judgeConnect(request, policy);
        handshake.judged(judgement, NOTHING);
      },
    });
  let shutdown: Promise<void> | undefined;
  const publisher: Omit<Acceptor<Data>, never> = {
    http2: listenOnHttp2,
    shutdown: (options = {}) => shutdown ??= shutDown(context, options, () => Promise.resolve()),
    get connections() {
      return home.connections.set;
    },
    get limitsReached() {
      return home.limits.counts;
    },
    publish: (topic, data, options) => topics.publish(topic, data, options),
    subscriberCount: (topic) => topics.subscriberCount(topic),
    get dropped() {
      return topics.dropped;
    },
  };
  return Object.defineProperties(accept, Object.getOwnPropertyDescriptors(publisher)) as unknown as Acceptor<
    Data,
    Context
  >;
}
