/**
 * The server's responses to an opening handshake: acceptance and refusals.
 *
 * @module
 */
import { listElements, listHolds, toAsciiLowerCase } from "../http/header_fields.ts";
import type { RequestHead } from "../http/head.ts";
import { type HeaderLine, headText, latin1Bytes, lineText, statusLine } from "../http/response.ts";
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
        `Cannot send header ${name} with the acceptance: the opening handshake sets it.`,
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
 * The complete response that refuses, as bytes. Close the connection after it, whatever else was sent on it: a proxy may believe that the connection has become a tunnel. `head` is the request's, if it was parsed: it says whether the peer prefers JSON, and
 * whether it wants only the head.
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
