/** Echo: npm's `ws`. */
import { serving } from "./serving.ts";
import { ws } from "./ws.ts";

const server = new ws.WebSocketServer({ host: "127.0.0.1", port: 0, perMessageDeflate: false });
server.on("connection", (socket) => {
  socket.on("error", () => {});
  socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }));
});
server.on("listening", () => serving(server.address().port));
