/** Compressed echo: `Bun.serve`. */
import { serving } from "./serving.ts";

interface BunSocket {
  send(data: string | Uint8Array, compress: boolean): number;
}

interface BunServer {
  readonly port: number;
  upgrade(request: Request): boolean;
}

interface BunNamespace {
  serve(options: {
    hostname: string;
    port: number;
    fetch(request: Request, server: BunServer): Response | undefined;
    websocket: {
      perMessageDeflate: boolean;
      message(socket: BunSocket, message: string | Uint8Array): void;
    };
  }): BunServer;
}

const { Bun } = globalThis as unknown as { Bun: BunNamespace };

const server = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  fetch: (request, server) =>
    server.upgrade(request) ? undefined : new Response("This is a WebSocket's port.", { status: 426 }),
  websocket: {
    perMessageDeflate: true,
    message: (socket, message) => void socket.send(message, true),
  },
});
serving(server.port);
