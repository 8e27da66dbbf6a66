/** A health check and a WebSocket on one port. */
import { serve } from "woshou";

const server = await serve({
  port: 8000,
  fetch: ({ url }) =>
    new URL(url).pathname === "/health" ? new Response("ok\n") : new Response("not found\n", { status: 404 }),
}, {
  message: (socket, message) => socket.send(message),
});
console.log(`health check at ${server.url.replace("ws:", "http:")}health`);
