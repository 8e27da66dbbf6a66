/** An HTTP proxy that opens tunnels to ports of this machine, and writes down what it was asked. */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { join } from "../relay.ts";

/** What a proxy does with a request: the port to tunnel to, or the whole answer. */
export type Decide = (head: string) => number | string;

export class ConnectProxy implements AsyncDisposable {
  readonly #server: Server;
  readonly #sockets: Set<Socket>;
  /** The heads of the requests so far. */
  readonly heads: string[];
  readonly port: number;

  private constructor(server: Server, sockets: Set<Socket>, heads: string[]) {
    this.#server = server;
    this.#sockets = sockets;
    this.heads = heads;
    this.port = (server.address() as AddressInfo).port;
  }

  static async listen(decide: Decide, secure?: { cert: string; key: string }): Promise<ConnectProxy> {
    const sockets = new Set<Socket>();
    const heads: string[] = [];
    const accept = (client: Socket): void => {
      client.on("error", () => {});
      let head = "";
      const read = (data: Uint8Array): void => {
        for (const byte of data) head += String.fromCharCode(byte);
        if (!head.endsWith("\r\n\r\n")) return;
        client.off("data", read);
        client.pause();
        heads.push(head);
        const decision = decide(head);
        if (typeof decision === "string") return void client.end(decision, "latin1");
        const target = connect({ host: "127.0.0.1", port: decision, allowHalfOpen: true }, () => {
          client.write("HTTP/1.1 200 Connection established\r\nVia: 1.1 test\r\n\r\n");
          join(client, target);
        });
        sockets.add(target);
        target.on("error", () => client.destroy());
      };
      client.on("data", read);
    };
    const server = secure === undefined
      ? createServer({ allowHalfOpen: true }, accept)
      : createTlsServer({ ...secure, allowHalfOpen: true }, accept);
    // Beneath TLS too: one whose TLS handshake failed is no connection yet.
    server.on("connection", (socket: Socket) => sockets.add(socket));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return new ConnectProxy(server, sockets, heads);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, "close");
  }
}
