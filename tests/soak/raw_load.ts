/** A client's end of a connection as bytes, which shares no code with the library. */
import { Buffer } from "node:buffer";
import { connect, type Socket } from "node:net";
import { AnswerReader, maskedFrame } from "../../bench/load/frames.ts";
import { Opening } from "../../bench/load/opening.ts";

// One buffer for all: what was read is dealt with before the next socket is.
const readBuffer = Buffer.allocUnsafe(64 * 1024);
const BINARY = 0x82;
const CLOSE_1000 = Buffer.from([0x03, 0xe8]);
/** The addresses to connect from: one has no more than some 28,000 ports. */
const SOURCES = 16;
const KEY = Buffer.from([0x37, 0xfa, 0x21, 0x3d]);

let made = 0;

/** Opens a TCP connection, from one of several addresses in turn. */
export function dial(port: number, receive: (bytes: Buffer, length: number) => void): Socket {
  const localAddress = `127.0.0.${2 + made++ % SOURCES}`;
  const onread = {
    buffer: readBuffer,
    callback: (length: number) => {
      receive(readBuffer, length);
      return true;
    },
  };
  return connect({ host: "127.0.0.1", port, localAddress, noDelay: true, allowHalfOpen: true, onread });
}

/** A frame with a message of bytes. */
export function binaryFrame(payload: Uint8Array): Buffer {
  return maskedFrame(BINARY, payload, KEY);
}

/** A connection that sends one message at a time and wants it back. */
export class EchoConnection {
  /** Resolves when the opening handshake is done. */
  readonly opened: Promise<void>;
  /** Resolves when the connection has ended. */
  readonly closed: Promise<void>;
  /** Messages that came back. */
  echoed = 0;
  /** When the message was sent that has not come back yet. */
  waitingSince: number | undefined;
  readonly socket: Socket;
  readonly #reader: AnswerReader;
  #opening: Opening | undefined;
  #expected: Buffer | undefined;
  #answered: (() => void) | undefined;
  #open!: () => void;
  #fail!: (error: Error) => void;
  #closing = false;

  constructor(port: number) {
    this.#opening = new Opening(port, "");
    this.#reader = new AnswerReader(BINARY, this);
    this.opened = new Promise((resolve, reject) => {
      this.#open = resolve;
      this.#fail = reject;
    });
    this.socket = dial(port, (bytes, length) => this.#receive(bytes, length));
    this.socket.on("error", (error) => this.#fail(error));
    this.socket.on("end", () => this.socket.end());
    this.closed = new Promise((resolve) =>
      this.socket.on("close", () => {
        this.#fail(new Error("The connection ended in its opening handshake."));
        resolve();
      })
    );
    this.socket.write(this.#opening.request);
  }

  /** Sends, and resolves when the same has come back. */
  echo(payload: Buffer): Promise<void> {
    this.#expected = payload;
    this.waitingSince = performance.now();
    this.socket.write(binaryFrame(payload));
    return new Promise((resolve) => this.#answered = resolve);
  }

  /** Closes with 1000, and resolves when the server has ended the connection. */
  async close(): Promise<void> {
    this.#closing = true;
    this.socket.write(maskedFrame(0x88, CLOSE_1000, KEY));
    await this.closed;
  }

  /** The server's messages; see {@linkcode AnswerReader}. */
  answer(payload: Buffer): void {
    if (this.#expected === undefined || !payload.equals(this.#expected)) {
      throw new Error("An echo is not what was sent.");
    }
    this.#expected = undefined;
    this.waitingSince = undefined;
    this.echoed++;
    this.#answered?.();
  }

  /** The answer to a ping of the server's. */
  pong(frame: Buffer): void {
    this.socket.write(frame);
  }

  #receive(bytes: Buffer, length: number): void {
    if (this.#opening !== undefined) {
      if (this.#opening.read(bytes.subarray(0, length)) === undefined) return;
      this.#opening = undefined;
      this.#open();
    } else if (!this.#closing) this.#reader.read(bytes, length);
  }
}

/** Opens this many connections, a few at a time so that the backlog does not overflow. */
export async function openEchoes(count: number, port: number, atOnce: number): Promise<EchoConnection[]> {
  const all: EchoConnection[] = [];
  while (all.length < count) {
    const some = Array.from({ length: Math.min(atOnce, count - all.length) }, () => new EchoConnection(port));
    await Promise.all(some.map(({ opened }) => opened));
    all.push(...some);
  }
  return all;
}
