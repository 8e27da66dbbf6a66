/**
 * The states of a connection and the allowed transitions, in one table.
 *
 * @module
 */

/**
 * - `"open"`: messages flow both ways.
 * - `"awaiting stream"`: no new messages are accepted; the Close frame follows the current streamed message.
 * - `"close sent"`: our Close frame was sent; the peer's is awaited.
 * - `"finished"`: nothing more is sent or parsed; the TCP connection still has to end.
 * - `"closed"`: the TCP connection has ended too.
 */
export type ConnectionState = "open" | "awaiting stream" | "close sent" | "finished" | "closed";

const MOVES: Readonly<Record<ConnectionState, readonly ConnectionState[]>> = {
  "open": ["awaiting stream", "close sent", "finished"],
  "awaiting stream": ["close sent", "finished"],
  // RFC 6455, section 5.5.1: "The application MUST NOT send any more data frames after sending a Close frame."
  "close sent": ["finished"],
  "finished": ["closed"],
  "closed": [],
};

/** Whether a transition is allowed. */
export function mayFollow(state: ConnectionState, next: ConnectionState): boolean {
  return MOVES[state].includes(next);
}
