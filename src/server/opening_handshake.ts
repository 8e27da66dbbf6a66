/**
 * One opening handshake on one stream of a server: from the first byte to the connection, or to the response that
 * refuses.
 *
 * @module
 */
import { acceptCompression } from "../compression/options.ts";
import { startConnection } from "../connection/connection.ts";
import type { Deadline, Deadlines, Due } from "./deadlines.ts";
import { reportError } from "../support/error_hook.ts";
import type { ApplicationHttp } from "./application_http.ts";
import type { Authority } from "../http/authority.ts";
import type { HeadLimits, RequestHead } from "../http/head.ts";
import { concat, NOTHING } from "../protocol/bytes.ts";
import { latin1Bytes, type ResponseMessage } from "../http/response.ts";
import { type Refusal, refuse } from "../handshake/refusal.ts";
import {
  type Judgement,
  type JudgementPolicy,
  type OpeningRequest,
  pathOf,
  type PlainJudgement,
  ServerHandshake,
} from "../handshake/server_handshake.ts";
import { refusalResponse } from "../handshake/server_response.ts";
import { type Answering, answeringHttp1 } from "./answering.ts";
import type { Endpoint, FindEndpoint, Found } from "./endpoints.ts";
import type { Home } from "./home.ts";
import { type LimitName, limitOf } from "../connection/limits.ts";
import { type Accepted, decide, decideAtOnce, type Refused } from "./decision.ts";
import { closeLingering } from "../transport/lingering_close.ts";
import type { HandshakeReport, OpeningOptions } from "./options.ts";
import { Reading } from "../connection/reading.ts";
import type { RefusalNotice } from "./refusal_notice.ts";
import type { Roster } from "../support/roster.ts";
import type { Transport, TransportHandler } from "../transport/transport.ts";
import { headerLines } from "../options/header_lines.ts";
import { hostOf, webRequest } from "./web_request.ts";
import { wholeResponse } from "./web_response.ts";

/** What the handshakes of one server share. */
export interface OpeningContext<Data> {
  readonly options: Pick<OpeningOptions<Data>, "accepted" | "refused" | "error">;
  /** How requests are judged. */
  readonly policy: JudgementPolicy;
  readonly limits: HeadLimits;
  /** The deadlines of the handshakes. */
  readonly deadlines: Deadlines;
  /** Finds what a handshake is for. */
  readonly endpointAt: FindEndpoint<Data>;
  /** Handshakes in progress. */
  readonly handshakes: Roster<OpeningHandshake<Data>>;
  /** What all connections share. */
  readonly home: Home<Data>;
  /** What gets everything that is no WebSocket of ours; without it such requests are refused. */
  http: ApplicationHttp | undefined;
  /** Seconds after which refused peers may retry, once the server is shutting down. */
  retryAfter: number | undefined;
  /** Reports refusals that nobody else would see. */
  readonly notice: RefusalNotice;
}

/** What the application's own code knows of a request, never the client. */
export interface Known {
  /** The context. */
  readonly context?: unknown;
  /** Asks the application for the context. */
  readonly ask?: () => unknown;
}

const NOTHING_KNOWN: Known = {};

/** Bytes of frames that may arrive before the handshake is answered. */
const MAX_EARLY_SIZE = 16 * 1024;

/** An opening handshake in progress. */
export class OpeningHandshake<Data> implements TransportHandler, Due {
  readonly #transport: Transport;
  readonly #context: OpeningContext<Data>;
  readonly #handshake: ServerHandshake;
  readonly #place: number;
  readonly #deadline: Deadline;
  readonly #known: Known;
  readonly #answering: Answering;
  #stage: "reading" | "deciding" | "answered" | "gone" = "reading";
  #early: Uint8Array = NOTHING;
  #head: RequestHead | undefined;
  // Created when too many early bytes arrive.
  #reading: Reading | undefined;
  #stopLingering: (() => void) | undefined;
  #controller: AbortController | undefined;

  /** Waits for a request on this transport, or for {@linkcode judged}. */
  constructor(
    transport: Transport,
    context: OpeningContext<Data>,
    known: Known = NOTHING_KNOWN,
    answering: Answering = answeringHttp1,
  ) {
    this.#transport = transport;
    this.#context = context;
    this.#known = known;
    this.#answering = answering;
    this.#handshake = new ServerHandshake(context.limits, context.policy);
    this.#place = context.handshakes.add(this);
    this.#deadline = context.deadlines.begin(this);
  }

  /** Returns whether there is room for one more connection; if not, it was refused. Call once, after `attach()`. */
  enter(): boolean {
    const { handshakes, home, http } = this.#context;
    const address = this.#transport.remoteAddress;
    const rejection = home.admission.enter(
      address,
      handshakes.size + home.connections.size + (http?.size ?? 0),
    );
    if (rejection === undefined) return true;
    if (rejection.dropped) {
      this.#tellLimit(rejection.refusal);
      this.abort();
    } else this.#refuse(rejection.refusal);
    return false;
  }

  /** The server shuts down: an upgrade is refused, unless its request has not begun to arrive. */
  refuseToOpen(): void {
    const opens = this.#stage === "reading" ? this.#handshake.begun : this.#controller !== undefined;
    if (opens) this.#refuseShutDown();
  }

  /** Drops the stream of a peer that has not sent a request. */
  abortUnlessAsked(): void {
    if (this.#stage === "reading") this.abort();
  }

  /** Drops the stream. */
  abort(): void {
    this.#transport.abort();
  }

  data(chunk: Uint8Array): void {
    if (this.#stage === "reading") {
      const result = this.#read(chunk);
      if (result === undefined) return;
      this.judged(result.judgement, result.end < chunk.length ? chunk.subarray(result.end) : NOTHING);
    } else if (this.#stage === "deciding") {
      this.#keep(chunk);
    }
  }

  drain(): void {}

  end(): void {
    // A peer that leaves before it has sent a request, or before it was answered as a WebSocket, is not waited for.
    if (this.#stage === "reading" || (this.#stage === "deciding" && this.#controller !== undefined)) {
      this.abort();
    }
  }

  close(): void {
    this.#leave();
    this.#context.home.admission.leave(this.#transport.remoteAddress);
    this.#stopLingering?.();
    this.#controller?.abort();
  }

  #read(chunk: Uint8Array): ReturnType<ServerHandshake["receive"]> {
    try {
      return this.#handshake.receive(chunk);
    } catch (error) {
      this.#failed(error);
      return undefined;
    }
  }

  /** An exception while handling a peer's bytes ends that stream and nothing else. */
  #failed(error: unknown): void {
    this.#reportError(error);
    if (this.#stage === "gone") this.abort();
    else this.#refuse(refuse("upgrade-failed"));
  }

  /** The request was read; `early`, borrowed, are the bytes after it. */
  judged(judgement: Judgement, early: Uint8Array): void {
    try {
      this.#answer(judgement, early);
    } catch (error) {
      this.#failed(error);
    }
  }

  #answer(judgement: Judgement, early: Uint8Array): void {
    if (judgement.kind === "refused") {
      this.#head = judgement.head;
      this.#refuse(judgement.refusal);
      return;
    }
    const { head, authority } = judgement.kind === "opening" ? judgement.request : judgement;
    this.#head = head;
    const { http } = this.#context;
    if (!fitsUrl(authority)) this.#refuse(refuse("host-invalid"));
    else if (judgement.kind === "opening" && !(http?.readsHandshakes && this.#known === NOTHING_KNOWN)) {
      this.#opening(judgement.request, early);
    } else if (http !== undefined) this.#handOver(http, head, early);
    else if (judgement.kind === "plain") this.#plain(judgement);
    else this.#refuse(refuse("path-not-found"));
  }

  #opening(request: OpeningRequest, early: Uint8Array): void {
    const found = this.#context.endpointAt(pathOf(request.resourceName))!;
    const { ask, context } = this.#known;
    const decision = ask === undefined
      ? decideAtOnce(found.endpoint.options, request.protocols, context)
      : undefined;
    if (decision !== undefined) return this.#carryOut(request, found.endpoint, decision, early);
    this.#stage = "deciding";
    this.#keep(early);
    this.#controller = new AbortController();
    void this.#decide(request, found, this.#controller.signal);
  }

  async #decide(
    request: OpeningRequest,
    { endpoint, params }: Found<Data>,
    signal: AbortSignal,
  ): Promise<void> {
    try {
      const { encrypted, remoteAddress, clientCertificate } = this.#transport;
      const { resourceName } = request;
      const { ask, context } = this.#known;
      const host = hostOf(request.authority);
      const decision = await decide(
        endpoint.options,
        request.protocols,
        // RFC 6455, section 4.2.1: "An HTTP/1.1 or higher GET request". Web requests cannot have CONNECT.
        webRequest({ method: "GET", headers: request.head.headers }, {
          host,
          resourceName,
          encrypted,
          remoteAddress,
          clientCertificate,
          params,
          signal,
        }),
        ask === undefined ? context : await ask(),
      );
      if (decision.kind === "respond") {
        const refusal = refuse("refused-by-application", { status: decision.response.status });
        this.#respond(await wholeResponse(decision.response, new Date()), refusal);
      } else if (this.#stage === "deciding") {
        this.#carryOut(request, endpoint, decision, this.#early);
      }
    } catch (error) {
      this.#failed(error);
    }
  }

  #carryOut(
    request: OpeningRequest,
    endpoint: Endpoint<Data>,
    decision: Accepted<Data> | Refused,
    early: Uint8Array,
  ): void {
    if (this.#context.retryAfter !== undefined) this.#refuseShutDown();
    else if (decision.kind === "refuse") this.#refuse(decision.refusal);
    else this.#accept(request, endpoint, decision, early);
  }

  #accept(
    request: OpeningRequest,
    { home, handler }: Endpoint<Data>,
    { result, protocol, data }: Accepted<Data>,
    early: Uint8Array,
  ): void {
    const { compression } = home.settings;
    let agreed = compression && acceptCompression(request.extensions, compression);
    if (agreed !== undefined && !home.hasRoomFor(agreed.deflate)) {
      agreed = undefined;
      this.#limitReached(
        "compression.memoryBudget",
        "The memory budget is used up: this connection is not compressed.",
      );
    }
    const acceptance = { protocol, extensions: agreed?.answer, headers: headerLines(result?.headers) };
    const response = this.#answering.accept(this.#transport, request, acceptance);
    this.#leave();
    startConnection(
      {
        home,
        transport: this.#transport,
        reading: this.#reading,
        protocol: protocol ?? "",
        extensions: agreed?.answer ?? "",
        compression: agreed?.deflate,
        data: data as Data,
        request: request.head.text,
      },
      handler,
      early,
    );
    this.#reading?.release("early bytes");
    // The connection already exists, so that a hook that shuts the server down closes this one too.
    this.#context.options.accepted?.(this.#report(response));
  }

  /** The handshake is over, with or without a connection. */
  #leave(): void {
    if (this.#stage === "gone") return;
    this.#stage = "gone";
    this.#context.deadlines.end(this.#deadline);
    this.#context.handshakes.remove(this, this.#place);
  }

  /** The application's HTTP server reads the request, from its first byte. */
  #handOver(http: ApplicationHttp, { text }: RequestHead, early: Uint8Array): void {
    this.#leave();
    const head = latin1Bytes(text);
    http.take(this.#transport, concat([head, early], head.length + early.length));
  }

  #plain({ head, hasBody }: PlainJudgement): void {
    const code = head.method !== "GET" && head.method !== "HEAD"
      ? "method-not-allowed"
      : hasBody
      ? "body-not-allowed"
      : "not-a-websocket-request";
    this.#refuse(refuse(code));
  }

  expired(): void {
    if (this.#stage === "reading" && !this.#handshake.begun) {
      this.#limitReached("handshakeTimeout", "Nothing was sent in time.");
      this.abort();
    } else if (this.#stage === "reading") this.#refuse(refuse("handshake-timeout"));
    else this.#refuse(refuse("server-busy"));
  }

  #refuseShutDown(): void {
    this.#refuse(refuse("server-shutting-down", { retryAfter: this.#context.retryAfter! }));
  }

  #refuse(refusal: Refusal): void {
    this.#respond(refusalResponse(refusal, this.#head, new Date()), refusal);
  }

  /** The only response that is not an acceptance, followed by the end of the connection. */
  #respond(response: ResponseMessage, refusal: Refusal): void {
    if (this.#stage === "answered" || this.#stage === "gone") return;
    const ready = this.#answering.ready(response);
    this.#stage = "answered";
    this.#tellLimit(refusal);
    const { refused } = this.#context.options;
    if (refused === undefined) this.#context.notice.tell(refusal, this.#head);
    else refused(refusal, this.#report(ready.text()));
    this.#context.deadlines.end(this.#deadline);
    ready.send(this.#transport);
    this.#stopLingering = closeLingering(this.#transport);
    this.#reading?.discard();
  }

  #tellLimit({ code, message }: Refusal): void {
    const limit = limitOf(code);
    if (limit !== undefined) this.#limitReached(limit, message);
  }

  #keep(bytes: Uint8Array): void {
    this.#early = concat([this.#early, bytes], this.#early.length + bytes.length);
    // Reading continues, so that a peer that leaves is noticed, but only up to this size.
    if (this.#early.length > MAX_EARLY_SIZE) {
      (this.#reading ??= new Reading(this.#transport)).hold("early bytes");
    }
  }

  #limitReached(limit: LimitName, message: string): void {
    this.#context.home.limits.reached(limit, this.#transport.remoteAddress, undefined, () => message);
  }

  #report(response: string): HandshakeReport {
    return { remoteAddress: this.#transport.remoteAddress, request: this.#head, response };
  }

  #reportError(error: unknown): void {
    reportError(this.#context.options.error, error);
  }
}

// Most requests have the same host as the one before.
let lastHost = "";

/** Whether the host fits a URL: not every name allowed by RFC 9112 does. */
export function fitsUrl(authority: Authority | undefined): boolean {
  if (authority === undefined || authority.host === lastHost) return true;
  if (!URL.canParse(`http://${authority.host}/`)) return false;
  lastHost = authority.host;
  return true;
}
