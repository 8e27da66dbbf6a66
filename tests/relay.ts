/** A relay: what comes in on one side goes out on the other, ends and resets included. */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";

/** Joins two sockets for good. */
export function join(left: Socket, right: Socket): void {
  for (const [from, to] of [[left, right], [right, left]] as const) {
    from.on("error", () => to.destroy());
    from.on("close", () => void (to.writableEnded || to.destroy()));
    from.pipe(to);
  }
}

/** Listens, over TLS if it has a certificate, and joins each connection to a port of this machine. */
export class Relay implements AsyncDisposable {
  readonly #server: Server;
  readonly #sockets: Set<Socket>;
  readonly port: number;
  /** Bytes that have come from those who connected, and from the port they are joined to. */
  readonly passed: { there: number; back: number };

  private constructor(server: Server, sockets: Set<Socket>, passed: Relay["passed"]) {
    this.#server = server;
    this.#sockets = sockets;
    this.passed = passed;
    this.port = (server.address() as AddressInfo).port;
  }

  static async listen(port: number, secure?: { cert: string; key: string }): Promise<Relay> {
    const sockets = new Set<Socket>();
    const passed = { there: 0, back: 0 };
    const accept = (left: Socket): void => {
      const right = connect({ host: "127.0.0.1", port, allowHalfOpen: true });
      sockets.add(right);
      for (const socket of [left, right]) socket.setNoDelay(true);
      left.on("data", ({ length }: Uint8Array) => passed.there += length);
      right.on("data", ({ length }: Uint8Array) => passed.back += length);
      join(left, right);
    };
    const server = secure === undefined
      ? createServer({ allowHalfOpen: true }, accept)
      : createTlsServer({ ...secure, allowHalfOpen: true }, accept);
    // Beneath TLS too: one whose TLS handshake failed is no connection yet.
    server.on("connection", (socket: Socket) => sockets.add(socket));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return new Relay(server, sockets, passed);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, "close");
  }
}
