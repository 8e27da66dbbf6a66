/** A minimal client connection for load generators. */
import { Buffer } from "node:buffer";
import { connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { Opening } from "./opening.ts";
import { fail } from "./span.ts";

// One shared buffer: each read is handled before the next.
const readBuffer = Buffer.allocUnsafe(256 * 1024);

/** What is opened. */
export interface RawClientOptions {
  readonly port: number;
  /** Not a WebSocket, only a TCP connection. */
  readonly bare?: boolean;
  /** The value of `Sec-WebSocket-Extensions`. */
  readonly extensions?: string;
  /** 1: over TLS, whatever the certificate. */
  readonly secure?: 0 | 1;
}

/** A connection whose every failure ends the generator. */
export class RawClient {
  /** Resolves with the accepted extensions when the opening handshake is done. */
  readonly opened: Promise<string>;
  readonly #socket: Socket;
  readonly #read: (bytes: Buffer, length: number) => void;
  #opening: Opening | undefined;
  #open!: (accepted: string) => void;

  /** `read` borrows the bytes after the opening handshake. */
  constructor(
    { port, bare = false, extensions = "", secure = 0 }: RawClientOptions,
    read: (bytes: Buffer, length: number) => void,
  ) {
    this.#read = read;
    this.opened = new Promise((resolve) => this.#open = resolve);
    if (secure === 1) {
      this.#socket = connectTls({ host: "127.0.0.1", port, rejectUnauthorized: false });
      this.#socket.setNoDelay(true);
      this.#socket.on("data", (chunk: Buffer) => this.#receive(chunk, chunk.length));
    } else {
      this.#socket = connect({
        host: "127.0.0.1",
        port,
        noDelay: true,
        onread: { buffer: readBuffer, callback: (length) => this.#receive(readBuffer, length) },
      });
    }
    this.#socket.on("error", fail);
    this.#socket.on("close", () => fail(new Error("The server closed a connection.")));
    if (bare) {
      this.#socket.on("connect", () => this.#open(""));
    } else {
      this.#opening = new Opening(port, extensions);
      this.#socket.write(this.#opening.request);
    }
  }

  write(bytes: Uint8Array): void {
    this.#socket.write(bytes);
  }

  #receive(bytes: Buffer, length: number): boolean {
    try {
      if (this.#opening === undefined) this.#read(bytes, length);
      else {
        const accepted = this.#opening.read(bytes.subarray(0, length));
        if (accepted === undefined) return true;
        this.#opening = undefined;
        this.#open(accepted);
      }
    } catch (error) {
      fail(error);
    }
    return true;
  }
}

/** Connections opened at a time, so that no server's backlog overflows. */
const AT_ONCE = 100;

/** Opens connections, and returns them when all are open. */
export async function openAll<T extends { readonly opened: Promise<unknown> }>(
  count: number,
  make: (index: number) => T,
): Promise<T[]> {
  const all: T[] = [];
  while (all.length < count) {
    const { length } = all;
    const some = Array.from({ length: Math.min(AT_ONCE, count - length) }, (_, i) => make(length + i));
    await Promise.all(some.map((each) => each.opened));
    all.push(...some);
  }
  return all;
}
