/**
 * Messages, as an application gives and takes them.
 *
 * @module
 */

/** A message as it is received: a string for text, bytes for binary. */
export type Message = string | Uint8Array;

/** What may be sent: a string goes out as text, all else as binary. */
export type Sendable = string | ArrayBufferView | ArrayBuffer;

/** How one message is sent. */
export interface SendOptions {
  /**
   * Whether to compress it, where permessage-deflate is in use: `true` whatever its size, though not where that would
   * make it larger (but for an empty one, which takes one byte then); `false` not at all.
   *
   * @default as `compression.threshold` says; a streamed message is not compressed
   */
  compress?: boolean;
}

/** The stages of a connection. */
export type ReadyState = "open" | "closing" | "closed";
