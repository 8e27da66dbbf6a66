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
