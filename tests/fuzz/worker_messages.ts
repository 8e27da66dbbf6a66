/** What the fuzzer and its threads say to each other. */

/** What a thread is given. */
export interface Work {
  readonly seed: number;
  /** Inputs for each target. */
  readonly inputs: number;
  readonly names: readonly string[];
  /** The thread's number, of this many. */
  readonly thread: number;
  readonly threads: number;
  /** The thread's own place in `shared`. */
  readonly place: number;
  /** {@linkcode STOP}, then the next number of each target, then for each thread its target and current number. */
  readonly shared: Int32Array;
}

/** What a thread says. */
export type Report =
  | { readonly kind: "done"; readonly target: string; readonly inputs: number; readonly milliseconds: number }
  | {
    readonly kind: "failed";
    readonly target: string;
    readonly index: number;
    readonly message: string;
    readonly shrunk: string;
  }
  | { readonly kind: "grew"; readonly target: string; readonly message: string };

/** Where in the shared memory it says whether to stop. */
export const STOP = 0;
