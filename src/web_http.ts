/**
 * Between the heads of HTTP/1.1 and the `Request` and `Response` of the web, for the hooks of an application.
 *
 * @module
 */
import type { RequestHead } from "./handshake/http_head.ts";
import { readAgain } from "./handshake/server_handshake.ts";
import { type HeaderLine, headText, latin1Bytes, statusLine } from "./handshake/http_response.ts";

/** A web `Request`, and whom it came from. */
export interface HandshakeRequest extends Request {
  /** The peer's IP address; `""` where there is none, as on a Unix socket. */
  readonly remoteAddress: string;
}

/** Where a request came from and what it named, as far as its head does not say it. */
export interface RequestOrigin {
  /** The host and port that the request names, or ours where it names none. */
  readonly host: string;
  /** Path and query. */
  readonly resourceName: string;
  /** Whether it came over TLS. */
  readonly encrypted: boolean;
  /** The peer's IP address. */
  readonly remoteAddress: string;
  /** Aborted when the peer goes away before it was answered. */
  readonly signal?: AbortSignal;
}

/** Makes a `Request` of a head. Throws a `TypeError` where the host and the path make no URL. */
export function webRequest(
  head: Pick<RequestHead, "method" | "headers">,
  origin: RequestOrigin,
): HandshakeRequest {
  const { host, resourceName, encrypted, remoteAddress, signal } = origin;
  const headers = new Headers();
  const cookies: string[] = [];
  for (const [name, value] of head.headers) {
    if (name === "cookie") cookies.push(value);
    else headers.append(name, value);
  }
  // RFC 9113, section 8.2.3: "these MUST be concatenated into a single octet string using the two-octet delimiter of 0x3b,
  // 0x20 (the ASCII string "; ")". Not every runtime does so by itself.
  if (cookies.length > 0) headers.append("cookie", cookies.join("; "));
  const request = new Request(`${encrypted ? "https" : "http"}://${host}${resourceName}`, {
    method: head.method,
    headers,
    ...(signal === undefined ? {} : { signal }),
  });
  return Object.defineProperty(request, "remoteAddress", {
    value: remoteAddress,
    enumerable: true,
  }) as HandshakeRequest;
}

/** Makes the `Request` of an opening handshake that was accepted from the text of its head. */
export function acceptedRequest(
  text: string,
  { encrypted, remoteAddress }: { readonly encrypted: boolean; readonly remoteAddress: string },
): HandshakeRequest {
  const { headers, authority, resourceName } = readAgain(text);
  // RFC 6455, section 4.2.1: "An HTTP/1.1 or higher GET request".
  return webRequest({ method: "GET", headers }, {
    host: hostOf(authority),
    resourceName,
    encrypted,
    remoteAddress,
  });
}

/** A host, and the port behind it if there is one. */
export function hostOf({ host, port }: { readonly host: string; readonly port: string }): string {
  return port === "" ? host : `${host}:${port}`;
}

/**
 * The header lines of a `Headers`, an array or a plain object. Throws a `TypeError` for what is none of these, and for
 * what cannot be sent; the message does not repeat a value, which may be a secret.
 */
export function headerLines(init: HeadersInit | undefined): HeaderLine[] {
  if (init === undefined) return [];
  try {
    // Names go out as they were given, and in that order. A `Headers` has them in lower case, which some servers do not know.
    if (init instanceof Headers) return [...init].map(([name, value]) => [usualName(name), value]);
    const lines = Symbol.iterator in init ? [...init] : Object.entries(init);
    return lines.map((line) => [line[0]!, [...new Headers([line as [string, string]])][0]![1]]);
  } catch {
    throw new TypeError(
      "Cannot send these headers: a name is not a token, or a value holds a line break, a NUL or a character beyond U+00FF.",
    );
  }
}

/** `Sec-WebSocket-Key` for `sec-websocket-key`. */
function usualName(name: string): string {
  return name.replace(/^sec-websocket/, "Sec-WebSocket").replace(
    /(?<![^-])[a-z]/g,
    (letter) => letter.toUpperCase(),
  );
}

// They speak of this connection and this message's framing, which are ours to say.
const FRAMING: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "content-length",
  "transfer-encoding",
  "date",
]);

/**
 * A whole response as bytes, to be followed by the end of the connection. The body is read into memory first. Rejects
 * when reading it fails, and with a `TypeError` for a status that ends no request.
 */
export async function responseBytes(response: Response, method: string, date: Date): Promise<Uint8Array> {
  if (response.status < 200) {
    throw new TypeError(
      `Cannot answer with status ${response.status}: to accept a WebSocket, return no Response.`,
    );
  }
  const content = await response.blob();
  const body = new Uint8Array(await content.arrayBuffer());
  // RFC 9110, section 7.8: "A sender of Upgrade MUST also send an "Upgrade" connection option".
  const connection = response.headers.has("upgrade") ? "close, Upgrade" : "close";
  const lines: HeaderLine[] = [["Connection", connection], ["Date", date.toUTCString()]];
  for (const line of response.headers) if (!FRAMING.has(line[0])) lines.push(line);
  // The Fetch Standard gives a response the type of its body; Bun tells of it only here.
  if (content.type !== "" && !response.headers.has("content-type")) {
    lines.push(["Content-Type", content.type]);
  }
  // RFC 9110, section 8.6: "A server MUST NOT send a Content-Length header field in any response with a status code of
  // 1xx (Informational) or 204 (No Content)."
  if (response.status !== 204 && response.status !== 304) lines.push(["Content-Length", String(body.length)]);
  const head = headText(statusLine(response.status), lines);
  const bytes = new Uint8Array(head.length + (method === "HEAD" ? 0 : body.length));
  bytes.set(latin1Bytes(head));
  if (method !== "HEAD") bytes.set(body, head.length);
  return bytes;
}
