/**
 * The end of a server, in peace.
 *
 * @module
 */
import { atLeast } from "../options/at_least.ts";
import type { OpeningContext } from "./opening_handshake.ts";
import { GOING_AWAY } from "../protocol/status_code.ts";
import { LONGEST_WAIT, startTimer } from "../support/timer.ts";

/** How a server ends. */
export interface ShutdownOptions {
  /**
   * Milliseconds that connections have to end, and responses to go out; then they are dropped.
   *
   * @default 10000
   */
  deadline?: number;
  /**
   * Milliseconds over which the connections are told to close, each at a random moment, so that their clients do not
   * all come back at once. At most the deadline.
   *
   * @default 0
   */
  jitter?: number;
}

/**
 * Refuses handshakes from now on, closes every connection, and waits for them. Then `stopListening` is called, and
 * responses that are still on their way are waited for, but not peers that have asked for nothing. Throws a `RangeError`
 * for an option out of range.
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
  })];
  for (const handshake of handshakes) handshake.refuseToOpen();
  const closed = [...connections].map((socket) => {
    if (jitter > 0) timers.push(startTimer(Math.random() * jitter, () => void socket.close(GOING_AWAY)));
    else void socket.close(GOING_AWAY);
    return socket.closed;
  });
  await Promise.all(closed);
  const stopped = stopListening();
  for (const handshake of handshakes) handshake.abortUnlessAsked();
  await handshakes.empty();
  for (const timer of timers) clearTimeout(timer);
  await stopped;
}
