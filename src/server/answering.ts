/**
 * How an opening handshake is answered: over HTTP/1.1 with bytes, over HTTP/2 with header fields.
 *
 * @module
 */
import { type Acceptance, acceptanceText, extendedConnectAcceptance } from "../handshake/server_response.ts";
import type { OpeningRequest } from "../handshake/server_handshake.ts";
import { latin1Text } from "../http/head.ts";
import { type HeaderLine, latin1Bytes, responseBytes, type ResponseMessage } from "../http/response.ts";
import { type Http2Stream, isAnswered } from "../transport/http2_stream.ts";
import type { Transport } from "../transport/transport.ts";

/** Sends the response to an opening handshake. */
export interface Answering {
  /**
   * Accepts, and returns the head as text. Throws a `TypeError`, and sends nothing, for a subprotocol that was not offered
   * and for headers that the caller must not set.
   */
  accept(transport: Transport, request: OpeningRequest, acceptance: Acceptance): string;
  /** Makes any other response ready. Throws a `TypeError` for an invalid header. */
  ready(response: ResponseMessage): ReadyResponse;
}

/** A response that can be sent. */
export interface ReadyResponse {
  /** The response as text: its head, and its body as UTF-8. */
  text(): string;
  /** Sends it. */
  send(transport: Transport): void;
}

/** Answers over HTTP/1.1. */
export const answeringHttp1: Answering = {
  accept(transport, request, acceptance) {
    const text = acceptanceText(request, acceptance);
    transport.write(latin1Bytes(text));
    return text;
  },
  ready(response) {
    const bytes = responseBytes(response);
    const { body } = response;
    return {
      text: () => latin1Text(bytes, 0, bytes.length - body.length) + new TextDecoder().decode(body),
      send: (transport) => void transport.write(bytes),
    };
  },
};

// RFC 9113, section 8.2.2: "An endpoint MUST NOT generate an HTTP/2 message containing connection-specific header
// fields."
const CONNECTION_SPECIFIC: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
  "upgrade",
  "http2-settings",
  "te",
]);

/** Answers over HTTP/2, on this stream. */
export function answeringOn(stream: Http2Stream): Answering {
  return {
    accept(_, request: OpeningRequest, acceptance: Acceptance) {
      if (stream.headersSent) {
        throw new TypeError(
          "Cannot accept a WebSocket over HTTP/2: somebody else has answered its stream. Let your other listeners for " +
            "stream leave CONNECT requests alone.",
        );
      }
      const response = extendedConnectAcceptance(request, acceptance);
      begin(stream, response);
      return textOf(response);
    },
    ready(response) {
      // RFC 9110, section 9.3.6, of CONNECT: "Any 2xx (Successful) response indicates that the sender (and all inbound
      // proxies) will switch to tunnel mode": the body would be read as frames.
      if (response.status < 300) {
        throw new TypeError(
          `Cannot refuse a WebSocket over HTTP/2 with status ${response.status}, which accepts it there: answer with 300 or more.`,
        );
      }
      return {
        text: () => textOf(response) + new TextDecoder().decode(response.body),
        send(transport) {
          try {
            if (begin(stream, response)) transport.write(response.body);
          } catch (error) {
            // node:http2 does not send what it finds wrong in headers; nothing else can be answered any more.
            transport.abort();
            throw error;
          }
        },
      };
    },
  };
}

function allowedLines({ headers }: ResponseMessage): HeaderLine[] {
  return headers.map(([name, value]) => [name.toLowerCase(), value] as const)
    .filter(([name]) => !CONNECTION_SPECIFIC.has(name));
}

function textOf(response: ResponseMessage): string {
  const lines = allowedLines(response).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/2 ${response.status}\r\n${lines.join("")}\r\n`;
}

/** Whether the response could begin: the stream is there, and nobody else has answered it. */
function begin(stream: Http2Stream, response: ResponseMessage): boolean {
  if (isAnswered(stream)) return false;
  const headers: Record<string, string | number | string[]> = Object.create(null);
  headers[":status"] = response.status;
  for (const [name, value] of allowedLines(response)) {
    const before = headers[name];
    // Of most fields, node:http2 sends one line for each value.
    if (before === undefined) headers[name] = value;
    else headers[name] = [...(Array.isArray(before) ? before : [String(before)]), value];
  }
  stream.respond(headers);
  return true;
}
