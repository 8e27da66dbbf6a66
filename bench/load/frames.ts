/** The frames of RFC 6455, section 5.2, that a load generator needs; shares no code with the library. */
import { Buffer } from "node:buffer";

/** FIN, RSV1 and the opcode of a text. RFC 7692, section 6: a compressed message has RSV1 set in its first frame. */
export const COMPRESSED_TEXT = 0xc1;
const PING = 0x89;
const PONG = 0x8a;

function frameHead(firstOctet: number, maskBit: number, length: number, room: number): Buffer {
  const lengthOctets = length < 126 ? 0 : length < 65536 ? 2 : 8;
  const head = Buffer.alloc(2 + lengthOctets + room);
  head[0] = firstOctet;
  head[1] = maskBit | (lengthOctets === 0 ? length : lengthOctets === 2 ? 126 : 127);
  if (lengthOctets === 2) head.writeUInt16BE(length, 2);
  if (lengthOctets === 8) head.writeBigUInt64BE(BigInt(length), 2);
  return head;
}

/** A frame as a server sends it. */
export function frame(firstOctet: number, payload: Uint8Array): Buffer {
  return Buffer.concat([frameHead(firstOctet, 0, payload.length, 0), payload]);
}

/** A frame as a client sends it. */
export function maskedFrame(firstOctet: number, payload: Uint8Array, key: Uint8Array): Buffer {
  const { length } = payload;
  const frame = frameHead(firstOctet, 0x80, length, 4 + length);
  const start = frame.length - length;
  frame.set(key, start - 4);
  for (let i = 0; i < length; i++) frame[start + i] = payload[i]! ^ key[i & 3]!;
  return frame;
}

/** Handles a server's messages. */
export interface AnswerHandler {
  /** A complete message. Its payload is borrowed until this returns. */
  answer(payload: Buffer): void;
  /** A ping arrived; send this frame as the answer. */
  pong(frame: Buffer): void;
}

/** Parses a server's frames. Every data frame must be a complete message that begins with the given byte. */
export class AnswerReader {
  readonly #firstOctet: number;
  readonly #handler: AnswerHandler;
  readonly #head: Buffer = Buffer.alloc(10);
  /** Bytes received of the header, and its length as far as it is known. */
  #headLength = 0;
  #headSize = 2;
  #payloadSize = 0;
  /** What has arrived of a payload that came in several pieces. */
  #pieces: Buffer | undefined;
  #piecesLength = 0;

  constructor(firstOctet: number, handler: AnswerHandler) {
    this.#firstOctet = firstOctet;
    this.#handler = handler;
  }

  /** Parses `bytes` up to `end`. Throws if the server sent something invalid. */
  read(bytes: Buffer, end: number): void {
    let at = 0;
    while (at < end) {
      if (this.#headLength < this.#headSize) {
        this.#head[this.#headLength++] = bytes[at++]!;
        if (this.#headLength < this.#headSize || !this.#headIsWhole()) continue;
        if (this.#payloadSize === 0) this.#frameIsWhole(bytes.subarray(0, 0));
      } else if (this.#pieces === undefined && end - at >= this.#payloadSize) {
        const start = at;
        at += this.#payloadSize;
        this.#frameIsWhole(bytes.subarray(start, at));
      } else {
        const pieces = this.#pieces ??= Buffer.allocUnsafe(this.#payloadSize);
        const taken = Math.min(this.#payloadSize - this.#piecesLength, end - at);
        bytes.copy(pieces, this.#piecesLength, at, at + taken);
        this.#piecesLength += taken;
        at += taken;
        if (this.#piecesLength === this.#payloadSize) this.#frameIsWhole(pieces);
      }
    }
  }

  /** Whether all length bytes have arrived. */
  #headIsWhole(): boolean {
    const head = this.#head;
    const first = head[0]!;
    const short = head[1]!;
    if (this.#headSize === 2) {
      if (first !== this.#firstOctet && first !== PING) {
        const [seen, expected] = [first, this.#firstOctet].map((octet) => `0x${octet.toString(16)}`);
        throw new Error(`The server sent a frame that begins with ${seen} instead of ${expected}.`);
      }
      if (short > 127) throw new Error("The server sent a masked frame.");
      if (short > 125) {
        this.#headSize = short === 126 ? 4 : 10;
        return false;
      }
    }
    if (short < 126) this.#payloadSize = short;
    else this.#payloadSize = short === 126 ? head.readUInt16BE(2) : Number(head.readBigUInt64BE(2));
    return true;
  }

  #frameIsWhole(payload: Buffer): void {
    this.#headLength = 0;
    this.#headSize = 2;
    this.#pieces = undefined;
    this.#piecesLength = 0;
    if (this.#head[0] === PING) this.#handler.pong(maskedFrame(PONG, payload, new Uint8Array(4)));
    else this.#handler.answer(payload);
  }
}
