/**
 * Builds messages from frames: joins fragments, checks text, enforces limits (RFC 6455, sections 5.4, 5.6 and 8.1).
 *
 * @module
 */
import { copyOf, NOTHING } from "./bytes.ts";
import { GrowingBytes } from "./growing_bytes.ts";
import { ProtocolError } from "./errors.ts";
import type { MessageCompression } from "./message_compression.ts";
import { BINARY, CONTINUATION, TEXT } from "./opcode.ts";
import { INVALID_PAYLOAD, MESSAGE_TOO_BIG, POLICY_VIOLATION, PROTOCOL_ERROR } from "./status_code.ts";
import { decodeText, Utf8Validator } from "./utf8.ts";

/** Limits on one message. */
export interface MessageLimits {
  /** Payload bytes, all fragments together. */
  readonly maxMessageSize: number;
  /** Fragments, including empty ones. */
  readonly maxFragments: number;
}

const SMALLEST_BUFFER = 1024;
// Shorter input is cheap to wait for.
const FIRST_INSPECTION = 64;

/** In place of bytes OR-ed together that nobody has looked at: not known to be ASCII. */
const UNSEEN = 0x80;

/** A piece of a streamed message: text, cut between characters, or bytes. */
export interface MessagePiece {
  /** The piece; it may be empty. */
  readonly data: string | Uint8Array;
  /** Whether the message ends with it. */
  readonly last: boolean;
}

/**
 * Joins the payloads of data frames. Either copies them into one growing buffer or, when streaming, passes on each
 * piece and keeps nothing.
 */
export class MessageAssembler {
  readonly #limits: MessageLimits;
  // Created for the first text that arrives in pieces and is not ASCII.
  #validator: Utf8Validator | undefined;
  #opcode: number = CONTINUATION;
  // What is kept of the current message. Created for the first that is not whole in one chunk.
  #kept: GrowingBytes | undefined;
  #announced = 0;
  // The current frame is the last of its message.
  #last = false;
  #fragments = 0;
  #seen = 0;
  // Decodes a text message that is streamed.
  #decoder: TextDecoder | undefined;
  #streaming = false;
  readonly #compression: MessageCompression | undefined;
  #compressed = false;
  // The size at which an incomplete compressed message is inspected.
  #inspectAt = FIRST_INSPECTION;

  /** Enforces these limits. */
  constructor(limits: MessageLimits, compression?: MessageCompression) {
    this.#limits = limits;
    this.#compression = compression;
  }

  /** Whether a message has begun and not ended. */
  get busy(): boolean {
    return this.#opcode !== CONTINUATION;
  }

  /**
   * From now on messages are streamed in pieces, whatever their size; compressed ones are still delivered whole,
   * within their limit. Returns what is here of a message that has begun.
   */
  streamFromNowOn(): MessagePiece | undefined {
    if (this.#streaming) return undefined;
    this.#streaming = true;
    if (!this.busy || this.#compressed) return undefined;
    return { data: this.#piece(this.#kept?.take() ?? NOTHING, false), last: false };
  }

  /**
   * The header of a data frame arrived. `compressed` is its RSV1, which the first frame of a compressed message has;
   * `last` is its FIN. Returns what is wrong with it.
   */
  begin(
    opcode: number,
    length: number,
    compressed: boolean = false,
    last: boolean = false,
  ): ProtocolError | undefined {
    // RFC 6455, section 5.4: "The fragments of one message MUST NOT be interleaved between the fragments of another".
    if (opcode === CONTINUATION && !this.busy) {
      return new ProtocolError(
        PROTOCOL_ERROR,
        "RFC 6455, section 5.4",
        "A continuation frame has no message to continue.",
      );
    }
    if (opcode !== CONTINUATION && this.busy) {
      return new ProtocolError(
        PROTOCOL_ERROR,
        "RFC 6455, section 5.4",
        "A message begins before the one before it has ended.",
      );
    }
    if (opcode !== CONTINUATION) {
      this.#opcode = opcode;
      this.#announced = 0;
      this.#fragments = 0;
      this.#seen = 0;
      this.#kept?.clear();
      this.#compressed = compressed;
      this.#inspectAt = FIRST_INSPECTION;
    }
    this.#last = last;
    if (this.#streaming && !this.#compressed) return undefined;
    if (length > this.#largestPayload() - this.#announced) {
      return new ProtocolError(
        MESSAGE_TOO_BIG,
        "RFC 6455, section 7.4.1",
        `The message is longer than the limit of ${this.#limits.maxMessageSize} bytes: raise maxMessageSize to accept it.`,
        "maxMessageSize",
      );
    }
    this.#announced += length;
    if (++this.#fragments > this.#limits.maxFragments) {
      return new ProtocolError(
        POLICY_VIOLATION,
        "RFC 6455, section 7.4.1",
        `The message has more than the limit of ${this.#limits.maxFragments} fragments: raise maxFragments to accept it.`,
        "maxFragments",
      );
    }
    return undefined;
  }

  /**
   * A piece of payload, borrowed. `last`: the message ends with it. Returns an error if something is wrong; the
   * message at its end; each piece if streaming; otherwise `undefined`.
   */
  add(
    chunk: Uint8Array,
    start: number,
    end: number,
    seen: number,
    last: boolean,
  ): string | Uint8Array | ProtocolError | undefined {
    if (this.#compressed) return this.#addCompressed(chunk, start, end, last);
    if (this.#streaming) return this.#stream(chunk, start, end, seen, last);
    // A message that is whole in the chunk is not copied into the buffer first.
    if (last && !this.#kept?.size) {
      const text = this.#opcode === TEXT;
      this.#opcode = CONTINUATION;
      if (!text) return copyOf(chunk, start, end);
      return decodeText(chunk, start, end, seen) ?? noText(chunk, start, end, seen);
    }
    if (this.#opcode === TEXT && !this.#checkText(chunk, start, end, seen)) return notUtf8();
    const kept = this.#keep(chunk, start, end);
    this.#seen |= seen;
    return last ? this.#finish(kept) : undefined;
  }

  /** The largest payload of a message; stored blocks make a compressed one longer than its content. */
  #largestPayload(): number {
    const { maxMessageSize } = this.#limits;
    return this.#compressed ? maxMessageSize + (maxMessageSize >>> 3) + 1024 : maxMessageSize;
  }

  #addCompressed(
    chunk: Uint8Array,
    start: number,
    end: number,
    last: boolean,
  ): string | Uint8Array | ProtocolError | undefined {
    if (last && !this.#kept?.size) return this.#decompress(chunk.subarray(start, end));
    const payload = this.#keep(chunk, start, end).bytes;
    return last ? this.#decompress(payload) : this.#inspect(payload);
  }

  /** Inspects the beginning of a compressed payload, at the same sizes however it was split. */
  #inspect(payload: Uint8Array): ProtocolError | undefined {
    for (; this.#inspectAt <= payload.length; this.#inspectAt *= 4) {
      const error = this.#compression!.inspect(
        payload.subarray(0, this.#inspectAt),
        this.#limits.maxMessageSize,
      );
      if (error !== undefined) return error;
    }
    return undefined;
  }

  #decompress(payload: Uint8Array): string | Uint8Array | ProtocolError {
    const message = this.#compression!.decompress(payload, this.#limits.maxMessageSize);
    const text = this.#opcode === TEXT;
    this.#opcode = CONTINUATION;
    this.#kept?.take();
    // In pieces, its beginning would have been refused first, perhaps for another reason.
    if (message instanceof ProtocolError) return this.#inspect(payload) ?? message;
    // RFC 7692, section 6: the rules of RFC 6455 apply to the decompressed message.
    return text
      ? decodeText(message, 0, message.length, UNSEEN) ?? noText(message, 0, message.length, UNSEEN)
      : copyOf(message, 0, message.length);
  }

  #stream(
    chunk: Uint8Array,
    start: number,
    end: number,
    seen: number,
    last: boolean,
  ): string | Uint8Array | ProtocolError {
    if (this.#opcode === TEXT) {
      if (!this.#checkText(chunk, start, end, seen) || (last && this.#validator?.complete === false)) {
        return notUtf8();
      }
    }
    const data = this.#piece(chunk.subarray(start, end), last);
    if (last) this.#opcode = CONTINUATION;
    return data;
  }

  /** Whether a piece of a text can be part of valid UTF-8. */
  #checkText(chunk: Uint8Array, start: number, end: number, seen: number): boolean {
    if ((seen & 0x80808080) === 0 && this.#validator?.complete !== false) return true;
    this.#validator ??= new Utf8Validator();
    return this.#validator.check(chunk, start, end);
  }

  /** A piece that can be passed on; of a text only whole characters. */
  #piece(bytes: Uint8Array, last: boolean): string | Uint8Array {
    if (this.#opcode !== TEXT) return copyOf(bytes, 0, bytes.length);
    this.#decoder ??= new TextDecoder("utf-8", { ignoreBOM: true });
    return this.#decoder.decode(bytes, { stream: !last });
  }

  #finish(kept: GrowingBytes): string | Uint8Array | ProtocolError {
    const opcode = this.#opcode;
    const bytes = kept.take();
    this.#opcode = CONTINUATION;
    if (opcode === BINARY) {
      return bytes.length === bytes.buffer.byteLength ? bytes : copyOf(bytes, 0, bytes.length);
    }
    return decodeText(bytes, 0, bytes.length, this.#seen) ?? noText(bytes, 0, bytes.length, this.#seen);
  }

  #keep(chunk: Uint8Array, start: number, end: number): GrowingBytes {
    const kept = this.#kept ??= new GrowingBytes();
    const size = kept.size + end - start;
    kept.append(chunk, start, end, size > kept.capacity ? this.#lengthFor(size) : size);
    return kept;
  }

  /** The buffer length for this many received bytes: at most twice as many, whatever length a header announced. */
  #lengthFor(size: number): number {
    const most = Math.max(2 * size, SMALLEST_BUFFER);
    if (!this.#last) return Math.min(most, this.#largestPayload());
    // The announced length, halved until it is at most `most`: doubling could end just below the message's size, and the
    // rest would cost one more copy.
    let length = this.#announced;
    while (length > most) length = Math.ceil(length / 2);
    return length;
  }
}

/** Why the bytes are not a text; `seen` is these bytes OR-ed together. ASCII is valid, so it is too long. */
function noText(bytes: Uint8Array, start: number, end: number, seen: number): ProtocolError {
  if ((seen & 0x80808080) !== 0) {
    const validator = new Utf8Validator();
    if (!validator.check(bytes, start, end) || !validator.complete) return notUtf8();
  }
  return new ProtocolError(
    MESSAGE_TOO_BIG,
    "RFC 6455, section 7.4.1",
    "The text is longer than a string can be in this runtime.",
    "maxMessageSize",
  );
}

function notUtf8(): ProtocolError {
  return new ProtocolError(INVALID_PAYLOAD, "RFC 6455, section 8.1", "A text message is not UTF-8.");
}
