/** Echo: woshou's acceptor on a server of `node:http`. */
import { createServer } from "node:http";
import { acceptor } from "../../mod.ts";
import { serving } from "./serving.ts";

const server = createServer((_, response) => response.end());
server.on(
  "upgrade",
  acceptor({}, {
    message: (socket, message) => socket.send(message) ? undefined : socket.drained().catch(() => {}),
  }),
);
server.listen(0, "127.0.0.1", () => serving((server.address() as { port: number }).port));
