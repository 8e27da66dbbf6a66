/** The minimum of an opening handshake on Bun. */
import { Buffer } from "node:buffer";
import { Bun } from "./bun.ts";
import { bareResponse } from "./opening.ts";
import { serving } from "./serving.ts";

const { port } = Bun.listen({
  hostname: "127.0.0.1",
  port: 0,
  socket: {
    binaryType: "uint8array",
    open() {},
    data: (socket, chunk) =>
      void socket.write(Buffer.from(bareResponse(Buffer.from(chunk).toString("latin1")), "latin1")),
    drain() {},
  },
});
serving(port);
