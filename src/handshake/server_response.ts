/**
 * The server's responses to an opening handshake: acceptance and refusals.
 *
 * @module
 */
import { listElements, listHolds, toAsciiLowerCase } from "../http/header_fields.ts";
import type { RequestHead } from "../http/head.ts";
import {
  checkHeader,
  type HeaderLine,
  headText,
  lineText,
  responseBytes,
  type ResponseMessage,
  statusLine,
} from "../http/response.ts";
import { acceptKey } from "./accept_key.ts";
import { type Refusal, refusalBody } from "./refusal.ts";
import type { OpeningRequest } from "./server_handshake.ts";

/** What a server adds to the accepting response. */
export interface Acceptance {
  /** The subprotocol, one of those offered by the client. */
  readonly protocol?: string | undefined;
  /** The negotiated extensions, as in `Sec-WebSocket-Extensions`. */
  readonly extensions?: string | undefined;
  /** More header fields, such as `Set-Cookie`. */
  readonly headers?: Iterable<HeaderLine>;
}

// RFC 6455, section 4.2.2, sets these; RFC 9110, section 8.6, and RFC 9112, section 6.1, forbid body headers with
// 101.
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
 * The response that accepts an opening handshake (RFC 6455, section 4.2.2), as text, one byte per character. Throws a
 * `TypeError` for a subprotocol that was not offered and for headers that the caller must not set.
 */
export function acceptanceText(request: OpeningRequest, acceptance: Acceptance = {}): string {
  let text = SWITCHING_PROTOCOLS + lineText("Sec-WebSocket-Accept", acceptKey(request.key));
  for (const [name, value] of acceptedLines(request, acceptance)) text += lineText(name, value);
  // RFC 9110, section 7.8: "If a server receives both an Upgrade and an Expect header field with the "100-continue"
  // expectation [...], the server MUST send a 100 (Continue) response before sending a 101".
  const expected = listHolds(request.head.headers.get("expect"), "100-continue")
    ? headText(statusLine(100), [])
    : "";
  return `${expected}${text}\r\n`;
}

/**
 * The response that accepts an opening handshake of HTTP/2 (RFC 8441, section 5); there is no body. Throws as
 * {@linkcode acceptanceText} does.
 */
export function extendedConnectAcceptance(
  request: OpeningRequest,
  acceptance: Acceptance = {},
): ResponseMessage {
  const lines = acceptedLines(request, acceptance);
  for (const [name, value] of lines) checkHeader(name, value);
  // Not needed with HTTP/2, but some clients insist on it.
  if (request.key !== "") lines.unshift(["Sec-WebSocket-Accept", acceptKey(request.key)]);
  return { status: 200, headers: lines, body: new Uint8Array(0) };
}

function acceptedLines(
  request: OpeningRequest,
  { protocol, extensions, headers = [] }: Acceptance,
): HeaderLine[] {
  const lines: HeaderLine[] = [];
  if (protocol !== undefined) {
    if (!request.protocols.includes(protocol)) {
      throw new TypeError(
        `Cannot accept with subprotocol ${
          JSON.stringify(protocol)
        }: the client did not offer it. Choose one that it did offer, or none.`,
      );
    }
    lines.push(["Sec-WebSocket-Protocol", protocol]);
  }
  if (extensions !== undefined) lines.push(["Sec-WebSocket-Extensions", extensions]);
  for (const line of headers) {
    if (OWN_HEADERS.has(toAsciiLowerCase(line[0]))) {
      throw new TypeError(
        `Cannot send header ${line[0]} with the acceptance: the opening handshake sets it.`,
      );
    }
    lines.push(line);
  }
  return lines;
}

/**
 * The complete response that refuses. Close the connection after it, whatever else was sent on it: a proxy may believe that
 * the connection has become a tunnel. `head` is the request's, if it was parsed: it says whether the peer prefers JSON, and
 * whether it wants only the head.
 */
export function refusalResponse(
  refusal: Refusal,
  head: RequestHead | undefined,
  date: Date,
): ResponseMessage {
  const json = listElements(head?.headers.get("accept")).some((each) =>
    toAsciiLowerCase(each.split(";", 1)[0]!).trim() === "application/json"
  );
  const body = new TextEncoder().encode(refusalBody(refusal, json));
  return {
    status: refusal.status,
    headers: [
      ...refusal.headers,
      ["Date", date.toUTCString()],
      ["Content-Type", json ? "application/json" : "text/plain; charset=utf-8"],
      ["Content-Length", String(body.length)],
      ["Cache-Control", "no-store"],
      ["X-Content-Type-Options", "nosniff"],
    ],
    body: head?.method === "HEAD" ? new Uint8Array(0) : body,
  };
}

/** {@linkcode refusalResponse} as bytes of HTTP/1.1. */
export function refusalBytes(refusal: Refusal, head: RequestHead | undefined, date: Date): Uint8Array {
  return responseBytes(refusalResponse(refusal, head, date));
}
