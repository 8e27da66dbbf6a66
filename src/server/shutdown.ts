/**
 * Graceful shutdown of a server.
 *
 * @module
 */
import { atLeast } from "../options/at_least.ts";
import type { OpeningContext } from "./opening_handshake.ts";
import { GOING_AWAY } from "../protocol/status_code.ts";
import { LONGEST_WAIT, startTimer } from "../support/timer.ts";

/** Options of a graceful shutdown. */
export interface ShutdownOptions {
  /**
   * Milliseconds for connections to end and responses to be sent; then they are dropped.
   *
   * @default 10000
   */
  deadline?: number;
  /**
   * Milliseconds over which the connections are closed, each at a random moment, so that clients do not all reconnect
   * at once. At most the deadline.
   *
   * @default 0
   */
  jitter?: number;
}

/**
 * Refuses handshakes from now on, closes every connection, and waits for them. Then calls `stopListening`, and waits
 * for pending responses, but not for peers that have sent no request. Throws a `RangeError` for an option out of
 * range.
 */
export function shutDown<Data>(
  context: OpeningContext<Data>,
  options: ShutdownOptions,
  stopListening: () => Promise<void>,
): Promise<void> {
  const deadline = Math.min(atLeast(options, "deadline", 0, 10_000), LONGEST_WAIT);
  return end(context, deadline, Math.min(deadline, atLeast(options, "jitter", 0, 0)), stopListening);
}

async function end<Data>(
  context: OpeningContext<Data>,
  deadline: number,
  jitter: number,
  stopListening: () => Promise<void>,
): Promise<void> {
  const { handshakes, home: { connections } } = context;
  context.retryAfter = Math.max(1, Math.ceil(deadline / 1000));
  const timers = [startTimer(deadline, () => {
    for (const socket of connections) socket.abort();
    for (const handshake of handshakes) handshake.abort();
    context.http?.abort();
  })];
  context.http?.close();
  for (const handshake of handshakes) handshake.refuseToOpen();
  const closed = [...connections].map((socket) => {
    if (jitter > 0) timers.push(startTimer(Math.random() * jitter, () => void socket.close(GOING_AWAY)));
    else void socket.close(GOING_AWAY);
    return socket.closed;
  });
  await Promise.all(closed);
  const stopped = stopListening();
  for (const handshake of handshakes) handshake.abortUnlessAsked();
  // An upgrade on a connection of the application becomes a handshake, never the other way round by now.
  await context.http?.empty();
  await handshakes.empty();
  for (const timer of timers) clearTimeout(timer);
  await stopped;
}
