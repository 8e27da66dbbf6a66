/**
 * Messages as the application sees them.
 *
 * @module
 */

/** A received message: a string for text, bytes for binary. */
export type Message = string | Uint8Array;

/** Data to send: a string is sent as text, everything else as binary. */
export type Sendable = string | ArrayBufferView | ArrayBuffer;

/** Options for sending one message. */
export interface SendOptions {
  /**
   * Whether to compress the message, if permessage-deflate is in use. `true`: whatever its size, unless that would make it larger (except an empty message, which then takes one byte). `false`: not at all.
   *
   * @default decided by `compression.threshold`; a streamed message is not compressed
   */
  compress?: boolean;
}

/** The states of a connection. */
export type ReadyState = "open" | "closing" | "closed";
