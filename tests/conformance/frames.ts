/**
 * Frames as the test's side of a connection writes and reads them: RFC 6455, section 5.2, written a second time, so
 * that no mistake of the library's can hide behind itself.
 */
import { Buffer, isUtf8 } from "node:buffer";

/** A frame, legal or not. */
export interface Frame {
  readonly opcode: number;
  readonly payload: Uint8Array;
  /** Default `true`. */
  readonly fin?: boolean;
  /** The three reserved bits as a number; default 0. */
  readonly rsv?: number;
}

const NOTHING = new Uint8Array(0);

/** The bytes of a frame; text is encoded as UTF-8. */
export function octets(data: string | Uint8Array): Uint8Array {
  return typeof data === "string" ? new TextEncoder().encode(data) : data;
}

export function continuation(data: string | Uint8Array = NOTHING, fin = true): Frame {
  return { opcode: 0, payload: octets(data), fin };
}

export function text(data: string | Uint8Array = NOTHING, fin = true): Frame {
  return { opcode: 1, payload: octets(data), fin };
}

export function binary(data: string | Uint8Array = NOTHING, fin = true): Frame {
  return { opcode: 2, payload: octets(data), fin };
}

export function ping(data: string | Uint8Array = NOTHING): Frame {
  return { opcode: 9, payload: octets(data) };
}

export function pong(data: string | Uint8Array = NOTHING): Frame {
  return { opcode: 10, payload: octets(data) };
}

/** A Close frame; without a code its payload is empty. */
export function close(code?: number, reason: string | Uint8Array = NOTHING): Frame {
  const payload = code === undefined
    ? NOTHING
    : Buffer.concat([Uint8Array.of(code >> 8, code), octets(reason)]);
  return { opcode: 8, payload };
}

/** A message in fragments of this many bytes. */
export function fragments(opcode: number, payload: Uint8Array, size: number): Frame[] {
  const frames: Frame[] = [];
  for (let start = 0; start === 0 || start < payload.length; start += size) {
    frames.push({
      opcode: start === 0 ? opcode : 0,
      payload: payload.subarray(start, start + size),
      fin: start + size >= payload.length,
    });
  }
  return frames;
}

let keys = 0x9e3779b9;

/** The bytes of a frame; a client's are masked. */
export function encode({ opcode, payload, fin = true, rsv = 0 }: Frame, masked: boolean): Uint8Array {
  const { length } = payload;
  const extended = length < 126 ? 0 : length < 65536 ? 2 : 8;
  const start = 2 + extended + (masked ? 4 : 0);
  const bytes = Buffer.alloc(start + length);
  bytes[0] = (fin ? 0x80 : 0) | rsv << 4 | opcode;
  bytes[1] = (masked ? 0x80 : 0) | (extended === 0 ? length : extended === 2 ? 126 : 127);
  if (extended === 2) bytes.writeUInt16BE(length, 2);
  if (extended === 8) bytes.writeBigUInt64BE(BigInt(length), 2);
  bytes.set(payload, start);
  if (!masked) return bytes;
  keys = (Math.imul(keys, 1664525) + 1013904223) >>> 0;
  bytes.writeUInt32BE(keys, start - 4);
  const key = bytes.subarray(start - 4, start);
  for (let i = 0; i < length; i++) bytes[start + i]! ^= key[i & 3]!;
  return bytes;
}

/** What a peer has said: a message, whole, or a control frame. */
export interface Heard {
  readonly type: "text" | "binary" | "ping" | "pong" | "close";
  readonly data: Uint8Array;
  /** How many bytes of payload carried the message, if it was compressed. */
  readonly compressedSize?: number;
}

const DATA_TYPES: Record<number, "text" | "binary"> = { 1: "text", 2: "binary" };
const CONTROL_TYPES: Record<number, "close" | "ping" | "pong"> = { 8: "close", 9: "ping", 10: "pong" };

/** A message of which not every fragment has come. */
interface Unfinished {
  readonly type: "text" | "binary";
  readonly compressed: boolean;
  readonly payloads: Uint8Array[];
}

/** Reads a peer's frames, and throws at the first that breaks a rule of RFC 6455. */
export class FrameReader {
  readonly #fromClient: boolean;
  /** Inflates a compressed message; none may come while it is `undefined`. */
  inflate: ((payload: Uint8Array) => Uint8Array) | undefined;
  #chunks: Uint8Array[] = [];
  #length = 0;
  #needed = 2;
  #closed = false;
  #message: Unfinished | undefined;

  constructor(fromClient: boolean) {
    this.#fromClient = fromClient;
  }

  /** Takes bytes, which are the reader's from now on, and answers what they completed. */
  read(chunk: Uint8Array): Heard[] {
    if (chunk.length > 0 && this.#closed) {
      throw new Error("Bytes came after the Close frame (section 5.5.1).");
    }
    this.#chunks.push(chunk);
    this.#length += chunk.length;
    const heard: Heard[] = [];
    while (this.#length >= this.#needed) {
      const all = this.#chunks.length === 1 ? this.#chunks[0]! : Buffer.concat(this.#chunks);
      this.#chunks = [all];
      const { start, end } = this.#header(all);
      this.#needed = end;
      if (this.#length < end) continue;
      const what = this.#frame(all[0]!, this.#unmasked(all, start, end));
      if (what !== undefined) heard.push(what);
      this.#chunks = [all.subarray(end)];
      this.#length -= end;
      this.#needed = 2;
      if (this.#closed && this.#length > 0) {
        throw new Error("Bytes came after the Close frame (section 5.5.1).");
      }
    }
    return heard;
  }

  /** Where the payload of the frame begins and ends, as far as its header is here. */
  #header(bytes: Uint8Array): { start: number; end: number } {
    const first = bytes[0]!;
    const second = bytes[1]!;
    const control = (first & 0x08) !== 0;
    // RFC 7692, section 6: RSV1 is for the first fragment of a message.
    const compressed = (first & 0x70) === 0x40 && !control && (first & 0x0f) !== 0 &&
      this.inflate !== undefined;
    if ((first & 0x70) !== 0 && !compressed) throw new Error("A reserved bit is set (section 5.2).");
    if (((second & 0x80) !== 0) !== this.#fromClient) throw new Error("The mask bit is wrong (section 5.1).");
    const short = second & 0x7f;
    if (control && short > 125) throw new Error("A control frame is longer than 125 bytes (section 5.5).");
    if (control && (first & 0x80) === 0) throw new Error("A control frame is fragmented (section 5.5).");
    const maskSize = this.#fromClient ? 4 : 0;
    const extended = short < 126 ? 0 : short === 126 ? 2 : 8;
    const start = 2 + extended + maskSize;
    if (bytes.length < start) return { start, end: start };
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    const length = extended === 0 ? short : extended === 2 ? view.getUint16(2) : Number(view.getBigUint64(2));
    if ((extended === 2 && length < 126) || (extended === 8 && length < 65536)) {
      throw new Error("A length is not encoded in the fewest bytes (section 5.2).");
    }
    return { start, end: start + length };
  }

  #unmasked(bytes: Uint8Array, start: number, end: number): Uint8Array {
    const payload = bytes.subarray(start, end);
    if (!this.#fromClient) return payload;
    const key = bytes.subarray(start - 4, start);
    for (let i = 0; i < payload.length; i++) payload[i]! ^= key[i & 3]!;
    return payload;
  }

  #frame(first: number, payload: Uint8Array): Heard | undefined {
    const opcode = first & 0x0f;
    const control = CONTROL_TYPES[opcode];
    if (control !== undefined) {
      if (control === "close") {
        this.#closed = true;
        checkClose(payload, this.#fromClient);
      }
      return { type: control, data: payload };
    }
    const type = DATA_TYPES[opcode];
    if (type === undefined && opcode !== 0) throw new Error(`Opcode ${opcode} is reserved (section 5.2).`);
    if ((type === undefined) !== (this.#message !== undefined)) {
      throw new Error("Fragments of messages are mixed, or continue none (section 5.4).");
    }
    const message = this.#message ?? { type: type!, compressed: (first & 0x40) !== 0, payloads: [] };
    message.payloads.push(payload);
    this.#message = message;
    if ((first & 0x80) === 0) return undefined;
    this.#message = undefined;
    const whole = message.payloads.length === 1 ? payload : Buffer.concat(message.payloads);
    const data = message.compressed ? this.inflate!(whole) : whole;
    if (message.type === "text" && !isUtf8(data)) {
      throw new Error("A text message is not UTF-8 (section 5.6).");
    }
    return { type: message.type, data, ...(message.compressed ? { compressedSize: whole.length } : {}) };
  }
}

/** The status code in a Close frame's payload; 1005 if it holds none. */
export function statusCode(payload: Uint8Array): number {
  return payload.length === 0 ? 1005 : payload[0]! << 8 | payload[1]!;
}

function checkClose(payload: Uint8Array, fromClient: boolean): void {
  if (payload.length === 0) return;
  if (payload.length === 1) throw new Error("A Close frame holds one byte (section 5.5.1).");
  const code = statusCode(payload);
  const registered = code >= 1000 && code <= 1014 && ![1004, 1005, 1006].includes(code);
  if ((!registered && (code < 3000 || code > 4999)) || (code === 1010 && !fromClient)) {
    throw new Error(`A Close frame holds ${code}, which must not be sent (section 7.4).`);
  }
  if (!isUtf8(payload.subarray(2))) {
    throw new Error("The reason in a Close frame is not UTF-8 (section 5.5.1).");
  }
}
