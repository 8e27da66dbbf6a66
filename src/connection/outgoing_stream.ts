/**
 * One message from a source that gives it piece by piece.
 *
 * @module
 */

/** Where a streamed message comes from: chunks that are all strings, or all bytes. */
export type FragmentSource =
  | ReadableStream<string | ArrayBufferView | ArrayBuffer>
  | AsyncIterable<string | ArrayBufferView | ArrayBuffer>
  | Iterable<string | ArrayBufferView | ArrayBuffer>;

/** Sends one fragment; resolves when the next may come. */
export type SendFragment = (
  type: "text" | "binary",
  data: string | Uint8Array,
  first: boolean,
  last: boolean,
) => Promise<void>;

const HIGH_SURROGATES = 0xd800;
const LOW_SURROGATES = 0xdc00;
// Of a larger chunk no more than this is copied before the buffer is asked again.
const LARGEST_FRAGMENT = 64 * 1024;

/**
 * Gives the chunks of a source to `send` as fragments of one message: one for each, several for a large one. A character
 * that two chunks share, as a pair of surrogates, goes into one fragment.
 *
 * Rejects with what the source throws, or `send` rejects with, or with the error that `onStart`'s function is called
 * with, even while the source is waited for. The source is then told that no more is wanted.
 */
export async function sendFragments(
  source: FragmentSource,
  send: SendFragment,
  onStart: (stop: (error: Error) => void) => void = () => {},
): Promise<void> {
  const chunks = new Chunks(source);
  onStart((error) => chunks.stop(error));
  let type: "text" | "binary" | undefined;
  let carry = "";
  let first = true;
  try {
    for (let next = await chunks.next(); !next.done; next = await chunks.next()) {
      const chunk = next.value;
      const kind = typeof chunk === "string" ? "text" : "binary";
      if (type !== undefined && kind !== type) {
        throw new TypeError(
          `Cannot send a ${kind} chunk in a ${type} message: all chunks must be of one kind.`,
        );
      }
      type = kind;
      const data = typeof chunk === "string" ? carry + chunk : bytesOf(chunk);
      const limit = wholeUntil(data, data.length);
      if (typeof data === "string") carry = data.slice(limit);
      for (let start = 0, end = 0; start < limit; start = end) {
        end = wholeUntil(data, Math.min(limit, start + LARGEST_FRAGMENT));
        await send(
          type,
          typeof data === "string" ? data.slice(start, end) : data.subarray(start, end),
          first,
          false,
        );
        first = false;
      }
    }
    // The end of the source shows only now, so that the last fragment is what was carried over, or empty.
    await send(type ?? "binary", type === "text" ? carry : new Uint8Array(0), first, true);
  } finally {
    chunks.release();
  }
}

/** The bytes of a view or a buffer, not copied. Throws a `TypeError` for anything else. */
export function bytesOf(data: ArrayBufferView | ArrayBuffer): Uint8Array {
  if (data instanceof Uint8Array) return data;
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  if (data instanceof ArrayBuffer) return new Uint8Array(data);
  throw new TypeError("Cannot send this: give a string, a typed array, a DataView or an ArrayBuffer.");
}

/** The last place up to `end` where data can be cut: not within a pair of surrogates, nor behind what may begin one. */
function wholeUntil(data: string | Uint8Array, end: number): number {
  if (typeof data !== "string" || end === 0 || !isSurrogate(data, end - 1, HIGH_SURROGATES)) return end;
  return end === data.length || isSurrogate(data, end, LOW_SURROGATES) ? end - 1 : end;
}

function isSurrogate(text: string, index: number, first: number): boolean {
  return (text.charCodeAt(index) & 0xfc00) === first;
}

type Chunk = string | ArrayBufferView | ArrayBuffer;

/** A source, chunk by chunk, until it ends or is not waited for any more. */
class Chunks {
  readonly #iterator: Iterator<Chunk> | AsyncIterator<Chunk>;
  #finished = false;
  #stopped: Error | undefined;
  #reject: ((error: Error) => void) | undefined;

  constructor(source: FragmentSource) {
    this.#iterator = iteratorOf(source);
  }

  next(): Promise<IteratorResult<Chunk, undefined>> {
    return new Promise((resolve, reject) => {
      if (this.#stopped !== undefined) return reject(this.#stopped);
      this.#reject = reject;
      Promise.resolve(this.#iterator.next()).then(({ done, value }) => {
        if (done) this.#finished = true;
        resolve(done ? { done, value: undefined } : { done: false, value });
      }, (error) => {
        this.#finished = true;
        reject(error);
      });
    });
  }

  /** The chunk that is waited for, or the next, is not waited for. */
  stop(error: Error): void {
    this.#stopped = error;
    this.#reject?.(error);
  }

  /** Tells a source that has more to give that no more is wanted; what it says to that changes nothing. */
  release(): void {
    if (this.#finished) return;
    this.#finished = true;
    Promise.resolve().then(() => this.#iterator.return?.()).catch(() => {});
  }
}

function iteratorOf(source: FragmentSource): Iterator<Chunk> | AsyncIterator<Chunk> {
  if (typeof source !== "object" || source === null) {
    throw new TypeError("Cannot stream this: give a ReadableStream or an iterable of strings or of bytes.");
  }
  // Not every runtime's ReadableStream can be iterated by itself.
  if ("getReader" in source) return reading(source);
  return Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]();
}

function reading(stream: ReadableStream<Chunk>): AsyncIterator<Chunk> {
  const reader = stream.getReader();
  return {
    async next() {
      const { done, value } = await reader.read();
      if (!done) return { done, value };
      reader.releaseLock();
      return { done, value: undefined };
    },
    async return() {
      const cancelled = reader.cancel();
      reader.releaseLock();
      await cancelled;
      return { done: true, value: undefined };
    },
  };
}
