/**
 * What the protocol asks of an extension that compresses messages (RFC 7692, section 6).
 *
 * @module
 */
import type { ProtocolError } from "./errors.ts";

/** The compression of one connection. */
export interface MessageCompression {
  /** Connections of the same number can send what {@linkcode compressAfresh} of one of them has made. */
  readonly likeness: number;
  /** Bytes that it keeps between two messages, at most. */
  readonly largestHold: number;
  /** Whether a message of so many bytes is to be compressed; `asked` is the caller's own choice, if it made one. */
  wants(size: number, asked: boolean | undefined): boolean;
  /**
   * The payload of a compressed message, to be used up before the next call; `undefined` where that would not be smaller:
   * it is then sent as it is.
   */
  compress(message: Uint8Array): Uint8Array | undefined;
  /** The payload of one fragment of a compressed message, to be used up before the next call. */
  compressFragment(fragment: Uint8Array, last: boolean): Uint8Array;
  /** As {@linkcode compress}, for a message that refers to nothing before it. Whoever sends it calls {@linkcode sentAfresh}. */
  compressAfresh(message: Uint8Array): Uint8Array | undefined;
  /** A message goes out that {@linkcode compressAfresh} has made: what comes next refers to nothing before it. */
  sentAfresh(): void;
  /** The message of a payload, of at most `limit` bytes, to be used up before the next call. */
  decompress(payload: Uint8Array, limit: number): Uint8Array | ProtocolError;
  /** Looks into a payload whose rest has not come: whether it holds too much already, or cannot be decompressed. */
  inspect(payload: Uint8Array, limit: number): ProtocolError | undefined;
}
