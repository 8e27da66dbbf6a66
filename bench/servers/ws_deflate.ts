/** Compressed echo: npm's `ws`. */
import type { Buffer } from "node:buffer";
import type { AddressInfo } from "node:net";
import { serving } from "./serving.ts";

interface WsSocket {
  send(data: Buffer, options: { binary: boolean }): void;
  on(event: "message", listener: (data: Buffer, isBinary: boolean) => void): void;
}

interface WsServer {
  address(): AddressInfo;
  on(event: "listening", listener: () => void): void;
  on(event: "connection", listener: (socket: WsSocket) => void): void;
}

// The name is no literal: the package brings no types.
const name: string = "ws";
const { WebSocketServer }: { WebSocketServer: new (options: Record<string, unknown>) => WsServer } =
  await import(name);

const server = new WebSocketServer({
  host: "127.0.0.1",
  port: 0,
  perMessageDeflate: { serverNoContextTakeover: true, clientNoContextTakeover: true, threshold: 0 },
});
server.on("connection", (socket) => {
  socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }));
});
server.on("listening", () => serving(server.address().port));
