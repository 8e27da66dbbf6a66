/** A peer that speaks bytes: what a test writes is what goes over the wire. */
import { connect, createServer, type Server, type Socket } from "node:net";
import { once } from "node:events";

/** A request that opens a WebSocket, with the RFC's own example key. */
export const REQUEST: string = request();

/** The request with these header lines more, or with its usual ones replaced (`undefined` leaves one out). */
export function request(
  changes: Record<string, string | undefined> = {},
  requestLine = "GET / HTTP/1.1",
): string {
  const headers: Record<string, string | undefined> = {
    "Host": "localhost",
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version": "13",
    ...changes,
  };
  const lines = Object.entries(headers).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}: ${value}\r\n`]
  );
  return `${requestLine}\r\n${lines.join("")}\r\n`;
}

/** One raw connection. Bytes are shown as Latin-1 text. */
export class RawPeer {
  readonly #socket: Socket;
  #received = "";
  #ended = false;
  #closed = false;
  #wake: () => void = () => {};

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (data: Uint8Array) => {
      for (const byte of data) this.#received += String.fromCharCode(byte);
      this.#wake();
    });
    socket.on("end", () => {
      this.#ended = true;
      this.#wake();
    });
    socket.on("error", () => {});
    socket.on("close", () => {
      this.#ended = true;
      this.#closed = true;
      this.#wake();
    });
  }

  /** All that has come so far. */
  get received(): string {
    return this.#received;
  }

  write(text: string): void {
    this.#socket.write(text, "latin1");
  }

  /** Writes each byte in a segment of its own. */
  async writeBytewise(text: string): Promise<void> {
    this.#socket.setNoDelay(true);
    for (const byte of text) {
      this.#socket.write(byte, "latin1");
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
  }

  /** Waits until what has come contains the text, and answers all of it; throws if the stream ends first. */
  async until(text: string): Promise<string> {
    while (!this.#received.includes(text)) {
      if (this.#ended) {
        throw new Error(`the stream ended before ${JSON.stringify(text)}: ${JSON.stringify(this.#received)}`);
      }
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    return this.#received;
  }

  /** Waits for the peer's FIN or reset, and answers all that came. */
  async untilEnd(): Promise<string> {
    while (!this.#ended) await new Promise<void>((resolve) => (this.#wake = resolve));
    return this.#received;
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  end(): void {
    this.#socket.end();
  }

  /** Drops the connection and waits until it is gone. */
  async destroy(): Promise<void> {
    this.#socket.destroy();
    while (!this.#closed) await new Promise<void>((resolve) => (this.#wake = resolve));
  }
}

/** Dials a port of this machine. */
export async function dial(port: number): Promise<RawPeer> {
  const socket = connect({ host: "127.0.0.1", port, allowHalfOpen: true });
  await once(socket, "connect");
  return new RawPeer(socket);
}

/** Sends one request and answers the whole response, once the server has ended the connection. */
export async function exchange(port: number, text: string): Promise<string> {
  const peer = await dial(port);
  peer.write(text);
  const response = await peer.untilEnd();
  await peer.destroy();
  return response;
}

/** A server that does with each connection what the test says. */
export class RawServer {
  readonly #server: Server;
  readonly #peers: RawPeer[] = [];
  readonly port: number;

  private constructor(server: Server, peers: RawPeer[]) {
    this.#server = server;
    this.#peers = peers;
    this.port = (server.address() as { port: number }).port;
  }

  static async listen(script: (peer: RawPeer) => void | Promise<void>): Promise<RawServer> {
    const peers: RawPeer[] = [];
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      const peer = new RawPeer(socket);
      peers.push(peer);
      void Promise.resolve(script(peer)).catch(() => {});
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return new RawServer(server, peers);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#peers.map((peer) => peer.destroy()));
    this.#server.close();
    await once(this.#server, "close");
  }
}
