/**
 * The options of permessage-deflate (RFC 7692), and how they become an agreement.
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

/** How messages are compressed (RFC 7692). */
export interface CompressionOptions {
  /**
   * `"shared"`: each outgoing message is compressed afresh, so that nothing is held for it, and one compression serves
   * every subscriber of a topic. `"context-takeover"`: a message may refer to those before it, which makes many small
   * ones that are alike much smaller, and costs `2 ** windowBits` bytes for each connection.
   *
   * What the peer may refer to is kept in both modes: at most 32 KiB, and never more than it has sent.
   *
   * @default "shared"
   */
  mode?: "shared" | "context-takeover";
  /**
   * How hard to compress: from 0, not at all, to 9. On 64 KiB of JSON, 2 comes within a fifth of what 6 makes, in less
   * than half its time; on short messages they differ little.
   *
   * @default 2
   */
  level?: number;
  /**
   * Bytes below which a message is sent as it is, unless `send()` is told otherwise; `Infinity` for all.
   *
   * @default 128
   */
  threshold?: number;
  /**
   * How far back our messages refer at most, in bits: 9 to 15. A peer may ask for less.
   *
   * @default 15, and 12 with `"context-takeover"`
   */
  windowBits?: number;
  /**
   * How far back the peer's messages may refer at most, in bits: 8 to 15. A client asks its server for less than 15, and
   * fails the handshake if that does not comply; a server limits those clients that allow it.
   *
   * @default 15
   */
  peerWindowBits?: number;
  /**
   * Whether the peer's messages may refer to those before them. With `false` a client asks its server not to, and fails
   * the handshake if that does not comply; a server tells its clients, and not all of them heed that.
   *
   * @default true
   */
  peerContextTakeover?: boolean;
  /**
   * Bytes that the connections of a server may keep at most, all together, for messages that refer to those before them.
   * A client that comes when they are spoken for gets a connection without compression. Clients do not look at it.
   *
   * @default 1073741824
   */
  memoryBudget?: number;
}

/** The options with every default filled in. */
export interface CompressionSettings {
  /** What this side asks for. */
  readonly wishes: DeflateWishes;
  /** How this side compresses. */
  readonly choice: CompressionChoice;
  /** Bytes that the connections of a server may keep, all together. */
  readonly memoryBudget: number;
}

/** Permessage-deflate on one connection, and the extension's line that says so. */
export interface NegotiatedCompression {
  /** `Sec-WebSocket-Extensions`, as the server answers it. */
  readonly answer: string;
  /** What compresses and decompresses. */
  readonly deflate: PermessageDeflate;
}

/** Fills in the defaults; `undefined` is no compression. Throws a `RangeError` for a value that cannot be used. */
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

/** What a client offers. */
export function compressionOffer({ wishes }: CompressionSettings): string {
  return deflateOffer(wishes);
}

/** What a server makes of a client's offers; `undefined` where it accepts none. */
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
 * What a client makes of the server's answer: `undefined` where that does without compression, a sentence where it
 * cannot be used.
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
