/**
 * The options of permessage-deflate (RFC 7692), and how they become the agreed parameters.
 *
 * @module
 */
import { zlibCodec } from "./zlib_codec.ts";
import type { ExtensionOffer } from "../http/header_fields.ts";
import {
  acceptDeflateOffer,
  type DeflateAgreement,
  deflateOffer,
  type DeflateWishes,
  readDeflateAnswer,
} from "../permessage_deflate/negotiation.ts";
import { type CompressionChoice, PermessageDeflate } from "../permessage_deflate/permessage_deflate.ts";

/** Compression of messages (RFC 7692). */
export interface CompressionOptions {
  /**
   * `"shared"`: each message is compressed independently. No memory is held for outgoing messages, and a broadcast is
   * compressed once for all subscribers. `"context-takeover"`: a message may refer to earlier ones. Small, similar
   * messages become much smaller, at a cost of `2 ** windowBits` bytes per connection.
   *
   * In both modes the window for the peer's messages is kept: at most 32 KiB, and never more than the peer has sent.
   *
   * @default "shared"
   */
  mode?: "shared" | "context-takeover";
  /**
   * Compression level, 0 (none) to 9. On 64 KiB of JSON, the output of level 2 is at most a fifth larger than that of level 6, in less than half the time; on short messages they differ little.
   *
   * @default 2
   */
  level?: number;
  /**
   * Messages below this many bytes are sent uncompressed, unless `send()` is told otherwise; `Infinity`: all of them.
   *
   * @default 128
   */
  threshold?: number;
  /**
   * Window size of our messages in bits: 9 to 15. A peer may ask for less.
   *
   * @default 15, and 12 with `"context-takeover"`
   */
  windowBits?: number;
  /**
   * Window size of the peer's messages in bits: 8 to 15. A client asks its server for less than 15, and fails the
   * handshake if the server does not comply. A server limits only clients that allow it.
   *
   * @default 15
   */
  peerWindowBits?: number;
  /**
   * Whether the peer's messages may refer to earlier ones. With `false` a client asks its server not to, and fails
   * the handshake if the server does not comply; a server tells its clients, some of which ignore it.
   *
   * @default true
   */
  peerContextTakeover?: boolean;
  /**
   * Bytes that all connections of a server together may hold for context takeover. When they are used up, new clients
   * connect without compression. Ignored by clients.
   *
   * @default 1073741824
   */
  memoryBudget?: number;
}

/** The options with all defaults filled in. */
export interface CompressionSettings {
  /** What this side asks for in the handshake. */
  readonly wishes: DeflateWishes;
  /** How this side compresses. */
  readonly choice: CompressionChoice;
  /** Bytes that all connections of a server together may hold. */
  readonly memoryBudget: number;
}

/** permessage-deflate on one connection, and its response header value. */
export interface NegotiatedCompression {
  /** The value of `Sec-WebSocket-Extensions` in the response. */
  readonly answer: string;
  /** Compresses and decompresses. */
  readonly deflate: PermessageDeflate;
}

/** Fills in the defaults; `undefined` means no compression. Throws a `RangeError` for an invalid value. */
export function compressionSettings(
  option: boolean | CompressionOptions | undefined,
): CompressionSettings | undefined {
  if (option === undefined || option === false) return undefined;
  const options = option === true ? {} : option;
  const { mode = "shared", peerContextTakeover = true } = options;
  if (mode !== "shared" && mode !== "context-takeover") {
    throw new RangeError(
      `Cannot use ${String(mode)} for option compression.mode: give "shared" or "context-takeover".`,
    );
  }
  const shared = mode === "shared";
  return {
    wishes: {
      noContextTakeover: shared,
      windowBits: integer(options, "windowBits", 9, 15, shared ? 15 : 12),
      peerNoContextTakeover: !peerContextTakeover,
      peerWindowBits: integer(options, "peerWindowBits", 8, 15, 15),
    },
    choice: {
      level: integer(options, "level", 0, 9, 2),
      threshold: integer(options, "threshold", 0, Infinity, 128),
    },
    memoryBudget: integer(options, "memoryBudget", 0, Infinity, 1024 ** 3),
  };
}

/** The client's offer. */
export function compressionOffer({ wishes }: CompressionSettings): string {
  return deflateOffer(wishes);
}

/** The server's answer to a client's offers; `undefined` if it accepts none. */
export function acceptCompression(
  offers: readonly ExtensionOffer[],
  { wishes, choice }: CompressionSettings,
): NegotiatedCompression | undefined {
  const accepted = acceptDeflateOffer(offers, wishes);
  if (accepted === undefined) return undefined;
  const deflate = new PermessageDeflate("server", accepted.agreement, choice, zlibCodec);
  return { answer: accepted.answer, deflate };
}

/**
 * The client's reading of the server's answer: `undefined` means no compression; a string says why the answer is
 * invalid.
 */
export function readCompression(
  extensions: readonly ExtensionOffer[],
  { wishes, choice }: CompressionSettings,
): PermessageDeflate | string | undefined {
  const agreement: DeflateAgreement | string | undefined = readDeflateAnswer(extensions, wishes);
  return typeof agreement === "object"
    ? new PermessageDeflate("client", agreement, choice, zlibCodec)
    : agreement;
}

function integer(
  options: CompressionOptions,
  name: "level" | "threshold" | "windowBits" | "peerWindowBits" | "memoryBudget",
  least: number,
  most: number,
  fallback: number,
): number {
  const value = options[name];
  if (value === undefined) return fallback;
  if ((Number.isInteger(value) || value === Infinity) && value >= least && value <= most) return value;
  const range = most === Infinity ? `of at least ${least}` : `from ${least} to ${most}`;
  throw new RangeError(
    `Cannot use ${String(value)} for option compression.${name}: give a whole number ${range}.`,
  );
}
