/**
 * Responses, and HTTP/1.1 heads that we write. Everything from a caller is checked here, so that no value can inject a header line
 * (CVE-2026-1527, CVE-2020-35678).
 *
 * @module
 */
import { isToken } from "./header_fields.ts";

const REASONS: Readonly<Record<number, string>> = {
  100: "Continue",
  101: "Switching Protocols",
  200: "OK",
  204: "No Content",
  301: "Moved Permanently",
  302: "Found",
  304: "Not Modified",
  307: "Temporary Redirect",
  308: "Permanent Redirect",
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  408: "Request Timeout",
  414: "URI Too Long",
  421: "Misdirected Request",
  426: "Upgrade Required",
  429: "Too Many Requests",
  431: "Request Header Fields Too Large",
  500: "Internal Server Error",
  501: "Not Implemented",
  503: "Service Unavailable",
  505: "HTTP Version Not Supported",
};

/** A header line to write. */
export type HeaderLine = readonly [name: string, value: string];

/** A complete response, whatever the version of HTTP. Those of HTTP/1.1 close the connection, and say so. */
export interface ResponseMessage {
  /** The status code. */
  readonly status: number;
  /** The header lines, without `Connection`. */
  readonly headers: readonly HeaderLine[];
  /** The body; empty for HEAD. */
  readonly body: Uint8Array;
}

/** Throws a `TypeError` if the name or value is invalid, such as one with a line break. */
export function checkHeader(name: string, value: string): void {
  if (!isToken(name)) {
    throw new TypeError(`Cannot send header ${JSON.stringify(name)}: its name is not a token.`);
  }
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i);
    if ((code < 0x20 && code !== 0x09) || code === 0x7f || code > 0xff) {
      throw new TypeError(
        `Cannot send header ${name}: its value contains a control character or one beyond U+00FF; encode it first.`,
      );
    }
  }
}

/** The text of a header line, with its line end. Throws a `TypeError` as {@linkcode checkHeader} does. */
export function lineText(name: string, value: string): string {
  checkHeader(name, value);
  return `${name}: ${value}\r\n`;
}

/** The text of a head: start line, header lines, empty line. Throws a `TypeError` as {@linkcode checkHeader} does. */
export function headText(startLine: string, headers: Iterable<HeaderLine>): string {
  let text = startLine + "\r\n";
  for (const [name, value] of headers) text += lineText(name, value);
  return text + "\r\n";
}

/** The status line of a response. */
export function statusLine(status: number): string {
  return `HTTP/1.1 ${status} ${REASONS[status] ?? ""}`;
}

// An array of its own costs more than a short text. Short texts therefore share a slab; each keeps its part forever.
const SLAB_SIZE = 8 * 1024;
const MAX_SHARED_SIZE = 1024;
let slab: Uint8Array = /* @__PURE__ */ new Uint8Array(0);
let taken = 0;

function unused(size: number): Uint8Array {
  if (size > MAX_SHARED_SIZE) return new Uint8Array(size);
  if (taken + size > slab.length) {
    slab = new Uint8Array(SLAB_SIZE);
    taken = 0;
  }
  return slab.subarray(taken, taken += size);
}

/** The text as bytes, one per character. It must not contain characters beyond U+00FF. */
export function latin1Bytes(text: string): Uint8Array {
  const bytes = unused(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

/** A response of HTTP/1.1 as bytes. Close the connection after it. Throws a `TypeError` as {@linkcode checkHeader} does. */
export function responseBytes({ status, headers, body }: ResponseMessage): Uint8Array {
  // RFC 9110, section 7.8: "A sender of Upgrade MUST also send an "Upgrade" connection option".
  const upgrade = headers.some(([name]) => name.toLowerCase() === "upgrade");
  const head = headText(statusLine(status), [
    ["Connection", upgrade ? "close, Upgrade" : "close"],
    ...headers,
  ]);
  const bytes = new Uint8Array(head.length + body.length);
  bytes.set(latin1Bytes(head));
  bytes.set(body, head.length);
  return bytes;
}
