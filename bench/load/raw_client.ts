/** A client's end of a connection, without more than a load generator needs. */
import { Buffer } from "node:buffer";
import { connect, type Socket } from "node:net";
import { Opening } from "./opening.ts";
import { fail } from "./span.ts";

// One buffer for all: what was read is dealt with before the next socket is.
const readBuffer = Buffer.allocUnsafe(256 * 1024);

/** What is opened. */
export interface RawClientOptions {
  readonly port: number;
  /** No WebSocket, but a TCP connection and nothing else. */
  readonly bare?: boolean;
  /** The value of `Sec-WebSocket-Extensions`. */
  readonly extensions?: string;
}

/** A connection whose every failure ends the generator. */
export class RawClient {
  /** Resolves with what the server has accepted of the extensions when the opening handshake is done. */
  readonly opened: Promise<string>;
  readonly #socket: Socket;
  readonly #read: (bytes: Buffer, length: number) => void;
  #opening: Opening | undefined;
  #open!: (accepted: string) => void;

  /** `read` is lent the octets that come after the opening handshake. */
  constructor(
    { port, bare = false, extensions = "" }: RawClientOptions,
    read: (bytes: Buffer, length: number) => void,
  ) {
    this.#read = read;
    this.opened = new Promise((resolve) => this.#open = resolve);
    this.#socket = connect({
      host: "127.0.0.1",
      port,
      noDelay: true,
      onread: { buffer: readBuffer, callback: (length) => this.#receive(length) },
    });
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

  #receive(length: number): boolean {
    try {
      if (this.#opening === undefined) this.#read(readBuffer, length);
      else {
        const accepted = this.#opening.read(readBuffer.subarray(0, length));
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

/** So many at a time connect, so that no server's backlog is passed. */
const AT_ONCE = 100;

/** Makes connections, and answers them when all are open. */
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
