/** The part of Deno's API that the bench uses. */

/** A TCP connection. */
export interface DenoConnection {
  read(buffer: Uint8Array): Promise<number | null>;
  write(bytes: Uint8Array): Promise<number>;
  setNoDelay(): void;
  close(): void;
}

interface DenoNamespace {
  serve(
    options: {
      hostname: string;
      port: number;
      cert?: string;
      key?: string;
      onListen(address: { port: number }): void;
    },
    handler: (request: Request, info: unknown) => Response | Promise<Response>,
  ): { readonly addr: { readonly port: number } };
  upgradeWebSocket(request: Request): { socket: WebSocket; response: Response };
  listen(options: { hostname: string; port: number }): AsyncIterable<DenoConnection> & {
    readonly addr: { readonly port: number };
  };
}

/** The global `Deno`. */
export const Deno: DenoNamespace = (globalThis as unknown as { Deno: DenoNamespace }).Deno;

/** A server that handles every request with this function. Returns its port. */
export function serveRequests(
  handler: (request: Request, info: unknown) => Response | Promise<Response>,
  tls: { cert: string; key: string } | Record<never, never> = {},
): number {
  return Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {}, ...tls }, handler).addr.port;
}

/** A server that opens a WebSocket for every request. Returns its port. */
export function serveWebSockets(
  accept: (socket: WebSocket) => void,
  tls?: { cert: string; key: string },
): number {
  return serveRequests((request) => {
    const { socket, response } = Deno.upgradeWebSocket(request);
    accept(socket);
    return response;
  }, tls);
}
