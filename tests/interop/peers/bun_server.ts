/** Bun's own server: `Bun.serve`. An argument says how it compresses; without it, it does not. */
import process from "node:process";
import {
  commandIn,
  GREETING,
  MAX_MESSAGE_SIZE,
  type PeerCompression,
  report,
  SUBPROTOCOL,
  takeOrders,
} from "./program.ts";

interface Opening {
  readonly greet: boolean;
  readonly protocol: string;
  readonly header: string | undefined;
}

interface BunSocket {
  readonly data: Opening;
  send(data: string | Uint8Array, compress: boolean): number;
  ping(payload: string): void;
  close(code?: number, reason?: string): void;
}

interface BunServer {
  readonly port: number;
  upgrade(request: Request, options: { headers: Record<string, string>; data: Opening }): boolean;
}

interface Bun {
  serve(options: {
    hostname: string;
    port: number;
    fetch(request: Request, server: BunServer): Response | undefined;
    websocket: {
      maxPayloadLength: number;
      backpressureLimit: number;
      perMessageDeflate: boolean | { compress: string; decompress: string };
      open(socket: BunSocket): void;
      message(socket: BunSocket, message: string | Uint8Array): void;
      ping(socket: BunSocket, payload: Uint8Array): void;
      pong(socket: BunSocket, payload: Uint8Array): void;
      close(socket: BunSocket, code: number, reason: string): void;
    };
  }): BunServer;
}

const latin1 = new TextDecoder("latin1");
const compression = process.argv[2] as PeerCompression | undefined;

const { port } = (globalThis as unknown as { Bun: Bun }).Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  fetch(request, server) {
    const { pathname } = new URL(request.url);
    if (pathname === "/refuse") {
      return new Response("Not today", { status: 403, headers: { "x-answer": "no" } });
    }
    const offered = (request.headers.get("sec-websocket-protocol") ?? "").split(/, */);
    const protocol = offered.includes(SUBPROTOCOL) ? SUBPROTOCOL : "";
    const header = request.headers.get("x-interop") ?? undefined;
    const upgraded = server.upgrade(request, {
      headers: protocol === "" ? {} : { "sec-websocket-protocol": protocol },
      data: { greet: pathname === "/greet", protocol, header },
    });
    return upgraded ? undefined : new Response("Not a WebSocket's request", { status: 426 });
  },
  websocket: {
    maxPayloadLength: MAX_MESSAGE_SIZE,
    backpressureLimit: MAX_MESSAGE_SIZE,
    perMessageDeflate: compression === "usual"
      ? { compress: "dedicated", decompress: "dedicated" }
      : compression !== undefined,
    open(socket) {
      const { greet, protocol, header } = socket.data;
      if (greet) socket.send(GREETING, true);
      report({ event: "open", protocol, header });
    },
    message(socket, message) {
      const command = commandIn(message);
      if (command === undefined) socket.send(message, true);
      else if (command.do === "close") socket.close(command.code, command.reason);
      else if (command.do === "ping") socket.ping(command.payload);
    },
    ping: (_, payload) => report({ event: "ping", payload: latin1.decode(payload) }),
    pong: (_, payload) => report({ event: "pong", payload: latin1.decode(payload) }),
    close: (_, code, reason) => report({ event: "close", code, reason }),
  },
});
report({ event: "listening", port });
takeOrders(() => {});
