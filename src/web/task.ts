/**
 * Tasks of the event loop, in which the standard fires its events.
 *
 * @module
 */

/** Resolves in a new task: promise reactions to one event run before the next event, as in a browser. */
export function nextTask(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
