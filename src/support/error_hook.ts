/**
 * Reports errors of the application's code.
 *
 * @module
 */

/** Calls the `error` hook, or logs to the console if there is none or if it throws. */
export function reportError(hook: ((error: unknown) => void) | undefined, error: unknown): void {
  if (hook === undefined) return console.error(error);
  try {
    hook(error);
  } catch (second) {
    console.error(second);
  }
}

/** Calls the application's code without waiting for its result, and reports what it throws or rejects with. */
export function guarded(call: () => unknown, report: (error: unknown) => void): void {
  try {
    // A result that is not a promise is ignored, but even checking may throw.
    void Promise.resolve(call()).catch(report);
  } catch (error) {
    report(error);
  }
}
