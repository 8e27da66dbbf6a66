/**
 * The server's side of the opening handshake (RFC 6455, section 4.2): reads the request and judges it.
 *
 * @module
 */
import { type Authority, parseAuthority } from "../http/authority.ts";
import {
  type ExtensionOffer,
  isToken,
  listElements,
  listHolds,
  parseExtensions,
  toAsciiLowerCase,
} from "../http/header_fields.ts";
import { type HeadLimits, type RequestHead, RequestHeadReader } from "../http/head.ts";
import { isKey } from "./accept_key.ts";
import { type AdmissionPolicy, isHostAllowed, isOriginAllowed } from "./admission_policy.ts";
import { type Refusal, type RefusalCode, refuse } from "./refusal.ts";
import { readTarget } from "./request_target.ts";

/** A valid opening handshake request. */
export interface OpeningRequest {
  /** The request head. */
  readonly head: RequestHead;
  /** `Sec-WebSocket-Key`; `""` if there is none, as over HTTP/2. */
  readonly key: string;
  /** The requested host and port. */
  readonly authority: Authority;
  /** The path and query, whatever the form of the request target. */
  readonly resourceName: string;
  /** The subprotocols offered by the client, in its order of preference, without duplicates. */
  readonly protocols: readonly string[];
  /** The extensions offered by the client, in its order of preference. */
  readonly extensions: readonly ExtensionOffer[];
}

/** The request is a valid opening handshake. */
export interface OpeningJudgement {
  /** Distinguishes the four. */
  readonly kind: "opening";
  /** The request. */
  readonly request: OpeningRequest;
}

/** The request is ordinary, well-formed HTTP for an allowed host. */
export interface PlainJudgement {
  /** Distinguishes the four. */
  readonly kind: "plain";
  /** The request head. */
  readonly head: RequestHead;
  /** The requested host and port; HTTP/1.0 requests may have none. */
  readonly authority: Authority | undefined;
  /** The path and query; `*` for `OPTIONS *`. */
  readonly resourceName: string;
  /** Whether a body follows the head. */
  readonly hasBody: boolean;
}

/** The request is for a WebSocket on another path than those of ours; whether it is valid is not known. */
export interface ElsewhereJudgement {
  /** Distinguishes the four. */
  readonly kind: "elsewhere";
  /** The request head. */
  readonly head: RequestHead;
  /** The requested host and port, if there is one. */
  readonly authority: Authority | undefined;
  /** The path and query. */
  readonly resourceName: string;
}

/** The request breaks a rule. */
export interface RefusedJudgement {
  /** Distinguishes the four. */
  readonly kind: "refused";
  /** The broken rule and the response. */
  readonly refusal: Refusal;
  /** The request head, if it could be parsed. */
  readonly head: RequestHead | undefined;
}

/** The result of judging a request. */
export type Judgement = OpeningJudgement | PlainJudgement | ElsewhereJudgement | RefusedJudgement;

/** Which requests are accepted, and which are ours at all. */
export interface JudgementPolicy extends AdmissionPolicy {
  /**
   * The allowed page origins on a path; `undefined` if WebSockets there are not ours.
   *
   * @default `origins`, on every path
   */
  originsOn?(path: string): NonNullable<AdmissionPolicy["origins"]> | undefined;
}

/** Reads one request as it arrives and judges it. */
export class ServerHandshake {
  readonly #reader: RequestHeadReader;
  readonly #policy: JudgementPolicy;

  /** Waits for a request within these limits. */
  constructor(limits: HeadLimits, policy: JudgementPolicy = {}) {
    this.#reader = new RequestHeadReader(limits);
    this.#policy = policy;
  }

  /** Whether any byte has arrived. */
  get begun(): boolean {
    return this.#reader.size > 0;
  }

  /**
   * Reads a chunk. Returns the judgement once it is known: when the head is complete or invalid. `end` is the index in `chunk` at which the head ended:
   * what follows belongs to the WebSocket. Must not be called again after that.
   */
  receive(chunk: Uint8Array): { judgement: Judgement; end: number } | undefined {
    const end = this.#reader.receive(chunk);
    const { defect, head } = this.#reader;
    if (head !== undefined) return { judgement: judge(head, this.#policy), end };
    if (defect === undefined) return undefined;
    return { judgement: { kind: "refused", refusal: refuse(defect), head: undefined }, end: chunk.length };
  }
}

/** See {@linkcode originsAt}. */
export const NOT_OURS: unique symbol = Symbol("not ours");

/** The allowed origins on a path, or that WebSockets there are not ours. */
export function originsAt(
  path: string,
  policy: JudgementPolicy,
): AdmissionPolicy["origins"] | typeof NOT_OURS {
  return policy.originsOn === undefined ? policy.origins : policy.originsOn(path) ?? NOT_OURS;
}

/**
 * Whether a URL has another path than it says: what is decided by the one must not be for the other. RFC 3986, section
 * 5.2.4, removes dot segments; URLs of the WHATWG also take `\` for `/`.
 */
export function isNotAsItSays(path: string): boolean {
  return path.includes("\\") || /\/(?:\.|%2e){1,2}(?:\/|$)/i.test(path);
}

/** The path of a resource name, without its query. */
export function pathOf(resourceName: string): string {
  return resourceName.split("?", 1)[0]!;
}

/** Judges a request whose head has been parsed, by us or by another HTTP server. */
export function judge(head: RequestHead, policy: JudgementPolicy = {}): Judgement {
  const refused = (code: RefusalCode): Judgement => ({ kind: "refused", refusal: refuse(code), head });
  const { headers } = head;

  const target = readTarget(head.target, head.method);
  if (target === undefined) return refused("request-target-invalid");

  // RFC 9112, section 3.2: "A server MUST respond with a 400 (Bad Request) status code to any HTTP/1.1 request message
  // that lacks a Host header field and to any request message that contains more than one Host header field line or a
  // Host header field with an invalid field value."
  const hostLines = headers.count("host");
  if (hostLines > 1) return refused("host-repeated");
  const host = headers.get("host");
  const hostAuthority = host === undefined ? undefined : parseAuthority(host);
  // RFC 9112, section 3.2.2: "When an origin server receives a request with an absolute-form of request-target, the
  // origin server MUST ignore the received Host header field (if any)". An empty one is valid, but names no host.
  const hostNeeded = host !== "" || target.authority === undefined;
  if (host !== undefined && hostAuthority === undefined && hostNeeded) return refused("host-invalid");
  if (host === undefined && head.minorVersion >= 1) return refused("host-missing");
  const authority = target.authority ?? hostAuthority;
  if (authority !== undefined && !isHostAllowed(authority, policy)) return refused("host-not-allowed");

  const defect = bodyDefect(head);
  if (defect !== undefined) return refused(defect);
  const hasBody = announcesBody(head);

  const { resourceName } = target;
  const asksForWebSocket = listHolds(headers.get("upgrade"), "websocket");
  const otherwiseWebSocket = headers.count("sec-websocket-key") > 0 ||
    headers.count("sec-websocket-version") > 0;
  if (!asksForWebSocket && !otherwiseWebSocket) {
    return { kind: "plain", head, authority, resourceName, hasBody };
  }
  const path = pathOf(resourceName);
  if (isNotAsItSays(path)) return refused("request-target-invalid");
  const origins = originsAt(path, policy);
  if (origins === NOT_OURS) return { kind: "elsewhere", head, authority, resourceName };

  // RFC 9110, section 7.8: the switch of protocols takes effect after the request, including its body. What a proxy
  // counts as body must never be read as frames here.
  if (hasBody && mayNotHaveBody(head)) return refused("body-not-allowed");

  // RFC 6455, section 4.2.1: "An HTTP/1.1 or higher GET request".
  if (head.method !== "GET") return refused("method-not-allowed");
  // RFC 9110, section 7.8: "A server MUST ignore an Upgrade header field that is received in an HTTP/1.0 request."
  if (head.minorVersion < 1 || authority === undefined) return refused("http-version-unsupported");
  if (!asksForWebSocket) return refused("upgrade-missing");
  if (!listHolds(headers.get("connection"), "upgrade")) return refused("connection-missing");

  const version = headers.get("sec-websocket-version");
  if (version === undefined) return refused("version-missing");
  if (version !== "13") return refused("version-unsupported");

  const key = headers.get("sec-websocket-key");
  if (key === undefined) return refused("key-missing");
  // RFC 6455, section 11.3.1: "The |Sec-WebSocket-Key| header field MUST NOT appear more than once in an HTTP request."
  if (headers.count("sec-websocket-key") > 1) return refused("key-repeated");
  if (!isKey(key)) return refused("key-invalid");
  return judgeOffer({ head, key, authority, resourceName }, origins);
}

/** An opening handshake whose origin, subprotocols and extensions have not been judged. */
export type Offer = Omit<OpeningRequest, "protocols" | "extensions">;

/** Judges what is the same with every version of HTTP: the origin, the subprotocols and the extensions. */
export function judgeOffer(offer: Offer, origins: AdmissionPolicy["origins"]): Judgement {
  const { head, authority } = offer;
  const { headers } = head;
  const refused = (code: RefusalCode): Judgement => ({ kind: "refused", refusal: refuse(code), head });
  if (headers.count("origin") > 1) return refused("origin-repeated");
  const origin = headers.get("origin");
  if (origin !== undefined && !isOriginAllowed(origin, authority, origins)) {
    return refused("origin-not-allowed");
  }

  const offered = listElements(headers.get("sec-websocket-protocol"));
  const protocols = offered.length < 2 ? offered : [...new Set(offered)];
  if (!protocols.every(isToken)) return refused("subprotocol-invalid");

  const extensions = parseExtensions(headers.get("sec-websocket-extensions"));
  if (extensions === undefined) return refused("extension-malformed");

  return { kind: "opening", request: { ...offer, protocols, extensions } };
}

/** Whether a body is unusual: no WebSocket is opened by such a request, and only an application can make sense of it. */
export function mayNotHaveBody({ method }: RequestHead): boolean {
  return method === "GET" || method === "HEAD";
}

/** Whether a head says that a body follows. */
export function announcesBody({ headers }: RequestHead): boolean {
  return headers.count("transfer-encoding") > 0 || Number(listElements(headers.get("content-length"))[0]) > 0;
}

/** What is wrong with what a head says about its body, if anything. */
export function bodyDefect({ headers }: RequestHead): RefusalCode | undefined {
  const contentLength = headers.get("content-length");
  const transferEncoding = headers.get("transfer-encoding");
  // RFC 9112, section 6.3, of a request with neither: "the message body length is zero (no message body is present)".
  if (contentLength === undefined && transferEncoding === undefined) return undefined;
  const lengths = listElements(contentLength);
  // RFC 9112, section 6.3: an invalid Content-Length, or several that differ, is an unrecoverable error.
  if (
    lengths.some((each) => each !== lengths[0] || !isDecimal(each)) ||
    (lengths.length === 0 && contentLength !== undefined)
  ) {
    return "content-length-invalid";
  }
  const encoded = transferEncoding !== undefined;
  // RFC 9112, section 6.3: with a Transfer-Encoding that does not end in chunked, or that comes with a
  // Content-Length, the end of the request is ambiguous, and "the server MUST respond with the 400 (Bad Request)
  // status code".
  if (encoded && (lengths.length > 0 || !endsInChunked(transferEncoding))) {
    return "transfer-encoding-invalid";
  }
  return undefined;
}

function endsInChunked(value: string | undefined): boolean {
  return toAsciiLowerCase(listElements(value).at(-1) ?? "") === "chunked";
}

function isDecimal(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 0x30;
    if (digit < 0 || digit > 9) return false;
  }
  return true;
}
