/** Broadcast: `Bun.serve`, with its own topics. */
import { serveWebSockets } from "./bun.ts";
import { serving } from "./serving.ts";

const server = serveWebSockets({
  open: (socket) => socket.subscribe("all"),
  message: (_socket, message) => void server.publish("all", message),
});
serving(server.port);
