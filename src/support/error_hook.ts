/**
 * Where errors of the application's own code go.
 *
 * @module
 */

/** Tells the `error` hook, or the console if there is none, or if the hook itself throws. */
export function reportError(hook: ((error: unknown) => void) | undefined, error: unknown): void {
  if (hook === undefined) return console.error(error);
  try {
    hook(error);
  } catch (second) {
    console.error(second);
  }
}

/** Calls code of the application's for whose answer nobody waits: what it throws, or rejects with, is reported. */
export function guarded(call: () => unknown, report: (error: unknown) => void): void {
  try {
    // What is no promise is none of our business, but may throw when it is asked whether it is one.
    void Promise.resolve(call()).catch(report);
  } catch (error) {
    report(error);
  }
}
