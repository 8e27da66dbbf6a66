/**
 * Reads a web `Response` whole.
 *
 * @module
 */
import type { HeaderLine, ResponseMessage } from "../http/response.ts";

// Headers about the connection and the framing of the message, which we set.
const FRAMING: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "content-length",
  "transfer-encoding",
  "date",
]);

/**
 * A complete response. The body is read into memory first. Rejects if reading it fails, and with a `TypeError` for a
 * status below 200.
 */
export async function wholeResponse(response: Response, date: Date): Promise<ResponseMessage> {
  const { status, headers } = response;
  if (status < 200) {
    throw new TypeError(
      `Cannot answer with status ${status}: to accept a WebSocket, return no Response.`,
    );
  }
  const content = await response.blob();
  const body = new Uint8Array(await content.arrayBuffer());
  const lines: HeaderLine[] = [["Date", date.toUTCString()]];
  for (const line of headers) if (!FRAMING.has(line[0])) lines.push(line);
  // The Fetch Standard gives a response the type of its body; Bun shows it only on the blob.
  if (content.type !== "" && !headers.has("content-type")) lines.push(["Content-Type", content.type]);
  // RFC 9110, section 8.6: "A server MUST NOT send a Content-Length header field in any response with a status code of
  // 1xx (Informational) or 204 (No Content)."
  if (status !== 204 && status !== 304) lines.push(["Content-Length", String(body.length)]);
  return { status, headers: lines, body };
}
