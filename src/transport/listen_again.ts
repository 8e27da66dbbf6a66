/**
 * Listening on a port once more, after the listener before has let go of it.
 *
 * @module
 */

const ATTEMPTS = 50;
const PAUSE_MS = 100;

/** Tries for five seconds, or until it is no longer wanted: somebody else may have the port for a moment. */
export async function listenAgain<L>(open: () => L, isWanted: () => boolean): Promise<L> {
  for (let attempt = 1;; attempt++) {
    try {
      return open();
    } catch (error) {
      if (attempt === ATTEMPTS || !isWanted()) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}
