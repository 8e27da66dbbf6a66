/** Shared by loads of idle connections. */

/** The parameters of such a load. */
export interface Idle {
  readonly connections: number;
}

/** Connections opened and closed beforehand, so that one-time allocations are not counted. */
export const FIRST = 32;
/** Milliseconds until the leftovers of opening handshakes are gone. */
export const SETTLE_MS = 500;
