/**
 * npm's `ws` on Node: a server for the argument `server`, otherwise a client. A second argument says how it compresses;
 * without it, it does not.
 */
import { Buffer } from "node:buffer";
import type { IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import process from "node:process";
import {
  attend,
  GREETING,
  MAX_MESSAGE_SIZE,
  type PeerCompression,
  report,
  type Special,
  SUBPROTOCOL,
  takeOrders,
} from "./program.ts";

interface WsSocket extends WebSocket {
  ping(payload: string): void;
  send(data: Parameters<WebSocket["send"]>[0] | Uint8Array, options?: { fin: boolean }): void;
  on(event: "ping" | "pong", listener: (payload: Buffer) => void): void;
  on(event: "upgrade", listener: (response: IncomingMessage) => void): void;
}

interface WsServer {
  address(): AddressInfo;
  on(event: "listening", listener: () => void): void;
  on(event: "headers", listener: (lines: string[], request: IncomingMessage) => void): void;
  on(event: "connection", listener: (socket: WsSocket, request: IncomingMessage) => void): void;
}

interface Ws {
  WebSocket: new (url: string, protocols: readonly string[], options: Record<string, unknown>) => WsSocket;
  WebSocketServer: new (options: Record<string, unknown>) => WsServer;
}

// The name is no literal: the package brings no types.
const name: string = "ws";
const { WebSocket: WsClient, WebSocketServer }: Ws = await import(name);

const COMPRESSION: Record<PeerCompression, unknown> = {
  usual: true,
  afresh: { serverNoContextTakeover: true, clientNoContextTakeover: true, threshold: 0 },
  narrow: { serverMaxWindowBits: 10, clientMaxWindowBits: 9, threshold: 0 },
};
const perMessageDeflate = COMPRESSION[process.argv[3] as PeerCompression] ?? false;

function attendWs(socket: WsSocket, seen: Special["seen"] & object): void {
  attend(socket, {
    seen,
    ping: (payload) => socket.ping(payload),
    sendFragments(type, parts) {
      parts.forEach((part, index) => {
        if (index > 0) socket.ping(`before part ${index}`);
        socket.send(type === "text" ? part : Buffer.from(part), { fin: index === parts.length - 1 });
      });
    },
  });
  socket.on("ping", (payload) => report({ event: "ping", payload: payload.toString("latin1") }));
  socket.on("pong", (payload) => report({ event: "pong", payload: payload.toString("latin1") }));
}

if (process.argv[2] === "server") {
  const server = new WebSocketServer({
    host: "127.0.0.1",
    port: 0,
    perMessageDeflate,
    maxPayload: MAX_MESSAGE_SIZE,
    handleProtocols: (offered: Set<string>) => offered.has(SUBPROTOCOL) && SUBPROTOCOL,
    verifyClient({ req }: { req: IncomingMessage }, answer: (ok: boolean, ...rest: unknown[]) => void) {
      if (req.url === "/refuse") answer(false, 403, "Not today", { "x-answer": "no" });
      else answer(true);
    },
  });
  server.on("listening", () => report({ event: "listening", port: server.address().port }));
  // A socket shows the names of its extensions alone.
  const answers = new WeakMap<IncomingMessage, string>();
  server.on("headers", (lines, request) => {
    const line = lines.find((each) => each.startsWith("Sec-WebSocket-Extensions: "));
    answers.set(request, line?.slice(line.indexOf(" ") + 1) ?? "");
  });
  server.on("connection", (socket, request) => {
    if (request.url === "/greet") socket.send(GREETING);
    const header = request.headers["x-interop"]?.toString();
    attendWs(socket, () => ({ header, extensions: answers.get(request) }));
  });
  takeOrders(() => {});
} else {
  takeOrders(({ connect, protocols, headers: sent }) => {
    const socket = new WsClient(connect, protocols, {
      headers: sent,
      perMessageDeflate,
      maxPayload: MAX_MESSAGE_SIZE,
    });
    let headers: IncomingMessage["headers"] = {};
    socket.on("upgrade", (response) => headers = response.headers);
    attendWs(socket, () => ({
      answer: headers["x-answer"]?.toString(),
      extensions: headers["sec-websocket-extensions"] ?? "",
    }));
  });
}
