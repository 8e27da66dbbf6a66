/**
 * Lingering close: after the last response the sending side ends, and what the peer still sends is read and discarded for
 * a moment. Closing at once would send a TCP reset, which can destroy a response that the peer has not read yet.
 *
 * @module
 */
import type { Transport } from "./transport.ts";

/** Milliseconds for which received bytes are discarded after a response, and for which the response may make no progress. */
const LINGER = 2000;

/**
 * Ends a stream after its last response was written. The caller reads and discards. `patience`: milliseconds for which the
 * response may make no progress. Returns a function that stops waiting.
 */
export function closeLingering(transport: Transport, patience: number = LINGER): () => void {
  let timer: ReturnType<typeof setTimeout>;
  // A long response may take its time while it makes progress.
  const linger = (waiting: number, stalled: number): void => {
    timer = setTimeout(() => {
      const { bufferedAmount } = transport;
      if (bufferedAmount < waiting) linger(bufferedAmount, 0);
      else if (waiting > 0 && stalled + LINGER < patience) linger(waiting, stalled + LINGER);
      else transport.abort();
    }, LINGER);
  };
  transport.closeWrite();
  linger(transport.bufferedAmount, 0);
  return () => clearTimeout(timer);
}
