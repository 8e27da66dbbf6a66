/** What a connection sends at once, and the exact bytes that must come back. */
import { Buffer } from "node:buffer";
import { randomBytes } from "node:crypto";
import { frame, maskedFrame } from "./frames.ts";

const PING = 0x89;
const PONG = 0x8a;

/** Messages that are sent in one write. */
export class Script {
  /** The frames of a client. */
  readonly request: Buffer;
  /** The server's frames for the same messages; the same bytes as the request without framing. */
  readonly answer: Buffer;
  /** Bytes of one frame. */
  readonly frameSize: number;

  /** `count` different messages of `size` ASCII bytes. */
  constructor(count: number, size: number, binary: boolean, bare: boolean) {
    const firstOctet = binary ? 0x82 : 0x81;
    const payloads = Array.from(
      { length: count },
      (_, number) => Buffer.from(Array.from({ length: size }, (_, i) => 0x61 + (i + number) % 26)),
    );
    this.request = Buffer.concat(payloads.map((each) => maskedFrame(firstOctet, each, randomBytes(4))));
    this.answer = bare ? this.request : Buffer.concat(payloads.map((each) => frame(firstOctet, each)));
    this.frameSize = this.answer.length / count;
  }
}

/** Checks the answers to a script that is sent repeatedly. */
export class ScriptReader {
  readonly #script: Script;
  readonly #pong: (frame: Buffer) => void;
  /** Received bytes of the script's answer. */
  #at = 0;
  /** An incomplete ping. */
  #ping: Buffer | undefined;

  constructor(script: Script, pong: (frame: Buffer) => void) {
    this.#script = script;
    this.#pong = pong;
  }

  /**
   * Reads `bytes` up to `end`. Returns how many messages were completed, and throws if anything else came than the
   * script says.
   */
  read(bytes: Buffer, end: number): number {
    const { answer, frameSize } = this.#script;
    let messages = 0;
    let from = 0;
    while (from < end) {
      if (this.#ping !== undefined || bytes[from] === PING && this.#at % frameSize === 0) {
        from = this.#readPing(bytes, from, end);
        continue;
      }
      const before = Math.floor(this.#at / frameSize);
      const length = this.#untilPing(bytes, from, Math.min(end - from, answer.length - this.#at));
      if (bytes.compare(answer, this.#at, this.#at + length, from, from + length) !== 0) {
        throw new Error("What the server sent differs from what it was sent, or is framed in another way.");
      }
      from += length;
      this.#at += length;
      messages += Math.floor(this.#at / frameSize) - before;
      if (this.#at === answer.length) this.#at = 0;
    }
    return messages;
  }

  /** How much of it comes before a ping, which is only possible between frames. */
  #untilPing(bytes: Buffer, from: number, length: number): number {
    const { frameSize } = this.#script;
    for (let at = frameSize - this.#at % frameSize; at < length; at += frameSize) {
      if (bytes[from + at] === PING) return at;
    }
    return length;
  }

  #readPing(bytes: Buffer, from: number, end: number): number {
    const held = this.#ping ?? Buffer.alloc(0);
    const size = 2 + (held[1] ?? (held.length === 1 ? bytes[from] : bytes[from + 1]) ?? 0);
    const whole = Buffer.concat([held, bytes.subarray(from, Math.min(end, from + size - held.length))]);
    this.#ping = whole.length < size || whole.length < 2 ? whole : undefined;
    if (this.#ping === undefined) this.#pong(maskedFrame(PONG, whole.subarray(2), new Uint8Array(4)));
    return from + whole.length - held.length;
  }
}
