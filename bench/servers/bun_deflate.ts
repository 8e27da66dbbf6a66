/** Compressed echo: `Bun.serve`. */
import { serveWebSockets } from "./bun.ts";
import { serving } from "./serving.ts";

const server = serveWebSockets({
  perMessageDeflate: true,
  message: (socket, message) => void socket.send(message, true),
});
serving(server.port);
