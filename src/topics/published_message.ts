/**
 * One published message in each form that its receivers need, each made once.
 *
 * @module
 */
import type { MessageCompression } from "../protocol/message_compression.ts";
import { type EncodedMessage, encodeMessage } from "../protocol/encoded_message.ts";

/** A message for many connections. */
export class PublishedMessage {
  /** For connections without compression. */
  readonly plain: EncodedMessage;
  readonly #data: string | Uint8Array;
  readonly #compress: boolean | undefined;
  // By the `likeness` of the receiving connections.
  readonly #compressed: Map<number, EncodedMessage> = new Map();

  /** `compress` is the publisher's choice, if there is one. */
  constructor(data: string | Uint8Array, compress: boolean | undefined) {
    this.plain = encodeMessage(data);
    this.#data = data;
    this.#compress = compress;
  }

  /** The form for a connection with this compression. */
  encodedFor(compression: MessageCompression | undefined): EncodedMessage {
    if (!compression?.wants(payloadSize(this.plain), this.#compress)) return this.plain;
    let encoded = this.#compressed.get(compression.likeness);
    if (encoded === undefined) {
      encoded = encodeMessage(this.#data, compression) ?? this.plain;
      this.#compressed.set(compression.likeness, encoded);
    }
    return encoded;
  }
}

function payloadSize({ frame }: EncodedMessage): number {
  const lengthCode = frame[1]!;
  return frame.length - (lengthCode < 126 ? 2 : lengthCode === 126 ? 4 : 10);
}
