/**
 * Status codes of the closing handshake (RFC 6455, section 7.4, and its registry).
 *
 * @module
 */

/** The purpose of the connection has been fulfilled. */
export const NORMAL_CLOSURE = 1000;
/** The endpoint is going away: a server shuts down, or a page is left. */
export const GOING_AWAY = 1001;
/** The peer broke the protocol. */
export const PROTOCOL_ERROR = 1002;
/** The peer sent a type of data that is not supported. */
export const UNSUPPORTED_DATA = 1003;
/** Never sent: the peer's Close frame had no status code. */
export const NO_STATUS_RECEIVED = 1005;
/** Never sent: the connection ended without a Close frame. */
export const ABNORMAL_CLOSURE = 1006;
/** A message's data does not match its type, such as text that is not UTF-8. */
export const INVALID_PAYLOAD = 1007;
/** The peer broke a policy of this endpoint. */
export const POLICY_VIOLATION = 1008;
/** A message is too big to be processed. */
export const MESSAGE_TOO_BIG = 1009;
/** The server did not agree to an extension that the client requires. */
export const MANDATORY_EXTENSION = 1010;
/** This endpoint met an unexpected condition. */
export const INTERNAL_ERROR = 1011;
/** The service is restarting. Registered after the RFC. */
export const SERVICE_RESTART = 1012;
/** The service is overloaded. Registered after the RFC. */
export const TRY_AGAIN_LATER = 1013;
/** A gateway got an invalid response. Registered after the RFC. */
export const BAD_GATEWAY = 1014;

function isPrivateUse(code: number): boolean {
  return code >= 3000 && code <= 4999;
}

/** Whether a peer may send the code in a Close frame (RFC 6455, sections 7.4.1 and 7.4.2). */
export function mayBeReceived(code: number): boolean {
  return (code >= NORMAL_CLOSURE && code <= UNSUPPORTED_DATA) ||
    (code >= INVALID_PAYLOAD && code <= BAD_GATEWAY) || isPrivateUse(code);
}

/**
 * Whether this endpoint may send the code in a Close frame. A server never sends 1010 (RFC 6455, section 7.4.1): it
 * can fail the opening handshake instead.
 */
export function mayBeSent(code: number, role: "client" | "server"): boolean {
  return mayBeReceived(code) && !(code === MANDATORY_EXTENSION && role === "server") &&
    Number.isInteger(code);
}
