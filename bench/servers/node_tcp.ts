/** The minimum on Node: echoes bytes. */
import { type AddressInfo, createServer } from "node:net";
import { serving } from "./serving.ts";

const server = createServer({ noDelay: true }, (socket) => {
  socket.on("error", () => {});
  socket.on("data", (chunk) => socket.write(chunk));
});
server.listen(0, "127.0.0.1", () => serving((server.address() as AddressInfo).port));
