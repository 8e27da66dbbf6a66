/** The test's end of permessage-deflate after the opening handshake: RFC 7692, section 7.2, by node:zlib and by hand. */
import { Buffer } from "node:buffer";
import { constants, createDeflateRaw, type DeflateRaw, deflateRawSync } from "node:zlib";
import type { Agreed } from "./extension.ts";
import { Inflater } from "./inflater.ts";

const TAIL_SIZE = 4;
// zlib has no window of 8 bits.
const LEAST_WINDOW_BITS = 9;

/** Compresses what is sent and inflates what is received. */
export class Deflate {
  readonly #windowBits: number;
  readonly #peersWindowBits: number;
  /** Only where messages share a context. */
  readonly #stream: DeflateRaw | undefined;
  readonly #inflater: Inflater;
  #output: Uint8Array[] = [];

  constructor({ sending, receiving }: Agreed) {
    this.#inflater = new Inflater(receiving);
    this.#windowBits = sending.windowBits;
    this.#peersWindowBits = Math.max(LEAST_WINDOW_BITS, receiving.windowBits);
    if (!sending.takeover) return;
    this.#stream = createDeflateRaw({ windowBits: this.#windowBits });
    this.#stream.on("data", (chunk: Uint8Array) => this.#output.push(chunk));
  }

  /** The payload of a compressed message; messages are compressed one after the other. */
  async compress(data: Uint8Array): Promise<Uint8Array> {
    const stream = this.#stream;
    if (stream === undefined) {
      const whole = deflateRawSync(data, {
        windowBits: this.#windowBits,
        finishFlush: constants.Z_SYNC_FLUSH,
      });
      return whole.subarray(0, -TAIL_SIZE);
    }
    stream.write(data);
    await new Promise<void>((resolve) => stream.flush(constants.Z_SYNC_FLUSH, () => resolve()));
    const whole = Buffer.concat(this.#output);
    this.#output = [];
    return whole.subarray(0, -TAIL_SIZE);
  }

  /** The data of a compressed message; throws where its sender has broken a rule. */
  inflate(payload: Uint8Array): Uint8Array {
    return this.#inflater.inflate(payload);
  }

  /** Whether the peer has reason to compress these data: even little effort makes them smaller. */
  compressible(data: Uint8Array): boolean {
    const options = { level: 1, windowBits: this.#peersWindowBits, finishFlush: constants.Z_SYNC_FLUSH };
    return deflateRawSync(data, options).length - TAIL_SIZE < data.length * 15 / 16;
  }

  close(): void {
    this.#stream?.close();
  }
}
