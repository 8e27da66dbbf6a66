/** Echo over TLS: npm's `ws` on `node:https`. */
import { createServer } from "node:https";
import { secrets } from "./secrets.ts";
import { serving } from "./serving.ts";
import { ws } from "./ws.ts";

const server = createServer(secrets);
new ws.WebSocketServer({ server, perMessageDeflate: false }).on("connection", (socket) => {
  socket.on("error", () => {});
  socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }));
});
server.listen(0, "127.0.0.1", () => serving((server.address() as { port: number }).port));
