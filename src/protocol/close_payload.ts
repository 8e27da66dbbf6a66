/**
 * The payload of a Close frame (RFC 6455, section 5.5.1).
 *
 * @module
 */
import { ProtocolError } from "./errors.ts";
import {
  INVALID_PAYLOAD,
  mayBeReceived,
  mayBeSent,
  NO_STATUS_RECEIVED,
  PROTOCOL_ERROR,
} from "./status_code.ts";
import { decodeText } from "./utf8.ts";

/** The largest reason in bytes: 125 of a control frame, minus two for the status code. */
export const MAX_REASON_SIZE = 123;

/** The content of a Close frame. */
export interface ClosePayload {
  /** The status code; 1005 if the frame has none. */
  readonly code: number;
  /** The reason, `""` if the frame has none. */
  readonly reason: string;
}

/** Parses the payload of a received Close frame. */
export function parseClosePayload(payload: Uint8Array): ClosePayload | ProtocolError {
  if (payload.length === 0) return { code: NO_STATUS_RECEIVED, reason: "" };
  // RFC 6455, section 5.5.1: "If there is a body, the first two bytes of the body MUST be a 2-byte unsigned integer".
  if (payload.length === 1) {
    return new ProtocolError(
      PROTOCOL_ERROR,
      "RFC 6455, section 5.5.1",
      "A Close frame's payload is one byte long.",
    );
  }
  const code = (payload[0]! << 8) | payload[1]!;
  if (!mayBeReceived(code)) {
    return new ProtocolError(
      PROTOCOL_ERROR,
      "RFC 6455, section 7.4",
      `Status code ${code} must not be in a Close frame.`,
    );
  }
  const reason = decodeText(payload, 2, payload.length, 0x80);
  if (reason === undefined) {
    return new ProtocolError(
      INVALID_PAYLOAD,
      "RFC 6455, section 5.5.1",
      "The reason in a Close frame is not UTF-8.",
    );
  }
  return { code, reason };
}

/**
 * The payload of a Close frame to send; empty without a code. Throws a `RangeError` for a code that must not be sent
 * and for a reason that is too long.
 */
export function encodeClosePayload(
  code: number | undefined,
  reason: string,
  role: "client" | "server",
): Uint8Array {
  if (code === undefined) {
    if (reason !== "") {
      throw new RangeError("Cannot close with a reason but without a status code: give 1000 with it.");
    }
    return new Uint8Array(0);
  }
  if (!mayBeSent(code, role)) {
    throw new RangeError(
      `Cannot close with status code ${code}: use 1000, another registered code, or 3000 to 4999.`,
    );
  }
  const text = new TextEncoder().encode(reason);
  if (text.length > MAX_REASON_SIZE) {
    throw new RangeError(
      `Cannot close with a reason of ${text.length} bytes: at most ${MAX_REASON_SIZE} fit the frame.`,
    );
  }
  const payload = new Uint8Array(2 + text.length);
  payload[0] = code >>> 8;
  payload[1] = code;
  payload.set(text, 2);
  return payload;
}
