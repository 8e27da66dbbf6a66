/**
 * How the deadline of a client's opening handshake is told from the signal of the caller.
 *
 * @module
 */

/** The reason of the signal, once the deadline has passed. */
export const DEADLINE: unique symbol = Symbol("the deadline has passed");
