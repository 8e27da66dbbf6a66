/**
 * Frames as they are sent (RFC 6455, section 5.2).
 *
 * @module
 */
import { applyMask } from "./mask.ts";

const encoder: TextEncoder = /* @__PURE__ */ new TextEncoder();
// Up to this many characters a loop beats the encoder's call.
const LOOP_UP_TO = 64;

/** Bytes of a frame's header: two, the extended payload length, the masking key. */
export function headerSize(length: number, masked: boolean): number {
  return (length < 126 ? 2 : length < 65536 ? 4 : 10) + (masked ? 4 : 0);
}

/** Writes a header at the start of `frame`. `firstByte` holds FIN, RSV1 to RSV3 and the opcode. */
function writeHeader(frame: Uint8Array, firstByte: number, length: number, key: number | undefined): void {
  const mask = key === undefined ? 0 : 0x80;
  let end = 2;
  frame[0] = firstByte;
  // RFC 6455, section 5.2: "the minimal number of bytes MUST be used to encode the length".
  if (length < 126) {
    frame[1] = mask | length;
  } else if (length < 65536) {
    frame[1] = mask | 126;
    frame[2] = length >>> 8;
    frame[3] = length;
    end = 4;
  } else {
    frame[1] = mask | 127;
    const high = Math.floor(length / 0x100000000);
    for (let i = 0; i < 4; i++) {
      frame[2 + i] = high >>> (24 - 8 * i);
      frame[6 + i] = length >>> (24 - 8 * i);
    }
    end = 10;
  }
  if (key !== undefined) { for (let i = 0; i < 4; i++) frame[end + i] = key >>> (24 - 8 * i); }
}

/** A whole frame with this payload, which is copied. `key` is the masking key, or `undefined` on a server. */
export function encodeFrame(firstByte: number, payload: Uint8Array, key: number | undefined): Uint8Array {
  const start = headerSize(payload.length, key !== undefined);
  const frame = new Uint8Array(start + payload.length);
  writeHeader(frame, firstByte, payload.length, key);
  frame.set(payload, start);
  if (key !== undefined) applyMask(frame, start, frame.length, key, 0);
  return frame;
}

/** A whole frame with this text as payload. Lone surrogates become U+FFFD, as everywhere on the web. */
export function encodeTextFrame(firstByte: number, text: string, key: number | undefined): Uint8Array {
  if (text.length > LOOP_UP_TO) return encodeFrame(firstByte, encoder.encode(text), key);
  const start = headerSize(text.length, key !== undefined);
  const frame = new Uint8Array(start + text.length);
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code > 0x7f) return encodeFrame(firstByte, encoder.encode(text), key);
    frame[start + i] = code;
  }
  writeHeader(frame, firstByte, text.length, key);
  if (key !== undefined) applyMask(frame, start, frame.length, key, 0);
  return frame;
}
