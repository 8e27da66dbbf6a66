/**
 * Converts a web `Response` to HTTP/1.1 bytes.
 *
 * @module
 */
import { type HeaderLine, headText, latin1Bytes, statusLine } from "../http/response.ts";

// Headers about the connection and the framing of the message, which we set.
const FRAMING: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "content-length",
  "transfer-encoding",
  "date",
]);

/**
 * A complete response as bytes; close the connection after it. The body is read into memory first. Rejects if reading
 * it fails, and with a `TypeError` for a status below 200.
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
  // The Fetch Standard gives a response the type of its body; Bun shows it only on the blob.
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
