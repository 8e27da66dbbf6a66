/** Echo: woshou, with a loop over each connection's messages. */
import { serve } from "../../mod.ts";
import { serving } from "./serving.ts";

const { port } = await serve({ port: 0 }, async (socket) => {
  for await (const message of socket) {
    if (!socket.send(message)) await socket.drained();
  }
});
serving(port);
