/** Deno's own server: `Deno.serve` and `Deno.upgradeWebSocket`. */
import { attend, GREETING, report, SUBPROTOCOL, takeOrders } from "./program.ts";

interface Deno {
  serve(
    options: { hostname: string; port: number; onListen(address: { port: number }): void },
    handler: (request: Request) => Response,
  ): unknown;
  upgradeWebSocket(
    request: Request,
    options: { protocol?: string; idleTimeout?: number },
  ): { socket: WebSocket; response: Response };
}

const { serve, upgradeWebSocket } = (globalThis as unknown as { Deno: Deno }).Deno;

serve({
  hostname: "127.0.0.1",
  port: 0,
  onListen: ({ port }) => report({ event: "listening", port }),
}, (request) => {
  const { pathname } = new URL(request.url);
  if (pathname === "/refuse") {
    return new Response("Not today", { status: 403, headers: { "x-answer": "no" } });
  }
  const offered = (request.headers.get("sec-websocket-protocol") ?? "").split(/, */);
  const header = request.headers.get("x-interop") ?? undefined;
  const { socket, response } = upgradeWebSocket(request, {
    ...(offered.includes(SUBPROTOCOL) ? { protocol: SUBPROTOCOL } : {}),
    // Seconds; the half of it is when Deno pings.
    ...(pathname === "/idle" ? { idleTimeout: 1 } : {}),
  });
  if (pathname === "/greet") socket.addEventListener("open", () => socket.send(GREETING));
  attend(socket, { seen: () => ({ header }) });
  return response;
});
takeOrders(() => {});
