/**
 * The server's side of the opening handshake (RFC 6455, section 4.2): read the request, judge it, answer it.
 *
 * @module
 */
import { acceptKey, isKey } from "./accept_key.ts";
import {
  type Authority,
  isLoopbackHost,
  isSameHost,
  matchesHost,
  matchesOrigin,
  parseAuthority,
} from "../http/authority.ts";
import {
  type ExtensionOffer,
  type HeaderFields,
  isToken,
  listElements,
  listHolds,
  parseExtensions,
  toAsciiLowerCase,
} from "../http/header_fields.ts";
import { headerFieldsOf, type HeadLimits, type RequestHead, RequestHeadReader } from "../http/head.ts";
import { type HeaderLine, headText, latin1Bytes, lineText, statusLine } from "../http/response.ts";
import { type Refusal, refusalBody, type RefusalCode, refuse } from "./refusal.ts";

/** Whom a server admits. */
export interface AdmissionPolicy {
  /**
   * Origins whose pages may connect. `"same-host"` (the default) admits a page of the host and port that the
   * request names; a list admits whole origins, `https://app.example` or `https://*.example.com`; `"any"` switches
   * the check off. A request without `Origin` does not come from a browser and is admitted (RFC 6455, section 10.2).
   *
   * @default "same-host"
   */
  readonly origins?: "same-host" | "any" | (string & Record<never, never>) | readonly string[];
  /**
   * Host names that the server answers for, against DNS rebinding: names, `*.example.com`, or `"loopback"` for
   * localhost, 127.0.0.0/8 and [::1]. The port is not compared.
   *
   * @default "any"; of `serve()` on a loopback address `"loopback"`
   */
  readonly hosts?: "loopback" | "any" | (string & Record<never, never>) | readonly string[];
}

/** A request that is a WebSocket's opening handshake and keeps every rule. */
export interface OpeningRequest {
  /** The request as it came. */
  readonly head: RequestHead;
  /** `Sec-WebSocket-Key`. */
  readonly key: string;
  /** The host and port that the request names. */
  readonly authority: Authority;
  /** The path and query, whichever form the request target has. */
  readonly resourceName: string;
  /** The subprotocols that the client offers, in its order of preference, each once. */
  readonly protocols: readonly string[];
  /** The extensions that the client offers, in its order of preference. */
  readonly extensions: readonly ExtensionOffer[];
}

/** A request that opens a WebSocket and keeps every rule. */
export interface OpeningJudgement {
  /** Tells the three apart. */
  readonly kind: "opening";
  /** What it asks for. */
  readonly request: OpeningRequest;
}

/** An ordinary HTTP request without a body, well formed, for a host that is allowed. */
export interface PlainJudgement {
  /** Tells the three apart. */
  readonly kind: "plain";
  /** The request as it came. */
  readonly head: RequestHead;
  /** The host and port that it names; an HTTP/1.0 request may name none. */
  readonly authority: Authority | undefined;
  /** The path and query. */
  readonly resourceName: string;
}

/** A request that breaks a rule. */
export interface RefusedJudgement {
  /** Tells the three apart. */
  readonly kind: "refused";
  /** Which rule, and what to answer. */
  readonly refusal: Refusal;
  /** The request as it came, if its head could be read. */
  readonly head: RequestHead | undefined;
}

/** What a request turned out to be. */
export type Judgement = OpeningJudgement | PlainJudgement | RefusedJudgement;

/** Reads one request as it arrives, and judges it. */
export class ServerHandshake {
  readonly #reader: RequestHeadReader;
  readonly #policy: AdmissionPolicy;

  /** Waits for a request within these limits. */
  constructor(limits: HeadLimits, policy: AdmissionPolicy = {}) {
    this.#reader = new RequestHeadReader(limits);
    this.#policy = policy;
  }

  /** Whether any byte has come. */
  get begun(): boolean {
    return this.#reader.size > 0;
  }

  /**
   * Reads on. Answers what the request is once its head is whole, with the index in `chunk` at which it ended: what
   * lies behind belongs to the WebSocket. Must not be called again after that.
   */
  receive(chunk: Uint8Array): { judgement: Judgement; end: number } | undefined {
    const end = this.#reader.receive(chunk);
    const { defect, head } = this.#reader;
    if (head !== undefined) return { judgement: judge(head, this.#policy), end };
    if (defect === undefined) return undefined;
    return { judgement: { kind: "refused", refusal: refuse(defect), head: undefined }, end: chunk.length };
  }
}

/** Judges a request whose head has been read, by us or by another HTTP server. */
export function judge(head: RequestHead, policy: AdmissionPolicy = {}): Judgement {
  const refused = (code: RefusalCode): Judgement => ({ kind: "refused", refusal: refuse(code), head });
  const { headers } = head;

  const target = readTarget(head.target);
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

  const body = bodyDefect(head);
  if (body !== undefined) return refused(body);

  const asksForWebSocket = listHolds(headers.get("upgrade"), "websocket");
  const otherwiseWebSocket = headers.count("sec-websocket-key") > 0 ||
    headers.count("sec-websocket-version") > 0;
  if (!asksForWebSocket && !otherwiseWebSocket) {
    return { kind: "plain", head, authority, resourceName: target.resourceName };
  }

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

  if (headers.count("origin") > 1) return refused("origin-repeated");
  const origin = headers.get("origin");
  if (origin !== undefined && !isOriginAllowed(origin, authority, policy)) {
    return refused("origin-not-allowed");
  }

  const offered = listElements(headers.get("sec-websocket-protocol"));
  const protocols = offered.length < 2 ? offered : [...new Set(offered)];
  if (!protocols.every(isToken)) return refused("subprotocol-invalid");

  const extensions = parseExtensions(headers.get("sec-websocket-extensions"));
  if (extensions === undefined) return refused("extension-malformed");

  return {
    kind: "opening",
    request: { head, key, authority, resourceName: target.resourceName, protocols, extensions },
  };
}

/** The header fields of a request that was judged to be an opening handshake, whom it names and what, from its text. */
export function readAgain(
  text: string,
): { headers: HeaderFields; authority: Authority; resourceName: string } {
  const headers = headerFieldsOf(text);
  const { authority, resourceName } = readTarget(text.slice(text.indexOf(" ") + 1, text.indexOf(" HTTP/")))!;
  return { headers, authority: authority ?? parseAuthority(headers.get("host")!)!, resourceName };
}

interface Target {
  readonly authority?: Authority;
  readonly resourceName: string;
}

/** Origin-form and absolute-form; the others belong to methods that open no WebSocket (RFC 9112, section 3.2). */
function readTarget(target: string): Target | undefined {
  if (target.includes("#")) return undefined;
  if (target.startsWith("/")) return { resourceName: target };
  const lower = toAsciiLowerCase(target);
  // RFC 6455, section 4.2.1: "an absolute HTTP/HTTPS URI containing the /resource name/".
  const scheme = ["http://", "https://", "ws://", "wss://"].find((each) => lower.startsWith(each));
  if (scheme === undefined) return undefined;
  const rest = target.slice(scheme.length);
  const end = firstOf(rest, "/?");
  const authority = parseAuthority(rest.slice(0, end));
  if (authority === undefined) return undefined;
  const resourceName = rest.slice(end);
  return { authority, resourceName: resourceName.startsWith("/") ? resourceName : `/${resourceName}` };
}

function firstOf(text: string, characters: string): number {
  for (let i = 0; i < text.length; i++) if (characters.includes(text[i]!)) return i;
  return text.length;
}

function bodyDefect({ headers, method }: RequestHead): RefusalCode | undefined {
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
  // RFC 9112, section 6.3: with a Transfer-Encoding that does not end in chunked, or that comes with a Content-Length, the
  // end of the request cannot be told, and "the server MUST respond with the 400 (Bad Request) status code".
  if (encoded && (lengths.length > 0 || !endsInChunked(transferEncoding))) {
    return "transfer-encoding-invalid";
  }
  // RFC 9110, section 7.8: a switch of protocols takes effect after the request, body included; what a proxy counts
  // as body must never be read as frames here.
  const announced = encoded || Number(lengths[0]) > 0;
  return announced && (method === "GET" || method === "HEAD") ? "body-not-allowed" : undefined;
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

function isHostAllowed({ host }: Authority, { hosts = "any" }: AdmissionPolicy): boolean {
  if (hosts === "any") return true;
  return hosts === "loopback" ? isLoopbackHost(host) : matchesHost(host, listOf(hosts));
}

function isOriginAllowed(
  origin: string,
  authority: Authority,
  { origins = "same-host" }: AdmissionPolicy,
): boolean {
  if (origins === "any") return true;
  return origins === "same-host" ? isSameHost(origin, authority) : matchesOrigin(origin, listOf(origins));
}

/** One string is a list of one. */
function listOf(list: string | readonly string[]): readonly string[] {
  return typeof list === "string" ? [list] : list;
}

/** What a server puts into the response that accepts. */
export interface Acceptance {
  /** The subprotocol: one that the client offered. */
  readonly protocol?: string | undefined;
  /** The extensions agreed upon, as `Sec-WebSocket-Extensions` says them. */
  readonly extensions?: string | undefined;
  /** More header lines, such as `Set-Cookie`. */
  readonly headers?: Iterable<HeaderLine>;
}

// RFC 6455, section 4.2.2, names these; RFC 9110, sections 8.6 and 9112, 6.1, forbid a body's headers with 101.
const OWN_HEADERS: ReadonlySet<string> = new Set([
  "upgrade",
  "connection",
  "sec-websocket-accept",
  "sec-websocket-protocol",
  "sec-websocket-extensions",
  "sec-websocket-version",
  "content-length",
  "transfer-encoding",
]);

const SWITCHING_PROTOCOLS =
  "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n";

/**
 * The response that accepts an opening handshake (RFC 6455, section 4.2.2), as text: each character is one byte.
 * Throws a `TypeError` for a subprotocol that was not offered and for headers that are not the caller's to send.
 */
export function acceptanceText(request: OpeningRequest, acceptance: Acceptance = {}): string {
  const { protocol, extensions } = acceptance;
  let text = SWITCHING_PROTOCOLS + lineText("Sec-WebSocket-Accept", acceptKey(request.key));
  if (protocol !== undefined) {
    if (!request.protocols.includes(protocol)) {
      throw new TypeError(
        `Cannot accept with subprotocol ${
          JSON.stringify(protocol)
        }: the client did not offer it. Choose one that it did offer, or none.`,
      );
    }
    text += lineText("Sec-WebSocket-Protocol", protocol);
  }
  if (extensions !== undefined) text += lineText("Sec-WebSocket-Extensions", extensions);
  for (const [name, value] of acceptance.headers ?? []) {
    if (OWN_HEADERS.has(toAsciiLowerCase(name))) {
      throw new TypeError(
        `Cannot send header ${name} with the acceptance: the opening handshake sets it by itself.`,
      );
    }
    text += lineText(name, value);
  }
  // RFC 9110, section 7.8: "If a server receives both an Upgrade and an Expect header field with the "100-continue"
  // expectation [...], the server MUST send a 100 (Continue) response before sending a 101".
  const expected = listHolds(request.head.headers.get("expect"), "100-continue")
    ? headText(statusLine(100), [])
    : "";
  return `${expected}${text}\r\n`;
}

/**
 * The response that refuses, whole, as bytes. The connection is to be closed after it, whatever else was sent on it:
 * a proxy may believe that it has become a tunnel. `head` is the request's, if it was read: it says whether the peer
 * would rather have JSON, and whether it asked for a head alone.
 */
export function refusalBytes(refusal: Refusal, head: RequestHead | undefined, date: Date): Uint8Array {
  const json = listElements(head?.headers.get("accept")).some((each) =>
    toAsciiLowerCase(each.split(";", 1)[0]!).trim() === "application/json"
  );
  const body = new TextEncoder().encode(refusalBody(refusal, json));
  const upgrade = refusal.headers.some(([name]) => name === "Upgrade");
  const text = headText(statusLine(refusal.status), [
    // RFC 9110, section 7.8: "A sender of Upgrade MUST also send an "Upgrade" connection option".
    ["Connection", upgrade ? "close, Upgrade" : "close"],
    ...refusal.headers,
    ["Date", date.toUTCString()],
    ["Content-Type", json ? "application/json" : "text/plain; charset=utf-8"],
    ["Content-Length", String(body.length)],
    ["Cache-Control", "no-store"],
    ["X-Content-Type-Options", "nosniff"],
  ]);
  const response = new Uint8Array(text.length + (head?.method === "HEAD" ? 0 : body.length));
  response.set(latin1Bytes(text));
  if (head?.method !== "HEAD") response.set(body, text.length);
  return response;
}
