/**
 * The interface between the protocol and an extension that compresses messages (RFC 7692, section 6).
 *
 * @module
 */
import type { ProtocolError } from "./errors.ts";

/** The compression of one connection. */
export interface MessageCompression {
  /** Connections with the same number can share the result of {@linkcode compressAfresh}. */
  readonly likeness: number;
  /** The most bytes kept between two messages. */
  readonly largestHold: number;
  /** Whether to compress a message of this size; `asked` is the caller's choice, if there is one. */
  wants(size: number, asked: boolean | undefined): boolean;
  /**
   * The payload of a compressed message, to be used up before the next call; `undefined` if that would not be smaller: the message is then sent uncompressed.
   */
  compress(message: Uint8Array): Uint8Array | undefined;
  /** The payload of one fragment of a compressed message, to be used up before the next call. */
  compressFragment(fragment: Uint8Array, last: boolean): Uint8Array;
  /**
   * As {@linkcode compress}, for a message that does not refer to earlier ones. When it is sent, call
   * {@linkcode sentAfresh}.
   */
  compressAfresh(message: Uint8Array): Uint8Array | undefined;
  /** A result of {@linkcode compressAfresh} is sent: the next message does not refer to anything before it. */
  sentAfresh(): void;
  /** The decompressed message, of at most `limit` bytes, to be used up before the next call. */
  decompress(payload: Uint8Array, limit: number): Uint8Array | ProtocolError;
  /** Inspects an incomplete payload: whether it is already too large, or invalid. */
  inspect(payload: Uint8Array, limit: number): ProtocolError | undefined;
}
