/**
 * `serve()`: a server on a TCP port or a Unix socket.
 *
 * @module
 */
import type { Connection, ConnectionHandler } from "../connection/connection.ts";
import type { Sendable } from "../connection/message.ts";
import { Admission } from "./admission.ts";
import { atLeast } from "../options/at_least.ts";
import { type ConnectionOptions, connectionSettings } from "../connection/options.ts";
import { Deadlines } from "./deadlines.ts";
import { isLoopbackHost } from "../http/authority.ts";
import { endpointsOf, policyOf } from "./endpoints.ts";
import { HttpDoor, type HttpDoorOptions } from "./http_door.ts";
import { type OpeningContext, OpeningHandshake } from "./opening_handshake.ts";
import type { OpeningOptions } from "./options.ts";
import { reportError } from "../support/error_hook.ts";
import { checkHandler, readOptions } from "../options/read.ts";
import { certificate } from "../options/values.ts";
import { Home } from "./home.ts";
import type { LimitCounts } from "../connection/limits.ts";
import { RefusalNotice } from "./refusal_notice.ts";
import type { Route } from "./route.ts";
import { Roster } from "../support/roster.ts";
import { shutDown, type ShutdownOptions } from "./shutdown.ts";
import type { Publication, Publisher, PublishOptions } from "../topics/options.ts";
import { Topics } from "../topics/topics.ts";
import { checkCertificates } from "../transport/certificate.ts";
import { adapter } from "../transport/detect.ts";
import type { Listener, TlsServerOptions } from "../transport/transport.ts";
import type { HttpListener, HttpRequest, HttpServer } from "./http_types.ts";
import type { HandshakeRequest } from "./web_request.ts";

/** Options of `serve()`. */
export interface ServeOptions<Data = undefined, Context = undefined>
  extends OpeningOptions<Data, Context>, ConnectionOptions {
  /**
   * The address to listen on. The default is reachable from this machine only; `"0.0.0.0"` or `"::"` opens the server
   * to others.
   *
   * @default "127.0.0.1"
   */
  hostname?: string;
  /**
   * The port; 0 picks a free one: see `server.port`.
   *
   * @default 8000
   */
  port?: number;
  /** Listen on this Unix socket instead. */
  unix?: string;
  /** Use TLS: `wss://`. A certificate is renewed by `server.renew()`. */
  tls?: TlsServerOptions;
  /**
   * Share the port between several processes, if the system can.
   *
   * @default false
   */
  reusePort?: boolean;
  /** Connections that may wait in the system to be accepted. Default: the runtime's. */
  backlog?: number;
  /**
   * Shuts the server down when aborted. If aborted before the server listens, `serve()` rejects with the signal's
   * reason.
   */
  signal?: AbortSignal;
  /**
   * The application's HTTP on the same port: a request listener of `node:http`, such as an Express or Koa application,
   * or an `http.Server`, such as Fastify's, which need not listen. It gets every request that is no WebSocket of ours,
   * and upgrades on paths other than those of `path` or the routes. Time limits and listeners are those of the server.
   *
   * @default such requests are refused with 426
   */
  http?: HttpListener | HttpServer;
  /**
   * The same, as a `fetch` handler: `app.fetch` of Hono, Elysia or h3. Bodies are streamed both ways. An exception goes
   * to `error` and is answered with 500. GET and HEAD requests have no body. A body that nobody is reading when the
   * response has gone out is discarded.
   */
  fetch?(request: HandshakeRequest): Response | Promise<Response>;
  /**
   * With `http` or `fetch`: gets the `IncomingMessage` of an opening handshake, and gives what your own code knows of it,
   * such as the session that a middleware finds. The result, or what its promise gives, is the second argument of
   * `upgrade`, and `socket.data` if `upgrade` gives no data. An exception goes to `error` and is answered with 500.
   */
  context?(request: HttpRequest): Context | Promise<Context>;
  /**
   * Largest request head in bytes. RFC 9112, section 3, recommends 8000 for the request line alone.
   *
   * @default 16384
   */
  maxHeadSize?: number;
  /**
   * Most header lines in a request.
   *
   * @default 100
   */
  maxHeaders?: number;
}

/** Option `context` is there if `upgrade` says what it wants of it. */
export type NeedsContext<Context> = undefined extends Context ? unknown
  : { context(request: HttpRequest): Context | Promise<Context> };

/** A listening server. */
export interface Server<Data = undefined> extends AsyncDisposable, Publisher {
  /** Its URL for clients on this machine: `ws://127.0.0.1:8000/`, or `ws+unix:` and the path of a Unix socket. */
  readonly url: string;
  /** The address it listens on; `""` for a Unix socket. */
  readonly hostname: string;
  /** The port; 0 for a Unix socket. */
  readonly port: number;
  /** The open and closing connections. */
  readonly connections: ReadonlySet<Connection<Data>>;
  /** How often each limit was reached. */
  readonly limitsReached: LimitCounts;
  /**
   * Uses other certificates, such as renewed ones, for connections from now on; open ones stay. Replaces all of option `tls`.
   * On Node without a gap. On Deno and Bun the server listens anew, which needs the right to (privileges may have been dropped):
   * connections of that millisecond may be refused or reset, and if the port is lost for five seconds, it stays so until the next
   * call. Rejects with a `TypeError` if the server has no TLS, and as `serve()` does for certificates that cannot be used, in
   * which case the ones before stay; what a listener rejects with goes to `error` as well.
   */
  renew(tls: TlsServerOptions): Promise<void>;
  /**
   * Graceful shutdown. From now on opening handshakes are refused with 503 and `Retry-After`. Every connection sends
   * what it has accepted and closes with 1001. When the last one has ended, the port is closed, peers that have sent
   * no request are dropped, and pending responses are sent. Whatever is left at the deadline is dropped. Repeated
   * calls return the same promise.
   */
  shutdown(options?: ShutdownOptions): Promise<void>;
}

/**
 * Listens for WebSocket connections and gives each to the handler, or to that of its route.
 *
 * Rejects with a `TransportError` if it cannot listen on the address; a `RangeError` for an option out of range; a
 * `TypeError` for an unknown option, one of the wrong type, an invalid certificate, and TLS on a Unix socket; and the
 * signal's reason if that is aborted before the server listens.
 *
 * @example
 * ```ts
 * import { serve } from "woshou";
 *
 * const server = await serve({ port: 0 }, async (socket) => {
 *   for await (const message of socket) socket.send(message);
 * });
 * console.log(`listening on ${server.url}`);
 * await server.shutdown();
 * ```
 */
export async function serve<Data = undefined, Context = undefined>(
  given: ServeOptions<Data, Context> & NeedsContext<Context>,
  handler: ConnectionHandler<Data> | readonly Route<Context>[],
): Promise<Server<Data>> {
  const options = readOptions<ServeOptions<Data, Context>>("serve()", given);
  checkHandler("serve()", handler);
  const { hostname = "127.0.0.1", port = 8000, unix, tls, signal } = options;
  signal?.throwIfAborted();
  const settings = connectionSettings(options);
  const headTimeout = atLeast(options, "handshakeTimeout", 1, 10_000);
  const home = new Home(options, settings, new Topics(options, settings), new Admission(options));
  const endpointAt = endpointsOf(options, handler, home);
  // Until the address is known, use the stricter choice.
  const policy = policyOf(options.hosts ?? "loopback", endpointAt);
  const context: OpeningContext<Data> = {
    options,
    policy,
    limits: {
      maxHeadSize: atLeast(options, "maxHeadSize", 64, 16 * 1024),
      maxHeaders: atLeast(options, "maxHeaders", 1, 100),
    },
    home,
    endpointAt,
    deadlines: new Deadlines(headTimeout),
    handshakes: new Roster(),
    retryAfter: undefined,
    notice: new RefusalNotice(),
    http: undefined,
  };
  const { http, fetch } = options;
  if (http !== undefined && fetch !== undefined) {
    throw new TypeError(
      "Cannot use options http and fetch together: give the one that your application has.",
    );
  }
  if (options.context !== undefined && http === undefined && fetch === undefined) {
    throw new TypeError("Cannot use option context without http or fetch: upgrade() has the request.");
  }
  if (http !== undefined || fetch !== undefined) {
    const host = unix === undefined ? bracketed(hostname) : "localhost";
    context.http = new HttpDoor({ ...options, headTimeout, host } as HttpDoorOptions, context);
  }
  if (tls !== undefined) await checkCertificates(tls);
  const { listen } = await adapter();
  const listener = await listen({
    ...(unix === undefined ? { hostname, port } : { path: unix }),
    ...(tls === undefined ? {} : { tls }),
    ...(options.backlog === undefined ? {} : { backlog: options.backlog }),
    reusePort: options.reusePort ?? false,
    highWaterMark: settings.sendHighWaterMark,
    accept(transport) {
      const handshake = new OpeningHandshake(transport, context);
      transport.attach(handshake);
      handshake.enter();
    },
    error: (error) => reportError(options.error, error),
  });
  // A page can reach a loopback address through a domain name (DNS rebinding), which the Host header reveals.
  if (options.hosts === undefined) {
    const local = unix === undefined && isLoopbackHost(written(listener.hostname));
    policy.hosts = local ? "loopback" : "any";
  }
  const server = new ListeningServer(listener, context, urlOf(listener, unix, tls !== undefined), signal);
  if (signal?.aborted) {
    await server.shutdown({ deadline: 0 });
    signal.throwIfAborted();
  }
  return server;
}

class ListeningServer<Data> implements Server<Data> {
  readonly url: string;
  readonly hostname: string;
  readonly port: number;
  readonly #listener: Listener;
  readonly #context: OpeningContext<Data>;
  readonly #signal: AbortSignal | undefined;
  readonly #onAbort = (): void => void this.shutdown();
  #shutdown: Promise<void> | undefined;
  #renewed: Promise<void> = Promise.resolve();

  constructor(
    listener: Listener,
    context: OpeningContext<Data>,
    url: string,
    signal: AbortSignal | undefined,
  ) {
    this.#signal = signal;
    signal?.addEventListener("abort", this.#onAbort, { once: true });
    this.url = url;
    this.hostname = listener.hostname;
    this.port = listener.port;
    this.#listener = listener;
    this.#context = context;
  }

  get connections(): ReadonlySet<Connection<Data>> {
    return this.#context.home.connections.set;
  }

  get limitsReached(): LimitCounts {
    return this.#context.home.limits.counts;
  }

  renew(given: TlsServerOptions): Promise<void> {
    // In their order: a withdrawn authority must not come back because its certificates were checked longer.
    const next = this.#renewed.then(() => this.#renew(given));
    this.#renewed = next.catch(() => {});
    return next;
  }

  async #renew(given: TlsServerOptions): Promise<void> {
    if (!this.url.startsWith("wss:")) {
      throw new TypeError(
        "Cannot renew the certificate of a server without TLS: give serve() the option tls.",
      );
    }
    const tls = certificate(given, "tls");
    await checkCertificates(tls);
    if (this.#shutdown !== undefined) return;
    try {
      await this.#listener.renew(tls);
    } catch (error) {
      reportError(this.#context.options.error, error);
      throw error;
    }
  }

  shutdown(options: ShutdownOptions = {}): Promise<void> {
    this.#signal?.removeEventListener("abort", this.#onAbort);
    return this.#shutdown ??= shutDown(this.#context, options, () => this.#listener.close());
  }

  publish(topic: string, data: Sendable, options?: PublishOptions): Publication {
    return this.#context.home.topics.publish(topic, data, options);
  }

  subscriberCount(topic: string): number {
    return this.#context.home.topics.subscriberCount(topic);
  }

  get dropped(): number {
    return this.#context.home.topics.dropped;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.shutdown();
  }
}

/** A host as URLs spell it: one spelling per address, such as `127.0.0.1` for `127.1`. */
function written(hostname: string): string {
  const host = bracketed(hostname);
  return URL.canParse(`http://${host}`) ? new URL(`http://${host}`).hostname : host;
}

/** An IPv6 address as it appears in a URL. */
function bracketed(hostname: string): string {
  return hostname.includes(":") && !hostname.startsWith("[") ? `[${hostname}]` : hostname;
}

function urlOf({ hostname, port }: Listener, unix: string | undefined, encrypted: boolean): string {
  if (unix !== undefined) return `ws+unix:${unix}`;
  const everywhere = hostname === "0.0.0.0" || hostname === "::";
  return `${encrypted ? "wss" : "ws"}://${everywhere ? "localhost" : bracketed(hostname)}:${port}/`;
}
