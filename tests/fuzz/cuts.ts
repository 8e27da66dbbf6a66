/** Ways to cut a stream: whatever comes of it, it must be the same for all of them. */
import { hashOf, Random } from "./random.ts";

/** Streams up to this length are also given byte by byte; longer ones in small pieces. */
const BYTEWISE_UP_TO = 2048;
const LARGEST: readonly number[] = [2, 3, 7, 20, 150, 5000];

/** Where the pieces of a stream end, one after the other. */
export type Cut = () => number;

/** Whole, byte by byte, and twice at random. */
export function cutsOf(stream: Uint8Array): Cut[] {
  if (stream.length < 2) return [() => stream.length];
  const seed = hashOf(stream);
  const small = stream.length <= BYTEWISE_UP_TO ? 1 : Math.ceil(stream.length / BYTEWISE_UP_TO);
  return [() => stream.length, () => small, dealt(seed, 0), dealt(seed, 1)];
}

function dealt(seed: number, way: number): Cut {
  const random = new Random(seed, way);
  const largest = random.pick(LARGEST);
  // Now and then an empty piece.
  return () => random.once(16) ? 0 : 1 + random.below(largest);
}

/**
 * Feeds the pieces until `receive` returns `true`. Each may be written to during the call and is overwritten after
 * it, as a transport may do. Returns how many bytes were handed over.
 */
export function feed(stream: Uint8Array, cut: Cut, receive: (chunk: Uint8Array) => boolean): number {
  const copy = stream.slice();
  for (let start = 0; start < copy.length;) {
    const end = Math.min(copy.length, start + cut());
    const chunk = copy.subarray(start, end);
    const enough = receive(chunk);
    // A call costs more than a byte.
    if (chunk.length === 1) chunk[0] = 0xa5;
    else chunk.fill(0xa5);
    start = end;
    if (enough) return end;
  }
  return copy.length;
}
