/** What loads of idle connections are made of. */

/** The order of such a load. */
export interface Idle {
  readonly connections: number;
}

/** Connections that come and go beforehand, so that what the first of them make is not counted. */
export const FIRST = 32;
/** Milliseconds until what opening handshakes leave behind is done with. */
export const SETTLE_MS = 500;
