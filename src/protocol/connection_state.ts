/**
 * Where a connection stands, and how it may go on from there: the one table of that.
 *
 * @module
 */

/**
 * - `"open"`: messages go either way.
 * - `"awaiting stream"`: no more messages are taken; the Close frame follows the message that is being streamed.
 * - `"close sent"`: a Close frame of ours has gone; the peer's is waited for.
 * - `"finished"`: nothing more is sent or taken in; the TCP connection still has to end.
 * - `"closed"`: that has ended too.
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

/** Whether a connection may go from one state to another. */
export function mayFollow(state: ConnectionState, next: ConnectionState): boolean {
  return MOVES[state].includes(next);
}
