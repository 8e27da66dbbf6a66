/** The minimum of an opening handshake on Node. */
import { type AddressInfo, createServer } from "node:net";
import { bareResponse } from "./opening.ts";
import { serving } from "./serving.ts";

const server = createServer({ noDelay: true }, (socket) => {
  socket.on("error", () => {});
  socket.once("data", (chunk) => socket.write(bareResponse(chunk.toString("latin1"))));
});
server.listen(0, "127.0.0.1", () => serving((server.address() as AddressInfo).port));
