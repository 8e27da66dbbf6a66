/**
 * A message that is encoded once for many connections.
 *
 * @module
 */
import { encodeFrame, encodeTextFrame, FIN, RSV1 } from "./frame.ts";
import type { MessageCompression } from "./message_compression.ts";
import { BINARY, TEXT } from "./opcode.ts";

/** A message as a frame for many connections; see {@linkcode encodeMessage}. */
export interface EncodedMessage {
  /** The frame; do not modify it. */
  readonly frame: Uint8Array;
  /** Whether its payload is compressed, without reference to earlier messages. */
  readonly compressed: boolean;
}

const encoder: TextEncoder = /* @__PURE__ */ new TextEncoder();

/**
 * Encodes a message as the frame that a server sends to many connections. A server does not mask (RFC 6455, section
 * 5.1), so one encoding serves all. With `compression` it is compressed for all connections of the same `likeness`;
 * `undefined` if that would not make it smaller.
 */
export function encodeMessage(data: string | Uint8Array): EncodedMessage;
/** As above, compressed. */
export function encodeMessage(
  data: string | Uint8Array,
  compression: MessageCompression,
): EncodedMessage | undefined;
export function encodeMessage(
  data: string | Uint8Array,
  compression?: MessageCompression,
): EncodedMessage | undefined {
  const opcode = typeof data === "string" ? TEXT : BINARY;
  if (compression !== undefined) {
    const payload = compression.compressAfresh(typeof data === "string" ? encoder.encode(data) : data);
    if (payload === undefined) return undefined;
    return { frame: encodeFrame(FIN | RSV1 | opcode, payload, undefined), compressed: true };
  }
  const frame = typeof data === "string"
    ? encodeTextFrame(FIN | TEXT, data, undefined)
    : encodeFrame(FIN | BINARY, data, undefined);
  return { frame, compressed: false };
}
