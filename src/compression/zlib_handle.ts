/**
 * The handle that `node:zlib` itself drives for synchronous work. It can be reused, while the one-shot functions
 * create a stream per call, which costs more than compressing a short message.
 *
 * The handle is undocumented, but the same on Node, Deno and Bun, because npm's own `minizlib` is built on it. If it
 * is not as expected, the one-shot functions do the work (`zlib_codec.ts`).
 *
 * @module
 */

interface Handle {
  onerror: (message: string, code: number) => void;
  reset(): void;
  writeSync(
    flush: number,
    input: Uint8Array,
    inputStart: number,
    inputSize: number,
    output: Uint8Array,
    outputStart: number,
    outputSize: number,
  ): void;
}

interface StreamWithHandle {
  readonly _handle?: Partial<Handle> | null;
  /** After a write: the output bytes left, then the input bytes left. */
  readonly _writeState?: unknown;
}

/** One reusable zlib stream. */
export class ZlibHandle {
  /** Whether zlib has rejected data since the last reset. */
  failed = false;
  /** The stream; it must live as long as its handle. */
  readonly stream: unknown;
  readonly #handle: Handle;
  readonly #left: Uint32Array;

  /** The handle of a `node:zlib` stream that nobody else uses; `undefined` if there is no compatible handle. */
  static of(stream: unknown): ZlibHandle | undefined {
    const { _handle: handle, _writeState: left } = stream as StreamWithHandle;
    if (typeof handle?.reset !== "function" || typeof handle.writeSync !== "function") return undefined;
    return left instanceof Uint32Array && left.length === 2
      ? new ZlibHandle(stream, handle as Handle, left)
      : undefined;
  }

  private constructor(stream: unknown, handle: Handle, left: Uint32Array) {
    this.stream = stream;
    this.#handle = handle;
    this.#left = left;
    handle.onerror = () => void (this.failed = true);
  }

  /** Forgets all state. */
  reset(): void {
    this.failed = false;
    this.#handle.reset();
  }

  /** Works until the input is used up, the output is full, or an error occurs. */
  write(flush: number, input: Uint8Array, inputStart: number, output: Uint8Array, outputStart: number): void {
    this.#handle.writeSync(
      flush,
      input,
      inputStart,
      input.length - inputStart,
      output,
      outputStart,
      output.length - outputStart,
    );
  }

  /** Output bytes left free by the last write. */
  get outputLeft(): number {
    return this.#left[0]!;
  }

  /** Input bytes not read by the last write. */
  get inputLeft(): number {
    return this.#left[1]!;
  }
}

/** Larger output memory that begins with what has been written so far. */
export function largerOutput(output: Uint8Array, size: number): Uint8Array {
  const copy = new Uint8Array(size);
  copy.set(output);
  return copy;
}
