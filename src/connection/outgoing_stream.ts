/**
 * One message from a source that delivers it piece by piece.
 *
 * @module
 */

/** The source of a streamed message: chunks that are all strings, or all bytes. */
export type FragmentSource =
  | ReadableStream<string | ArrayBufferView | ArrayBuffer>
  | AsyncIterable<string | ArrayBufferView | ArrayBuffer>
  | Iterable<string | ArrayBufferView | ArrayBuffer>;

/** Sends one fragment; resolves when the next may follow. */
export type SendFragment = (
  type: "text" | "binary",
  data: string | Uint8Array,
  first: boolean,
  last: boolean,
) => Promise<void>;

const HIGH_SURROGATES = 0xd800;
const LOW_SURROGATES = 0xdc00;
// Larger chunks are cut into pieces of this size, with a check of the buffer before each.
const LARGEST_FRAGMENT = 64 * 1024;

/**
 * Sends the chunks of a source as fragments of one message: one per chunk, several for a large one. A surrogate pair
 * that is split between two chunks goes into one fragment.
 *
 * Rejects with what the source throws, with what `send` rejects with, or with the error given to the function that
 * `onStart` receives, even while the source is being awaited. The source is then told to stop.
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
          `Cannot send a ${kind} chunk in a ${type} message: all chunks must be of the same kind.`,
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
    // The end of the source is only known now, so the last fragment is what was carried over, or empty.
    await send(type ?? "binary", type === "text" ? carry : new Uint8Array(0), first, true);
  } finally {
    chunks.release();
  }
}

/** The bytes of a view or buffer, not copied. Throws a `TypeError` for anything else. */
export function bytesOf(data: ArrayBufferView | ArrayBuffer): Uint8Array {
  if (data instanceof Uint8Array) return data;
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  if (data instanceof ArrayBuffer) return new Uint8Array(data);
  throw new TypeError("Cannot send this: give a string, a typed array, a DataView or an ArrayBuffer.");
}

/** The last index up to `end` where data can be cut: not inside a surrogate pair, nor after a high surrogate. */
function wholeUntil(data: string | Uint8Array, end: number): number {
  if (typeof data !== "string" || end === 0 || !isSurrogate(data, end - 1, HIGH_SURROGATES)) return end;
  return end === data.length || isSurrogate(data, end, LOW_SURROGATES) ? end - 1 : end;
}

function isSurrogate(text: string, index: number, first: number): boolean {
  return (text.charCodeAt(index) & 0xfc00) === first;
}

type Chunk = string | ArrayBufferView | ArrayBuffer;

/** Reads a source chunk by chunk until it ends or is stopped. */
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

  /** Stops waiting for the current or next chunk. */
  stop(error: Error): void {
    this.#stopped = error;
    this.#reject?.(error);
  }

  /** Tells an unfinished source to stop. Its reaction is ignored. */
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
  // Not every runtime's ReadableStream is async iterable.
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
