/** Compressed echo: npm's `ws`. */
import { serving } from "./serving.ts";
import { ws } from "./ws.ts";

const server = new ws.WebSocketServer({
  host: "127.0.0.1",
  port: 0,
  perMessageDeflate: { serverNoContextTakeover: true, clientNoContextTakeover: true, threshold: 0 },
});
server.on("connection", (socket) => {
  socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }));
});
server.on("listening", () => serving(server.address().port));
