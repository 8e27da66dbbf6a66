/** The WebSocket that a runtime has of its own: Node, Deno and Bun. */
import { attend, report, takeOrders } from "./program.ts";

type RuntimesWebSocket = new (
  url: string,
  options: { protocols: readonly string[]; headers: Readonly<Record<string, string>> },
) => WebSocket & { ping?(payload: string): void };

takeOrders(({ connect, protocols, headers }) => {
  const socket = new (WebSocket as unknown as RuntimesWebSocket)(connect, { protocols, headers });
  attend(socket, { ping: (payload) => socket.ping!(payload) });
  // Only Bun has these.
  for (const event of ["ping", "pong"] as const) {
    socket.addEventListener(event, (message) => {
      const { data } = message as MessageEvent;
      report({ event, payload: new TextDecoder("latin1").decode(data) });
    });
  }
});
