/**
 * Tasks of the event loop, in which the standard fires its events.
 *
 * @module
 */

/**
 * Resolves in a task of its own: what code does in promises that an event has settled is done before the next event,
 * as in a browser.
 */
export function nextTask(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
