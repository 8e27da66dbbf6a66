/**
 * One opening handshake on one stream of a server: from the first byte to the connection, or to the response that
 * refuses.
 *
 * @module
 */
import { acceptCompression } from "../compression/options.ts";
import { type ConnectionHandler, startConnection } from "../connection/connection.ts";
import type { Deadline, Deadlines, Due } from "./deadlines.ts";
import { reportError } from "../support/error_hook.ts";
import type { Authority } from "../http/authority.ts";
import { type HeadLimits, latin1Text, type RequestHead } from "../http/head.ts";
import { concat, NOTHING } from "../protocol/bytes.ts";
import { latin1Bytes } from "../http/response.ts";
import { type Refusal, refuse } from "../handshake/refusal.ts";
import {
  type Judgement,
  type OpeningRequest,
  type PlainJudgement,
  ServerHandshake,
} from "../handshake/server_handshake.ts";
import { acceptanceText, refusalBytes } from "../handshake/server_response.ts";
import type { AdmissionPolicy } from "../handshake/admission_policy.ts";
import type { Home } from "./home.ts";
import { type LimitName, limitOf } from "../connection/limits.ts";
import { type Accepted, decide, decideAtOnce, type DecisionOptions, type Refused } from "./decision.ts";
import { closeLingering } from "./lingering_close.ts";
import type { HandshakeReport, OpeningOptions } from "./options.ts";
import { Reading } from "../connection/reading.ts";
import type { RefusalNotice } from "./refusal_notice.ts";
import type { Roster } from "../support/roster.ts";
import type { Transport, TransportHandler } from "../transport/transport.ts";
import { headerLines } from "../options/header_lines.ts";
import { type HandshakeRequest, hostOf, webRequest } from "./web_request.ts";
import { responseBytes } from "./web_response.ts";

/** What the handshakes of one server share. */
export interface OpeningContext<Data> {
  readonly options: Omit<OpeningOptions<Data>, "protocols" | "hosts"> & DecisionOptions<Data> & {
    hosts?: NonNullable<AdmissionPolicy["hosts"]>;
    fetch?(request: HandshakeRequest): Response | Promise<Response>;
  };
  readonly limits: HeadLimits;
  /** The deadlines of the handshakes. */
  readonly deadlines: Deadlines;
  readonly handler: ConnectionHandler<Data>;
  /** Handshakes in progress. */
  readonly handshakes: Roster<OpeningHandshake<Data>>;
  /** What the connections share. */
  readonly home: Home<Data>;
  /** Seconds after which refused peers may retry, once the server is shutting down. */
  retryAfter: number | undefined;
  /** Reports refusals that nobody else would see. */
  readonly notice: RefusalNotice;
  /** Replaces the host of an HTTP/1.0 request without one. */
  readonly host: string;
}

/** Bytes of frames that may arrive before the handshake is answered. */
const MAX_EARLY_SIZE = 16 * 1024;

/** An opening handshake in progress. */
export class OpeningHandshake<Data> implements TransportHandler, Due {
  readonly #transport: Transport;
  readonly #context: OpeningContext<Data>;
  readonly #handshake: ServerHandshake;
  readonly #place: number;
  readonly #deadline: Deadline;
  #stage: "reading" | "deciding" | "answered" | "gone" = "reading";
  #early: Uint8Array = NOTHING;
  #head: RequestHead | undefined;
  // Created when too many early bytes arrive.
  #reading: Reading | undefined;
  #stopLingering: (() => void) | undefined;
  #controller: AbortController | undefined;

  /** Waits for a request on this transport. */
  constructor(transport: Transport, context: OpeningContext<Data>) {
    this.#transport = transport;
    this.#context = context;
    this.#handshake = new ServerHandshake(context.limits, context.options);
    this.#place = context.handshakes.add(this);
    this.#deadline = context.deadlines.begin(this);
  }

  /** Returns whether there is room for one more connection; if not, it was refused. Call once, after `attach()`. */
  enter(): boolean {
    const { handshakes, home } = this.#context;
    const address = this.#transport.remoteAddress;
    const rejection = home.admission.enter(address, handshakes.size + home.connections.size);
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
    } else if (!fitsUrl(judgement.kind === "plain" ? judgement.authority : judgement.request.authority)) {
      this.#head = judgement.kind === "plain" ? judgement.head : judgement.request.head;
      this.#refuse(refuse("host-invalid"));
    } else if (judgement.kind === "plain") {
      this.#head = judgement.head;
      this.#plain(judgement);
    } else {
      this.#head = judgement.request.head;
      this.#opening(judgement.request, early);
    }
  }

  #opening(request: OpeningRequest, early: Uint8Array): void {
    const { path } = this.#context.options;
    if (path !== undefined && request.resourceName.split("?", 1)[0] !== path) {
      return this.#refuse(refuse("path-not-found"));
    }
    const decision = decideAtOnce(this.#context.options, request.protocols);
    if (decision !== undefined) return this.#carryOut(request, decision, early);
    this.#stage = "deciding";
    this.#keep(early);
    this.#controller = new AbortController();
    void this.#decide(request, this.#controller.signal);
  }

  async #decide(request: OpeningRequest, signal: AbortSignal): Promise<void> {
    try {
      const host = hostOf(request.authority);
      const webRequest = this.#webRequest(request.head, request.resourceName, host, signal);
      const decision = await decide(this.#context.options, request.protocols, webRequest);
      if (decision.kind === "respond") {
        const refusal = refuse("refused-by-application", { status: decision.response.status });
        this.#respond(await responseBytes(decision.response, "GET", new Date()), refusal);
      } else if (this.#stage === "deciding") {
        this.#carryOut(request, decision, this.#early);
      }
    } catch (error) {
      this.#failed(error);
    }
  }

  #carryOut(
    request: OpeningRequest,
    decision: Accepted<Data> | Refused,
    early: Uint8Array,
  ): void {
    if (this.#context.retryAfter !== undefined) this.#refuseShutDown();
    else if (decision.kind === "refuse") this.#refuse(decision.refusal);
    else this.#accept(request, decision, early);
  }

  #accept(request: OpeningRequest, { result, protocol }: Accepted<Data>, early: Uint8Array): void {
    const { home: { settings: { compression } }, options } = this.#context;
    let agreed = compression && acceptCompression(request.extensions, compression);
    if (agreed !== undefined && !this.#context.home.hasRoomFor(agreed.deflate)) {
      agreed = undefined;
      this.#limitReached(
        "compression.memoryBudget",
        "The memory budget is used up: this connection is not compressed.",
      );
    }
    const acceptance = { protocol, extensions: agreed?.answer, headers: headerLines(result?.headers) };
    const response = acceptanceText(request, acceptance);
    this.#leave();
    this.#transport.write(latin1Bytes(response));
    startConnection(
      {
        home: this.#context.home,
        transport: this.#transport,
        reading: this.#reading,
        protocol: protocol ?? "",
        extensions: agreed?.answer ?? "",
        compression: agreed?.deflate,
        data: result?.data as Data,
        request: request.head.text,
      },
      this.#context.handler,
      early,
    );
    this.#reading?.release("early bytes");
    // The connection already exists, so that a hook that shuts the server down closes this one too.
    options.accepted?.(this.#report(response));
  }

  /** The handshake is over, with or without a connection. */
  #leave(): void {
    if (this.#stage === "gone") return;
    this.#stage = "gone";
    this.#context.deadlines.end(this.#deadline);
    this.#context.handshakes.remove(this, this.#place);
  }

  #plain({ head, authority, resourceName }: PlainJudgement): void {
    const { fetch } = this.#context.options;
    if (fetch === undefined) {
      return this.#refuse(
        refuse(
          head.method === "GET" || head.method === "HEAD" ? "not-a-websocket-request" : "method-not-allowed",
        ),
      );
    }
    if (head.method !== "GET" && head.method !== "HEAD") {
      return this.#refuse(refuse("method-not-allowed", { allow: "GET, HEAD" }));
    }
    this.#stage = "deciding";
    const host = authority === undefined ? this.#context.host : hostOf(authority);
    void (async () => {
      try {
        const response = await fetch(this.#webRequest(head, resourceName, host, undefined));
        this.#respond(await responseBytes(response, head.method, new Date()));
      } catch (error) {
        this.#failed(error);
      }
    })();
  }

  #webRequest(
    head: RequestHead,
    resourceName: string,
    host: string,
    signal: AbortSignal | undefined,
  ): HandshakeRequest {
    const { encrypted, remoteAddress } = this.#transport;
    return webRequest(head, {
      host,
      resourceName,
      encrypted,
      remoteAddress,
      ...(signal === undefined ? {} : { signal }),
    });
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
    this.#respond(refusalBytes(refusal, this.#head, new Date()), refusal);
  }

  /** The only response that is not an acceptance, followed by the end of the connection. */
  #respond(bytes: Uint8Array, refusal?: Refusal): void {
    if (this.#stage === "answered" || this.#stage === "gone") return;
    this.#stage = "answered";
    if (refusal !== undefined) this.#tellLimit(refusal);
    const { refused } = this.#context.options;
    if (refusal !== undefined && refused === undefined) this.#context.notice.tell(refusal, this.#head);
    else if (refusal !== undefined && refused !== undefined) {
      refused(refusal, this.#report(responseText(bytes)));
    }
    this.#context.deadlines.end(this.#deadline);
    this.#transport.write(bytes);
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
function fitsUrl(authority: Authority | undefined): boolean {
  if (authority === undefined || authority.host === lastHost) return true;
  if (!URL.canParse(`http://${authority.host}/`)) return false;
  lastHost = authority.host;
  return true;
}

/** The head of a response, one byte per character, and its body as UTF-8. */
function responseText(bytes: Uint8Array): string {
  const text = latin1Text(bytes, 0, bytes.length);
  const head = text.slice(0, text.indexOf("\r\n\r\n") + 4);
  return head + new TextDecoder().decode(bytes.subarray(head.length));
}
