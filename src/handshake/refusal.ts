/**
 * Every reason for which a server refuses an opening handshake: a stable code, the HTTP status that the RFCs require,
 * the section that says so, and a sentence that helps to fix it.
 *
 * @module
 */
import type { HeadDefect } from "../http/head.ts";

/** The stable code of a refusal. */
export type RefusalCode =
  | HeadDefect
  | "host-missing"
  | "host-repeated"
  | "host-invalid"
  | "host-not-allowed"
  | "content-length-invalid"
  | "transfer-encoding-invalid"
  | "body-not-allowed"
  | "method-not-allowed"
  | "protocol-unsupported"
  | "not-a-websocket-request"
  | "upgrade-missing"
  | "connection-missing"
  | "key-missing"
  | "key-repeated"
  | "key-invalid"
  | "version-missing"
  | "version-unsupported"
  | "subprotocol-invalid"
  | "subprotocol-unsupported"
  | "extension-malformed"
  | "origin-repeated"
  | "origin-not-allowed"
  | "path-not-found"
  | "handshake-timeout"
  | "body-timeout"
  | "connections-exhausted"
  | "address-exhausted"
  | "server-busy"
  | "server-shutting-down"
  | "upgrade-failed"
  | "refused-by-application";

/** Why an opening handshake was refused, and what the peer is told. */
export interface Refusal {
  /** The stable code of the reason. */
  readonly code: RefusalCode;
  /** The HTTP status code of the response. */
  readonly status: number;
  /** The source of the rule, such as `RFC 6455, section 4.2.1`. */
  readonly section: string;
  /** What is wrong and how to fix it, in a sentence or two. */
  readonly message: string;
  /** Header fields that the status code requires, such as `Allow` with 405. */
  readonly headers: readonly (readonly [name: string, value: string])[];
}

const PROXY_HINT =
  "If the client is a browser or a WebSocket library, then a proxy in front of this server probably used " +
  "HTTP/1.0, or dropped the hop-by-hop headers. With nginx, these directives fix that: proxy_http_version 1.1; " +
  'proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade";';

type Rule = readonly [status: number, section: string, message: string];

const RULES: Readonly<Record<RefusalCode, Rule>> = {
  "tls-on-plain-port": [
    400,
    "RFC 6455, section 3",
    "These bytes begin a TLS handshake, but this port does not use TLS: connect with ws:// instead of wss://, or " +
    "give the server a certificate.",
  ],
  "not-http": [
    400,
    "RFC 9112, section 3",
    "The data is not an HTTP/1.1 request: open this address with a WebSocket client.",
  ],
  "line-feed-alone": [
    400,
    "RFC 9112, section 2.2",
    "A line of the request ends with LF alone: end each line with CR LF.",
  ],
  "control-character": [
    400,
    "RFC 9110, section 5.5",
    "The request head contains a control character (such as NUL, or CR without LF): remove it.",
  ],
  "start-line-malformed": [
    400,
    "RFC 9112, section 3",
    'The request line is malformed: write "GET /path HTTP/1.1", with single spaces. If it begins with PROXY, a proxy in ' +
    "front uses the PROXY protocol, which is not supported: with HAProxy, remove send-proxy.",
  ],
  "start-line-too-long": [
    414,
    "RFC 9112, section 3",
    "The request line is longer than this server accepts: send long values in a message, or raise maxHeadSize.",
  ],
  "http-version-unsupported": [
    505,
    "RFC 6455, section 4.2.1",
    `A WebSocket is opened with HTTP/1.1: send the request as HTTP/1.1, not as HTTP/1.0 or HTTP/2. ${PROXY_HINT}`,
  ],
  "request-target-invalid": [
    400,
    "RFC 9112, section 3.2",
    "The request target is neither a path that begins with / nor a whole http URL, or contains a dot segment or a character that must be " +
    "percent-encoded.",
  ],
  "header-folded": [
    400,
    "RFC 9112, section 5.2",
    "A header line begins with white space (obsolete line folding): write each header on one line.",
  ],
  "header-space-before-colon": [
    400,
    "RFC 9112, section 5.1",
    "A header name has white space before its colon: remove it.",
  ],
  "header-without-colon": [
    400,
    "RFC 9112, section 5",
    "A header line has no colon: write it as Name: value.",
  ],
  "header-name-invalid": [
    400,
    "RFC 9110, section 5.1",
    "A header name is empty or contains an invalid character.",
  ],
  "headers-too-large": [
    431,
    "RFC 6585, section 5",
    "The request headers are larger than this server accepts (often because of cookies): send less, or raise maxHeadSize.",
  ],
  "headers-too-many": [
    431,
    "RFC 6585, section 5",
    "The request has more header lines than this server accepts: send fewer, or raise maxHeaders.",
  ],
  "host-missing": [400, "RFC 9112, section 3.2", "The request has no Host header: send exactly one."],
  "host-repeated": [
    400,
    "RFC 9112, section 3.2",
    "The request has more than one Host header: send exactly one.",
  ],
  "host-invalid": [
    400,
    "RFC 9112, section 3.2",
    "The Host header is not a host name or IP address with an optional port.",
  ],
  "host-not-allowed": [
    421,
    "RFC 9110, section 7.4",
    "This server does not answer for the host in the request. On a loopback address it answers only for loopback names, " +
    "against DNS rebinding: list the name in the hosts option (--allow-host). A proxy in front must pass on the client's " +
    "Host header.",
  ],
  "content-length-invalid": [
    400,
    "RFC 9112, section 6.3",
    "The Content-Length is not a single decimal number.",
  ],
  "transfer-encoding-invalid": [
    400,
    "RFC 9112, section 6.3",
    "The Transfer-Encoding does not end in chunked, or comes with a Content-Length: the end of the request is ambiguous.",
  ],
  "body-not-allowed": [
    400,
    "RFC 9110, section 7.8",
    "The request announces a body, which could be mistaken for frames: send it without Transfer-Encoding and with no " +
    "Content-Length other than 0.",
  ],
  "method-not-allowed": [405, "RFC 6455, section 4.1", "A WebSocket is opened with GET: use that method."],
  "protocol-unsupported": [
    501,
    "RFC 9220, section 3",
    "The :protocol of this extended CONNECT is not supported: a WebSocket has the :protocol websocket.",
  ],
  "not-a-websocket-request": [
    426,
    "RFC 6455, section 4.2.1",
    "This is a WebSocket server, and the request is an ordinary HTTP request: connect with a WebSocket client, for example " +
    'new WebSocket("ws://...") in a browser.',
  ],
  "upgrade-missing": [
    426,
    "RFC 6455, section 4.2.1",
    `The request is a WebSocket handshake, but its Upgrade header does not contain "websocket". ${PROXY_HINT}`,
  ],
  "connection-missing": [
    426,
    "RFC 6455, section 4.2.1",
    `The request is a WebSocket handshake, but its Connection header does not contain "Upgrade". ${PROXY_HINT}`,
  ],
  "key-missing": [
    400,
    "RFC 6455, section 4.2.1",
    "The request has no Sec-WebSocket-Key: send 16 random bytes in Base64.",
  ],
  "key-repeated": [
    400,
    "RFC 6455, section 11.3.1",
    "The request has more than one Sec-WebSocket-Key: send exactly one.",
  ],
  "key-invalid": [
    400,
    "RFC 6455, section 4.2.1",
    "The Sec-WebSocket-Key is not 16 bytes in Base64, which is 22 characters and ==.",
  ],
  "version-missing": [
    426,
    "RFC 6455, section 4.2.1",
    "The request has no Sec-WebSocket-Version: send Sec-WebSocket-Version: 13.",
  ],
  "version-unsupported": [
    426,
    "RFC 6455, section 4.4",
    "This server supports only version 13 of the WebSocket protocol: send Sec-WebSocket-Version: 13.",
  ],
  "subprotocol-invalid": [
    400,
    "RFC 6455, section 4.1",
    "A name in Sec-WebSocket-Protocol contains an invalid character (such as a space, a slash or a non-ASCII letter).",
  ],
  "subprotocol-unsupported": [
    400,
    "RFC 6455, section 4.2.2",
    "The server supports none of the subprotocols that the client offers.",
  ],
  "extension-malformed": [
    400,
    "RFC 6455, section 9.1",
    "Sec-WebSocket-Extensions has invalid syntax: write name; parameter=value, name.",
  ],
  "origin-repeated": [
    400,
    "RFC 6454, section 7.3",
    "The request has more than one Origin header: send at most one.",
  ],
  "origin-not-allowed": [
    403,
    "RFC 6455, section 10.2",
    "Pages of this origin may not connect. By default only pages of the same host and port as the Host header may; " +
    "list others in the origins option (--origin). A proxy in front must pass on the Host header with its port " +
    "(with nginx: proxy_set_header Host $http_host;).",
  ],
  "path-not-found": [404, "RFC 6455, section 4.2.2", "There is no WebSocket at this path."],
  "handshake-timeout": [
    408,
    "RFC 9110, section 15.5.9",
    "The opening handshake took too long: send the request at once, or raise handshakeTimeout.",
  ],
  "body-timeout": [
    408,
    "RFC 9110, section 15.5.9",
    "The body of the request took too long: send it without pauses, or raise requestTimeout of the HTTP server.",
  ],
  "connections-exhausted": [
    503,
    "RFC 9110, section 15.6.4",
    "The server has reached its limit of connections (maxConnections): try again later.",
  ],
  "address-exhausted": [
    429,
    "RFC 6585, section 4",
    "Your address has reached its limit of connections to this server (maxConnectionsPerAddress): close some first. " +
    "Behind a proxy all clients share its address: let the proxy count them.",
  ],
  "server-busy": [
    503,
    "RFC 9110, section 15.6.4",
    "The server accepts no new connections now: try again later.",
  ],
  "server-shutting-down": [
    503,
    "RFC 9110, section 15.6.4",
    "The server is shutting down and accepts no new connections: try again later, or connect to another instance.",
  ],
  "upgrade-failed": [
    500,
    "RFC 9110, section 15.6.1",
    "The server failed while handling this handshake; see its log.",
  ],
  "refused-by-application": [403, "RFC 6455, section 4.2.2", "The application refused this handshake."],
};

/** All codes, in the order in which a request is checked. */
export const REFUSAL_CODES: readonly RefusalCode[] = /* @__PURE__ */ Object.keys(RULES) as RefusalCode[];

const UPGRADE: readonly [string, string] = ["Upgrade", "websocket"];
const VERSION: readonly [string, string] = ["Sec-WebSocket-Version", "13"];

/** The header fields that a response of this kind must have. */
function demandedHeaders(code: RefusalCode, status: number, allow: string): Refusal["headers"] {
  // RFC 9110, section 15.5.6: "The origin server MUST generate an Allow header field in a 405 response".
  if (status === 405) return [["Allow", allow]];
  // RFC 6455, section 4.4: "the server MUST respond with one or more |Sec-WebSocket-Version| header fields".
  if (code === "version-missing" || code === "version-unsupported") return [UPGRADE, VERSION];
  // RFC 9110, section 15.5.22: "The server MUST send an Upgrade header field in a 426 response".
  if (status === 426) return [UPGRADE];
  return [];
}

/** Makes a refusal. `detail` is an additional sentence about this request; it must not contain secrets. */
export function refuse(
  code: RefusalCode,
  { detail, allow = "GET", retryAfter, status = RULES[code][0] }: {
    detail?: string | undefined;
    /** The allowed methods, with 405. */
    allow?: string;
    /** Seconds after which the peer may retry, with 503 and 429. */
    retryAfter?: number;
    status?: number;
  } = {},
): Refusal {
  const [, section, message] = RULES[code];
  return {
    code,
    status,
    section,
    message: detail === undefined ? message : `${message} ${detail}`,
    headers: retryAfter === undefined
      ? demandedHeaders(code, status, allow)
      : [...demandedHeaders(code, status, allow), ["Retry-After", String(retryAfter)]],
  };
}

/** The body of a refusal: one JSON object, or two lines of text. */
export function refusalBody(refusal: Refusal, json: boolean): string {
  const { code, status, section, message } = refusal;
  return json
    ? JSON.stringify({ code, status, section, message }) + "\n"
    : `${message}\n(${code}; ${section})\n`;
}
