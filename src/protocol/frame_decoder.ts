/**
 * Parses frames as they arrive (RFC 6455, section 5.2): however the bytes are split, the frames are the same.
 *
 * @module
 */
import { concat, copyOf } from "./bytes.ts";
import { ProtocolError } from "./errors.ts";
import { applyMask } from "./mask.ts";
import { isControl, isKnownOpcode } from "./opcode.ts";
import { MESSAGE_TOO_BIG, PROTOCOL_ERROR } from "./status_code.ts";

const MAX_HEADER_SIZE = 14;

/** What happens to arriving bytes: they are parsed, kept for later, or discarded. */
type Course = "reading" | "paused" | "stopped";

/** Turns chunks of bytes into frames. A subclass receives the frames; each of its methods may stop the decoder. */
export abstract class FrameDecoder {
  /** `true` on a server: received frames are masked, sent ones are not. `false` on a client: the reverse. */
  protected readonly masked: boolean;
  readonly #rsv1Allowed: boolean;
  // The first byte of the current frame: FIN and opcode.
  #first = 0;
  #length = 0;
  #key = 0;
  // Bytes left of the current payload.
  #remaining = 0;
  #course: Course = "reading";
  // Bytes that arrived while paused, or after the frame that paused it.
  #kept: Uint8Array | undefined;
  // The end of the stream: not here yet, after kept bytes, or reached.
  #end: "not come" | "kept" | "come" = "not come";
  // A header that arrives in several chunks is collected here; chunks are never kept.
  #header: Uint8Array | undefined;
  #headerLength = 0;

  /** `role` is ours: a server receives masked frames, a client unmasked ones. */
  constructor(role: "client" | "server", rsv1Allowed: boolean) {
    this.masked = role === "server";
    this.#rsv1Allowed = rsv1Allowed;
  }

  /** A header was parsed. A payload of this length follows, in one or more pieces. */
  protected abstract frameHeader(fin: boolean, rsv1: boolean, opcode: number, length: number): void;

  /**
   * A piece of the payload, unmasked: `chunk[start..end)`, borrowed until return. `seen` is its bytes OR-ed together, at any position of a 32-bit word: `(seen & 0x80808080) === 0` means that all are ASCII. `last`: the frame ends with it. An empty payload is one empty last piece.
   */
  protected abstract framePayload(
    opcode: number,
    fin: boolean,
    chunk: Uint8Array,
    start: number,
    end: number,
    seen: number,
    last: boolean,
  ): void;

  /** The bytes break the framing rules. The decoder has stopped. */
  protected abstract frameError(error: ProtocolError): void;

  /** The stream has ended, and everything before it was parsed. */
  protected streamEnd(): void {}

  /** Parses nothing more, not even the rest of the current chunk. */
  protected stop(): void {
    this.#course = "stopped";
    this.#kept = undefined;
  }

  /**
   * Stops at the end of the current frame. The bytes after it, and those that still arrive, are copied and kept.
   * Whoever calls this also pauses the stream, so that it is no more than one read gives.
   */
  pause(): void {
    if (this.#course === "reading") this.#course = "paused";
  }

  /** Continues with the kept bytes, until they end or the next pause. */
  resume(): void {
    if (this.#course !== "paused") return;
    this.#course = "reading";
    // A nested resume must not report the end: it comes after the bytes parsed here.
    const ends = this.#end === "kept";
    if (ends) this.#end = "come";
    const kept = this.#kept;
    if (kept !== undefined) {
      this.#kept = undefined;
      const end = this.#read(kept);
      if (this.#paused && end < kept.length) this.#kept = kept.subarray(end);
    }
    if (ends) this.receiveEnd();
  }

  get #stopped(): boolean {
    return this.#course === "stopped";
  }

  get #paused(): boolean {
    return this.#course === "paused";
  }

  /** Whether kept bytes wait for {@linkcode resume}. */
  get keepsBytes(): boolean {
    return this.#kept !== undefined;
  }

  /** The peer has ended its side of the stream, after the bytes received so far. */
  receiveEnd(): void {
    this.#end = this.keepsBytes ? "kept" : "come";
    if (this.#end === "come") this.streamEnd();
  }

  /** Whether the peer has ended its side of the stream, even if earlier bytes still wait. */
  get peerEnded(): boolean {
    return this.#end !== "not come";
  }

  /** Whether the bytes so far end between two frames. */
  get betweenFrames(): boolean {
    return this.#remaining === 0 && this.#headerLength === 0;
  }

  /** Bytes arrived. They are borrowed until return, and unmasked in place. Invalid input never throws. */
  receive(chunk: Uint8Array): void {
    if (this.#stopped) return;
    const end = this.#paused ? 0 : this.#read(chunk);
    if (end < chunk.length && !this.#stopped) this.#keep(chunk, end);
  }

  /** Returns how far it got. */
  #read(chunk: Uint8Array): number {
    let position = 0;
    while (position < chunk.length && this.#course === "reading") {
      position = this.#remaining > 0 ? this.#readPayload(chunk, position) : this.#readHeader(chunk, position);
    }
    return position;
  }

  #keep(chunk: Uint8Array, start: number): void {
    const rest = copyOf(chunk, start, chunk.length);
    const kept = this.#kept;
    this.#kept = kept === undefined ? rest : concat([kept, rest], kept.length + rest.length);
  }

  #readPayload(chunk: Uint8Array, start: number): number {
    const end = Math.min(chunk.length, start + this.#remaining);
    const offset = this.#length - this.#remaining;
    const seen = this.masked ? applyMask(chunk, start, end, this.#key, offset) : orBytes(chunk, start, end);
    this.#remaining -= end - start;
    const first = this.#first;
    this.framePayload(first & 0x0f, first >= 0x80, chunk, start, end, seen, this.#remaining === 0);
    return end;
  }

  /** Returns the position after the header, or the end of the chunk if the header is incomplete. */
  #readHeader(chunk: Uint8Array, position: number): number {
    if (this.#headerLength === 0 && chunk.length - position >= 2) {
      const size = headerSizeAt(chunk, position);
      if (chunk.length - position >= size) {
        this.#parseHeader(chunk, position);
        return position + size;
      }
    }
    const header = this.#header ??= new Uint8Array(MAX_HEADER_SIZE);
    while (position < chunk.length) {
      header[this.#headerLength++] = chunk[position++]!;
      if (this.#headerLength === 2 && this.#checkStart(header, 0)) break;
      if (this.#headerLength >= 2 && this.#headerLength === headerSizeAt(header, 0)) {
        this.#headerLength = 0;
        this.#parseHeader(header, 0);
        break;
      }
    }
    return position;
  }

  /** Checks the first two bytes before the rest of the header has arrived. Returns whether they were refused. */
  #checkStart(bytes: Uint8Array, at: number): boolean {
    const first = bytes[at]!;
    const second = bytes[at + 1]!;
    const opcode = first & 0x0f;
    const control = isControl(opcode);
    const lengthCode = second & 0x7f;
    // A single test for the common, valid frame.
    if (
      (first & 0x30) === 0 && ((first & 0x40) === 0 || (this.#rsv1Allowed && !control && opcode !== 0)) &&
      isKnownOpcode(opcode) && (second >= 0x80) === this.masked &&
      (!control || (first >= 0x80 && lengthCode <= 125))
    ) return false;
    this.#fail(this.#objection(first, second));
    return true;
  }

  #objection(first: number, second: number): ProtocolError {
    const opcode = first & 0x0f;
    const broken = (section: string, message: string): ProtocolError =>
      new ProtocolError(PROTOCOL_ERROR, `RFC 6455, section ${section}`, message);
    // RFC 6455, section 5.2: "If a nonzero value is received and none of the negotiated extensions defines the meaning
    // of such a nonzero value, the receiving endpoint MUST _Fail the WebSocket Connection_."
    if ((first & 0x30) !== 0) return broken("5.2", "A reserved bit (RSV2 or RSV3) is set.");
    // RFC 6455, section 5.2: "If an unknown opcode is received, the receiving endpoint MUST _Fail the WebSocket
    // Connection_."
    if (!isKnownOpcode(opcode)) return broken("5.2", `Opcode ${opcode} is reserved.`);
    if ((first & 0x40) !== 0) {
      return broken("5.2", "The reserved bit RSV1 is set where no extension defines it.");
    }
    // RFC 6455, section 5.1: "The server MUST close the connection upon receiving a frame that is not masked."
    // "A client MUST close a connection if it detects a masked frame."
    if ((second >= 0x80) !== this.masked) {
      return broken("5.1", this.masked ? "A client's frame is not masked." : "A server's frame is masked.");
    }
    // RFC 6455, section 5.5: "All control frames MUST have a payload length of 125 bytes or less and MUST NOT be
    // fragmented."
    if (first < 0x80) return broken("5.5", "A control frame is fragmented.");
    return broken("5.5", "A control frame's payload is longer than 125 bytes.");
  }

  #parseHeader(bytes: Uint8Array, at: number): void {
    if (this.#checkStart(bytes, at)) return;
    const first = bytes[at]!;
    const lengthCode = bytes[at + 1]! & 0x7f;
    let end = at + 2;
    let length = lengthCode;
    if (lengthCode === 126) {
      length = (bytes[at + 2]! << 8) | bytes[at + 3]!;
      end += 2;
    } else if (lengthCode === 127) {
      const high = uint32(bytes, at + 2);
      // RFC 6455, section 5.2: "the most significant bit MUST be 0".
      if (high >= 0x80000000) {
        return this.#fail(
          new ProtocolError(
            PROTOCOL_ERROR,
            "RFC 6455, section 5.2",
            "The highest bit of a payload length is set.",
          ),
        );
      }
      // Beyond 2^53 - 1 a number is inexact, and no limit is that high.
      if (high > 0x1fffff) {
        return this.#fail(
          new ProtocolError(
            MESSAGE_TOO_BIG,
            "RFC 6455, section 7.4.1",
            "A frame is longer than 2^53 - 1 bytes.",
          ),
        );
      }
      length = high * 0x100000000 + uint32(bytes, at + 6);
      end += 8;
    }
    // RFC 6455, section 5.2, requires of the sender: "the minimal number of bytes MUST be used to encode the length".
    // We enforce it: two encodings of one length make parsers disagree.
    if ((lengthCode === 126 && length < 126) || (lengthCode === 127 && length < 65536)) {
      return this.#fail(
        new ProtocolError(
          PROTOCOL_ERROR,
          "RFC 6455, section 5.2",
          "A payload length is not encoded in the fewest bytes.",
        ),
      );
    }
    if (this.masked) this.#key = uint32(bytes, end) | 0;
    const opcode = first & 0x0f;
    const fin = first >= 0x80;
    this.#first = first;
    this.#length = length;
    this.#remaining = length;
    this.frameHeader(fin, (first & 0x40) !== 0, opcode, length);
    if (length === 0 && !this.#stopped) this.framePayload(opcode, fin, bytes, 0, 0, 0, true);
  }

  #fail(error: ProtocolError): void {
    this.stop();
    this.frameError(error);
  }
}

function headerSizeAt(bytes: Uint8Array, at: number): number {
  const second = bytes[at + 1]!;
  const lengthCode = second & 0x7f;
  return 2 + (lengthCode === 126 ? 2 : lengthCode === 127 ? 8 : 0) + (second >= 0x80 ? 4 : 0);
}

function uint32(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
}

function orBytes(bytes: Uint8Array, start: number, end: number): number {
  let seen = 0;
  for (let i = start; i < end; i++) seen |= bytes[i]!;
  return seen;
}
