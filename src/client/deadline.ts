/**
 * How the client tells its own handshake deadline from the caller's signal.
 *
 * @module
 */

/** The abort reason once the deadline has passed. */
export const DEADLINE: unique symbol = Symbol("the deadline has passed");
