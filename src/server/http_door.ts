/**
 * The door to the application's HTTP server: what is no WebSocket of ours goes out by it, and upgrades on its
 * connections come back. `node:http` is loaded when the first request needs it.
 *
 * @module
 */
import type { IncomingMessage, Server as HttpServer } from "node:http";
import { reportError } from "../support/error_hook.ts";
import { concat, NOTHING } from "../protocol/bytes.ts";
import { refuse } from "../handshake/refusal.ts";
import { readTarget } from "../handshake/request_target.ts";
import type { Judgement } from "../handshake/server_handshake.ts";
import { parseAuthority } from "../http/authority.ts";
import type { HandOver, HttpRules, RequestListener } from "../node_http/hand_over.ts";
import type { HttpConnection } from "../node_http/http_connection.ts";
import type { Transport } from "../transport/transport.ts";
import type { ApplicationHttp } from "./application_http.ts";
import { headOf, judgementOf } from "./node_request.ts";
import { fitsUrl, type Known, type OpeningContext, OpeningHandshake } from "./opening_handshake.ts";
import { type HandshakeRequest, hostOf, webRequest } from "./web_request.ts";

/** The application, and what it is asked. */
export interface HttpDoorOptions {
  /** A request listener or server of `node:http`. */
  readonly http?: RequestListener | HttpServer | undefined;
  /** A `fetch` handler, if there is no `http`. */
  fetch?(request: HandshakeRequest): Response | Promise<Response>;
  /** Gives the context of a handshake. */
  context?(request: IncomingMessage): unknown;
  /** Milliseconds for a request head. */
  readonly headTimeout: number;
  /** Replaces the host of an HTTP/1.0 request without one. */
  readonly host: string;
}

/** The application's HTTP server. */
export class HttpDoor<Data> implements ApplicationHttp, HttpRules {
  /** See {@linkcode ApplicationHttp.readsHandshakes}. */
  readonly readsHandshakes: boolean;
  /** See {@linkcode HttpRules.headTimeout}. */
  readonly headTimeout: number;
  readonly #options: HttpDoorOptions;
  readonly #context: OpeningContext<Data>;
  #handOver: HandOver | undefined;
  #loading: Promise<HandOver> | undefined;
  // Transports that wait for node:http to be loaded.
  readonly #waiting: Set<Transport> = new Set();
  #closing = false;
  #lastHost: string | undefined;

  /** Connections come from, and return to, this server. */
  constructor(options: HttpDoorOptions, context: OpeningContext<Data>) {
    this.#options = options;
    this.#context = context;
    this.headTimeout = options.headTimeout;
    this.readsHandshakes = options.context !== undefined;
  }

  /** See {@linkcode HttpRules.headLimits}. */
  get headLimits(): HttpRules["headLimits"] {
    return this.#context.limits;
  }

  /** See {@linkcode ApplicationHttp.size}. */
  get size(): number {
    return this.#waiting.size + (this.#handOver?.connections.size ?? 0);
  }

  /** See {@linkcode ApplicationHttp.take}. */
  take(transport: Transport, bytes: Uint8Array): void {
    if (this.#handOver !== undefined) this.#handOver.take(transport, bytes, false);
    else this.#wait(transport, bytes);
  }

  /** See {@linkcode ApplicationHttp.close}. */
  close(): void {
    this.#closing = true;
    this.#handOver?.close();
  }

  /** See {@linkcode ApplicationHttp.abort}. */
  abort(): void {
    for (const transport of this.#waiting) transport.abort();
    this.#handOver?.abort();
  }

  /** See {@linkcode ApplicationHttp.empty}. */
  async empty(): Promise<void> {
    await this.#loading?.catch(() => {});
    await this.#handOver?.connections.empty();
  }

  /** See {@linkcode HttpRules.refuses}. The head reader of the server has judged the first request of a connection. */
  refuses(request: IncomingMessage): boolean {
    const { host } = request.headers;
    if (request.rawHeaders.length > 2 * this.#context.limits.maxHeaders) return true;
    if (host !== undefined && host === this.#lastHost && isSimple(request)) return false;
    const judgement = judgementOf(request, this.#context.policy);
    if (judgement.kind === "refused") return true;
    if (judgement.kind !== "plain") return false;
    if (!fitsUrl(judgement.authority)) return true;
    if (host !== undefined && isSimple(request)) this.#lastHost = host;
    return false;
  }

  /** See {@linkcode HttpRules.refuse}. */
  refuse(request: IncomingMessage, connection: HttpConnection): void {
    const { limits, policy } = this.#context;
    const judgement: Judgement = request.rawHeaders.length > 2 * limits.maxHeaders
      ? { kind: "refused", refusal: refuse("headers-too-many"), head: headOf(request) }
      : judgementOf(request, policy);
    this.#takeBack(connection, judgement);
  }

  /** See {@linkcode HttpRules.upgrade}. */
  upgrade(request: IncomingMessage, connection: HttpConnection, early: Uint8Array): boolean {
    const judgement = judgementOf(request, this.#context.policy);
    if (judgement.kind === "plain" || judgement.kind === "elsewhere") return false;
    const { context } = this.#options;
    this.#takeBack(
      connection,
      judgement,
      early,
      context === undefined ? {} : { ask: () => context(request) },
    );
    return true;
  }

  /** See {@linkcode HttpRules.unclaimed}. */
  unclaimed(request: IncomingMessage, connection: HttpConnection): void {
    const refusal = refuse("path-not-found");
    this.#takeBack(connection, { kind: "refused", refusal, head: headOf(request) });
  }

  /** See {@linkcode HttpRules.timedOut}. */
  timedOut(connection: HttpConnection, what: "head" | "body"): void {
    const refusal = refuse(what === "head" ? "handshake-timeout" : "body-timeout");
    this.#takeBack(connection, { kind: "refused", refusal, head: undefined });
  }

  /** See {@linkcode HttpRules.closed}. */
  closed(address: string): void {
    this.#context.home.admission.leave(address);
  }

  #takeBack(
    connection: HttpConnection,
    judgement: Judgement,
    early: Uint8Array = NOTHING,
    known: Known = {},
  ): void {
    const { transport, rest, ended } = this.#handOver!.release(connection);
    const handshake = new OpeningHandshake(transport, this.#context, known);
    transport.attach(handshake);
    // As with a peer that ends its side while upgrade() decides.
    if (ended && judgement.kind === "opening") handshake.abort();
    else handshake.judged(judgement, concat([early, rest], early.length + rest.length));
  }

  /** Holds a transport until `node:http` is there. */
  #wait(transport: Transport, bytes: Uint8Array): void {
    const early = [bytes];
    let ended = false;
    this.#waiting.add(transport);
    transport.pause();
    transport.attach({
      data: (chunk) => void early.push(new Uint8Array(chunk)),
      drain() {},
      end: () => void (ended = true),
      close: () => {
        this.#waiting.delete(transport);
        this.#context.home.admission.leave(transport.remoteAddress);
      },
    });
    this.#load().then((handOver) => {
      if (!this.#waiting.delete(transport)) return;
      handOver.take(transport, concat(early, early.reduce((sum, each) => sum + each.length, 0)), ended);
    }).catch((error: unknown) => {
      reportError(this.#context.options.error, error);
      transport.abort();
    });
  }

  #load(): Promise<HandOver> {
    return this.#loading ??= (async () => {
      const [{ HandOver }, { fetchListener }] = await Promise.all([
        import("../node_http/hand_over.ts"),
        import("../node_http/fetch_listener.ts"),
      ]);
      const { http, fetch } = this.#options;
      const handOver = new HandOver(
        http ?? fetchListener({
          requestOf: (request, init) => this.#requestOf(request, init),
          fetch: (request) => fetch!(request as HandshakeRequest),
          failed: (error) => reportError(this.#context.options.error, error),
        }),
        this,
      );
      if (this.#closing) handOver.close();
      return this.#handOver = handOver;
    })();
  }

  #requestOf(
    request: IncomingMessage,
    init: { readonly body: ReadableStream<Uint8Array> | undefined; signalOf(): AbortSignal },
  ): HandshakeRequest {
    const head = headOf(request);
    const target = readTarget(head.target, head.method)!;
    const authority = target.authority ?? parseAuthority(head.headers.get("host") ?? "");
    const { remoteAddress, encrypted, clientCertificate } = request.socket as unknown as HttpConnection;
    return webRequest(head, {
      host: authority === undefined ? this.#options.host : hostOf(authority),
      resourceName: target.resourceName,
      encrypted,
      remoteAddress: remoteAddress ?? "",
      clientCertificate,
      ...init,
    });
  }
}

/** Whether no rule but the one about hosts concerns a request. */
function isSimple({ url, httpVersion, headers, rawHeaders }: IncomingMessage): boolean {
  return httpVersion === "1.1" && url?.startsWith("/") === true && headers.upgrade === undefined &&
    !url.includes("#") && headers["content-length"] === undefined &&
    headers["transfer-encoding"] === undefined && headers["sec-websocket-key"] === undefined &&
    headers["sec-websocket-version"] === undefined &&
    hasOneHost(rawHeaders);
}

function hasOneHost(rawHeaders: readonly string[]): boolean {
  let hosts = 0;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!;
    if (name.length === 4 && name.toLowerCase() === "host") hosts++;
  }
  return hosts === 1;
}
