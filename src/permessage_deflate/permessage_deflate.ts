/**
 * Compresses and decompresses the messages of one connection (RFC 7692, section 7.2).
 *
 * @module
 */
import { concat, NOTHING } from "../protocol/bytes.ts";
import { ProtocolError } from "../protocol/errors.ts";
import type { MessageCompression } from "../protocol/message_compression.ts";
import { INVALID_PAYLOAD, MESSAGE_TOO_BIG } from "../protocol/status_code.ts";
import type { DeflateCodec, InflateFailure } from "./deflate_codec.ts";
import type { DeflateAgreement } from "./negotiation.ts";
import { SlidingWindow } from "./sliding_window.ts";

/** How one side compresses. */
export interface CompressionChoice {
  /** 0 (no compression) to 9 (best). */
  readonly level: number;
  /** Messages below this many bytes are not compressed, unless asked for. */
  readonly threshold: number;
}

// RFC 7692, section 7.2.1: the bytes that a sender removes from the end of a message.
const TAIL_SIZE = 4;
// The highest ratio of DEFLATE (zlib's technical details: "a limiting factor of 1032:1").
const HIGHEST_RATIO = 1032;
// After a final block the decoder starts anew and is given the window, and such a block can be two bytes long. Some
// peers end each message with one; further ones are allowed at one per this many bytes.
const MAX_FINAL_BLOCKS = 64;
const BYTES_PER_FINAL_BLOCK = 256;
// RFC 7692, section 7.2.3.6: an empty message is the header of an empty stored block. Not every peer accepts another
// form.
const EMPTY: Uint8Array = /* @__PURE__ */ new Uint8Array([0x00]);

const LARGEST_WINDOW_BITS = 15;

/** permessage-deflate on one connection. */
export class PermessageDeflate implements MessageCompression {
  /** See {@linkcode MessageCompression.likeness}. */
  readonly likeness: number;
  /** See {@linkcode MessageCompression.largestHold}. */
  readonly largestHold: number;
  readonly #windowBits: number;
  readonly #choice: CompressionChoice;
  readonly #codec: DeflateCodec;
  // Both exist only with context takeover.
  readonly #sent: SlidingWindow | undefined;
  readonly #received: SlidingWindow | undefined;
  /** How many final blocks the peer may still send before the end of a message. */
  #finalBlocks = MAX_FINAL_BLOCKS - 1;

  /** For one side, with the negotiated parameters. */
  constructor(
    role: "client" | "server",
    agreement: DeflateAgreement,
    choice: CompressionChoice,
    codec: DeflateCodec,
  ) {
    const { serverNoContextTakeover, clientNoContextTakeover } = agreement;
    const server = { bits: agreement.serverMaxWindowBits, takeover: !serverNoContextTakeover };
    const client = { bits: agreement.clientMaxWindowBits, takeover: !clientNoContextTakeover };
    const [own, peer] = role === "server" ? [server, client] : [client, server];
    this.likeness = 16 * choice.level + own.bits;
    this.largestHold = (own.takeover ? 2 ** own.bits : 0) + (peer.takeover ? 2 ** peer.bits : 0);
    this.#windowBits = own.bits;
    this.#choice = choice;
    this.#codec = codec;
    this.#sent = own.takeover ? new SlidingWindow(own.bits) : undefined;
    this.#received = peer.takeover ? new SlidingWindow(peer.bits) : undefined;
  }

  /** See {@linkcode MessageCompression.wants}. */
  wants(size: number, asked: boolean | undefined): boolean {
    return asked ?? size >= this.#choice.threshold;
  }

  /** See {@linkcode MessageCompression.compress}. */
  compress(message: Uint8Array): Uint8Array | undefined {
    if (message.length === 0) return EMPTY;
    const payload = this.#deflate(message);
    if (payload.length - TAIL_SIZE >= message.length) return undefined;
    this.#sent?.append(message);
    return payload.subarray(0, payload.length - TAIL_SIZE);
  }

  /** See {@linkcode MessageCompression.compressFragment}. */
  compressFragment(fragment: Uint8Array, last: boolean): Uint8Array {
    // Every fragment ends with the tail, so that what follows the last one starts a block of its own.
    if (fragment.length === 0) return last ? EMPTY : NOTHING;
    const payload = this.#deflate(fragment);
    this.#sent?.append(fragment);
    return last ? payload.subarray(0, payload.length - TAIL_SIZE) : payload;
  }

  /** See {@linkcode MessageCompression.compressAfresh}. */
  compressAfresh(message: Uint8Array): Uint8Array | undefined {
    if (message.length === 0) return EMPTY;
    const { level } = this.#choice;
    const payload = this.#codec.deflate(message, { window: NOTHING, windowBits: this.#windowBits, level });
    return payload.length - TAIL_SIZE >= message.length
      ? undefined
      : payload.subarray(0, payload.length - TAIL_SIZE);
  }

  /** See {@linkcode MessageCompression.sentAfresh}. */
  sentAfresh(): void {
    this.#sent?.clear();
  }

  /** See {@linkcode MessageCompression.decompress}. */
  decompress(payload: Uint8Array, limit: number): Uint8Array | ProtocolError {
    // zlib would read the removed bytes as the header of a longer block.
    if (payload.length === 0) return NOTHING;
    const inflated = this.#codec.inflate(payload, this.#received, limit);
    if (typeof inflated === "string") return refused(inflated, limit);
    const { bytes, consumed } = inflated;
    this.#earnFinalBlocks(consumed);
    if (isEnd(payload, consumed)) return bytes;
    return this.#decompressRest(bytes.slice(), payload.subarray(consumed), limit);
  }

  // RFC 7692, section 7.2.3.4: a block may be a final one. What follows it still belongs to the message.
  #decompressRest(begun: Uint8Array, blocks: Uint8Array, limit: number): Uint8Array | ProtocolError {
    const window = this.#received ?? new SlidingWindow(LARGEST_WINDOW_BITS);
    if (this.#received === undefined) window.append(begun);
    const pieces = [begun];
    let size = begun.length;
    for (let rest = blocks; this.#finalBlocks >= 1;) {
      this.#finalBlocks--;
      const inflated = this.#codec.inflate(rest, window, limit - size);
      if (typeof inflated === "string") return refused(inflated, limit);
      const { bytes, consumed } = inflated;
      pieces.push(bytes.slice());
      size += bytes.length;
      this.#earnFinalBlocks(consumed);
      if (isEnd(rest, consumed)) return concat(pieces, size);
      rest = rest.subarray(consumed);
    }
    return invalid(
      `Compressed messages have more than ${MAX_FINAL_BLOCKS} final blocks before their ends, with fewer than ` +
        `${BYTES_PER_FINAL_BLOCK} bytes for each.`,
    );
  }

  #earnFinalBlocks(bytes: number): void {
    this.#finalBlocks = Math.min(MAX_FINAL_BLOCKS - 1, this.#finalBlocks + bytes / BYTES_PER_FINAL_BLOCK);
  }

  /** See {@linkcode MessageCompression.inspect}. */
  inspect(payload: Uint8Array, limit: number): ProtocolError | undefined {
    if (payload.length * HIGHEST_RATIO <= limit) return undefined;
    const failure = this.#codec.inspect(payload, this.#received, limit);
    return failure && refused(failure, limit);
  }

  #deflate(bytes: Uint8Array): Uint8Array {
    const { level } = this.#choice;
    const window = this.#sent?.bytes ?? NOTHING;
    return this.#codec.deflate(bytes, { window, windowBits: this.#windowBits, level });
  }
}

/**
 * Whether the message ends where the decoder stopped: exactly there, or after the empty stored block that follows a
 * final one.
 */
function isEnd(blocks: Uint8Array, consumed: number): boolean {
  return consumed === blocks.length || (consumed === blocks.length - 1 && blocks[consumed] === 0);
}

function refused(failure: InflateFailure, limit: number): ProtocolError {
  if (failure === "invalid") return invalid("A compressed message is not valid DEFLATE.");
  return new ProtocolError(
    MESSAGE_TOO_BIG,
    "RFC 6455, section 7.4.1",
    `The message, decompressed, is longer than the limit of ${limit} bytes: raise maxMessageSize to accept it.`,
    "maxMessageSize",
  );
}

function invalid(message: string): ProtocolError {
  return new ProtocolError(INVALID_PAYLOAD, "RFC 7692, section 7.2.2", message);
}
