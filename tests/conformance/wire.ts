/** The test's side of a connection: a TCP socket, the opening handshake by hand, and frames. */
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { setImmediate } from "node:timers/promises";
import { Deflate } from "./deflate.ts";
import { type Agreed, agreedByServer, answerTo, type Asked, offersOf } from "./extension.ts";
import { encode, type Frame, FrameReader, type Heard } from "./frames.ts";

/** A connection after its opening handshake. */
export class Wire {
  readonly #socket: Socket;
  readonly #reader: FrameReader;
  readonly #masking: boolean;
  #head = "";
  #open = false;
  #wake: () => void = () => {};
  #deflate: Deflate | undefined;
  /** What the peer has said so far and nobody has taken. */
  readonly heard: Heard[] = [];
  /** The rule that the peer broke. */
  violation: string | undefined;
  /** The peer's FIN or reset has come. */
  ended = false;
  /** The connection is gone. */
  closed = false;

  private constructor(socket: Socket, role: "client" | "server") {
    this.#socket = socket;
    this.#masking = role === "client";
    this.#reader = new FrameReader(role === "server");
    socket.setNoDelay(true);
    socket.on("data", (chunk: Uint8Array) => {
      this.#receive(chunk);
      this.#wake();
    });
    socket.on("end", () => {
      this.ended = true;
      this.#wake();
    });
    socket.on("error", () => {});
    socket.on("close", () => {
      this.ended = true;
      this.closed = true;
      this.#wake();
    });
  }

  /** Opens a WebSocket as a client, which offers compression if it is to ask for any. */
  static async dial(port: number, asked?: readonly Asked[]): Promise<Wire> {
    const socket = connect({ host: "127.0.0.1", port, allowHalfOpen: true });
    const wire = new Wire(socket, "client");
    await once(socket, "connect");
    socket.write(
      `GET / HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n" +
        `${asked === undefined ? "" : `Sec-WebSocket-Extensions: ${offersOf(asked)}\r\n`}\r\n`,
    );
    await wire.until(() => wire.#open);
    // RFC 6455, section 1.3, gives the answer to its example key.
    if (
      !/^HTTP\/1\.1 101 .*\r\nsec-websocket-accept: *s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=\r\n/is.test(wire.#head)
    ) {
      throw new Error(`The server did not accept: ${JSON.stringify(wire.#head)}`);
    }
    if (asked !== undefined) {
      wire.#agree(() => agreedByServer(asked, wire.#field("sec-websocket-extensions")));
    }
    return wire;
  }

  /** Accepts a client that opens a WebSocket, compressing if `asked` says so; `socket` has allowHalfOpen. */
  static async accept(socket: Socket, asked?: readonly Asked[]): Promise<Wire> {
    const wire = new Wire(socket, "server");
    await wire.until(() => wire.#open);
    const key = wire.#field("sec-websocket-key");
    const accept = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
    let answer: string | undefined;
    if (asked !== undefined) {
      wire.#agree(() => {
        const agreed = answerTo(asked, wire.#field("sec-websocket-extensions"));
        answer = agreed.answer;
        return agreed;
      });
    }
    socket.write(
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
        `Sec-WebSocket-Accept: ${accept}\r\n` +
        `${answer === undefined ? "" : `Sec-WebSocket-Extensions: ${answer}\r\n`}\r\n`,
    );
    return wire;
  }

  /** Whether the peer has sent its Close frame, or ended without one. */
  get closing(): boolean {
    return this.ended || this.heard.some(({ type }) => type === "close");
  }

  /** Waits until the condition holds, or the connection is gone. Returns whether it holds. */
  async until(holds: () => boolean): Promise<boolean> {
    while (!holds()) {
      if (this.closed) return false;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    return true;
  }

  /** Waits until the condition holds, at most this many milliseconds. Returns whether it holds. */
  async within(milliseconds: number, holds: () => boolean): Promise<boolean> {
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      this.#wake();
    }, milliseconds);
    await this.until(() => late || holds());
    clearTimeout(timer);
    return holds();
  }

  /** The bytes of a frame, as this side would send it. */
  encode(frame: Frame): Uint8Array {
    return encode(frame, this.#masking);
  }

  /** The payload of a message, compressed as was agreed. */
  async compress(data: Uint8Array): Promise<Uint8Array> {
    return await this.#deflate!.compress(data);
  }

  /** Whether the peer should have compressed a message. */
  compressible(data: Uint8Array): boolean {
    return this.#deflate?.compressible(data) ?? false;
  }

  write(bytes: Uint8Array): void {
    if (!this.closed) this.#socket.write(bytes);
  }

  /** Writes each piece in a turn of its own, so that the peer can read it alone. */
  async writeEach(pieces: Iterable<Uint8Array>): Promise<void> {
    for (const piece of pieces) {
      if (this.closed) return;
      this.#socket.write(piece);
      await setImmediate();
    }
  }

  /** Writes, and waits until the system has taken enough that more may be written. */
  async writeAndDrain(bytes: Uint8Array): Promise<void> {
    if (this.closed || this.#socket.write(bytes)) return;
    let drained = false;
    this.#socket.once("drain", () => {
      drained = true;
      this.#wake();
    });
    await this.until(() => drained);
  }

  /** Bytes that were written and that the system has not taken. */
  get waiting(): number {
    return this.#socket.writableLength;
  }

  /** Stops reading, so that the peer's bytes pile up. */
  pause(): void {
    this.#socket.pause();
  }

  /** Reads on. */
  resume(): void {
    this.#socket.resume();
  }

  /** Sends the FIN. */
  end(): void {
    this.#socket.end();
  }

  /** Gives up on a peer that hangs. */
  expire(milliseconds: number): void {
    this.violation ??= `It did not go on for ${milliseconds} ms.`;
    this.#socket.destroy();
  }

  /** Drops the connection and waits until it is gone. */
  async destroy(): Promise<void> {
    this.#socket.destroy();
    await this.until(() => this.closed);
    this.#deflate?.close();
  }

  /** The values of a header field of the peer's. */
  #field(name: string): string {
    const values = this.#head.matchAll(new RegExp(`\r\n${name}:[ \t]*(.*?)[ \t]*(?=\r\n)`, "gi"));
    return [...values].map(([, value]) => value).join(", ");
  }

  /** Compresses from now on; what could not be agreed is the peer's violation. */
  #agree(negotiate: () => Agreed): void {
    try {
      const deflate = new Deflate(negotiate());
      this.#deflate = deflate;
      this.#reader.inflate = (payload) => deflate.inflate(payload);
    } catch (error) {
      this.violation = (error as Error).message;
    }
  }

  #receive(chunk: Uint8Array): void {
    let bytes = chunk;
    if (!this.#open) {
      this.#head += Buffer.from(chunk).toString("latin1");
      const end = this.#head.indexOf("\r\n\r\n");
      if (end === -1) return;
      this.#open = true;
      bytes = Buffer.from(this.#head.slice(end + 4), "latin1");
      this.#head = this.#head.slice(0, end + 4);
      if (bytes.length === 0) return;
    }
    if (this.violation !== undefined) return;
    try {
      this.heard.push(...this.#reader.read(bytes));
    } catch (error) {
      this.violation = (error as Error).message;
    }
  }
}
