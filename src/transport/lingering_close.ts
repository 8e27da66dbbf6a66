/**
 * Lingering close: after the last response the sending side ends, and what the peer still sends is read and discarded for
 * a moment. Closing at once would send a TCP reset, which can destroy a response that the peer has not read yet.
 *
 * @module
 */
import type { Transport } from "./transport.ts";

/** Milliseconds for which received bytes are discarded after a response, and for which the response may make no progress. */
const LINGER = 2000;

/** Ends a stream after its last response was written. The caller reads and discards. Returns a function that stops waiting. */
export function closeLingering(transport: Transport): () => void {
  let timer: ReturnType<typeof setTimeout>;
  // A long response may take its time while it makes progress.
  const linger = (waiting: number): void => {
    timer = setTimeout(() => {
      const { bufferedAmount } = transport;
      if (bufferedAmount < waiting) linger(bufferedAmount);
      else transport.abort();
    }, LINGER);
  };
  transport.closeWrite();
  linger(transport.bufferedAmount);
  return () => clearTimeout(timer);
}
