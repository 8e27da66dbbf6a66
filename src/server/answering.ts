/**
 * How an opening handshake is answered: over HTTP/1.1 with bytes, over HTTP/2 with header fields.
 *
 * @module
 */
import { type Acceptance, acceptanceText } from "../handshake/server_response.ts";
import type { OpeningRequest } from "../handshake/server_handshake.ts";
import { latin1Text } from "../http/head.ts";
import { latin1Bytes, responseBytes, type ResponseMessage } from "../http/response.ts";
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
