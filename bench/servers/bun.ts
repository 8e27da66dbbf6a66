/** The part of Bun's API that the bench uses. */

/** A WebSocket connection. */
export interface BunWebSocket {
  send(data: string | Uint8Array, compress?: boolean): number;
  subscribe(topic: string): void;
}

/** `Bun.serve`. */
export interface BunServer {
  readonly port: number;
  upgrade(request: Request): boolean;
  publish(topic: string, data: string | Uint8Array): number;
}

/** The WebSocket handlers of `Bun.serve`. */
export interface BunWebSocketHandler {
  perMessageDeflate?: boolean;
  open?(socket: BunWebSocket): void;
  message(socket: BunWebSocket, message: string | Uint8Array): void;
}

/** A TCP connection. */
export interface BunTcpSocket {
  data: Uint8Array[];
  write(bytes: Uint8Array): number;
}

interface BunNamespace {
  serve(options: {
    hostname: string;
    port: number;
    fetch(request: Request, server: BunServer): Response | undefined | Promise<Response | undefined>;
    websocket: unknown;
    tls?: { cert: string; key: string };
  }): BunServer;
  listen(options: {
    hostname: string;
    port: number;
    socket: {
      binaryType: "uint8array";
      open(socket: BunTcpSocket): void;
      data(socket: BunTcpSocket, chunk: Uint8Array): void;
      drain(socket: BunTcpSocket): void;
    };
  }): { readonly port: number };
}

/** The global `Bun`. */
export const Bun: BunNamespace = (globalThis as unknown as { Bun: BunNamespace }).Bun;

/** A server that opens a WebSocket for every request. */
export function serveWebSockets(
  websocket: BunWebSocketHandler,
  tls?: { cert: string; key: string },
): BunServer {
  return Bun.serve({
    ...(tls === undefined ? {} : { tls }),
    hostname: "127.0.0.1",
    port: 0,
    fetch: (request, server) =>
      server.upgrade(request) ? undefined : new Response("This is a WebSocket's port.", { status: 426 }),
    websocket,
  });
}
