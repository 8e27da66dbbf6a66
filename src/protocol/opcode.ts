/**
 * Opcodes (RFC 6455, section 5.2).
 *
 * @module
 */

/** A fragment that continues a message. */
export const CONTINUATION = 0x0;
/** A text message, or its first fragment. */
export const TEXT = 0x1;
/** A binary message, or its first fragment. */
export const BINARY = 0x2;
/** A Close frame. */
export const CLOSE = 0x8;
/** A Ping frame. */
export const PING = 0x9;
/** A Pong frame. */
export const PONG = 0xa;

/** Whether the opcode is defined by the RFC: 3 to 7 and 11 to 15 are reserved. */
export function isKnownOpcode(opcode: number): boolean {
  return opcode <= BINARY || (opcode >= CLOSE && opcode <= PONG);
}

/** Whether frames of this opcode are control frames (RFC 6455, section 5.5). */
export function isControl(opcode: number): boolean {
  return opcode >= CLOSE;
}
