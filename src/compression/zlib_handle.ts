/**
 * What `node:zlib` itself drives when it works synchronously. A stream's handle can be used again and again, where the
 * one-shot functions make a new stream for each call: that costs more than to compress a short message.
 *
 * The handle is not documented, but alike on Node, Deno and Bun, for npm's own `minizlib` is built on it. Where it is
 * not as expected there is none, and the one-shot functions do the work (`deflate.ts`).
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
  /** What was left of the output, then of the input, by the last write. */
  readonly _writeState?: unknown;
}

/** One zlib stream, used for one piece of work after the other. */
export class ZlibHandle {
  /** Whether the work since the last reset has met data that zlib cannot use. */
  failed = false;
  /** The stream, which is to live as long as its handle. */
  readonly stream: unknown;
  readonly #handle: Handle;
  readonly #left: Uint32Array;

  /** The handle of a stream of `node:zlib` that nobody else uses; `undefined` where it has none like this. */
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

  /** Forgets what was before. */
  reset(): void {
    this.failed = false;
    this.#handle.reset();
  }

  /** Works until the input is used up, the output is full, or something is wrong. */
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

  /** Bytes of the output that the last write has left free. */
  get outputLeft(): number {
    return this.#left[0]!;
  }

  /** Bytes of the input that the last write has not read. */
  get inputLeft(): number {
    return this.#left[1]!;
  }
}

/** More memory for what a handle writes, which begins with what has been written already. */
export function largerOutput(output: Uint8Array, size: number): Uint8Array {
  const copy = new Uint8Array(size);
  copy.set(output);
  return copy;
}
