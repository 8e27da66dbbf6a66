/** Broadcast: woshou. Every message goes to everybody, including its sender. */
import { serve } from "../../mod.ts";
import { serving } from "./serving.ts";

const server = await serve({ port: 0 }, {
  open: (socket) => socket.subscribe("all"),
  message: (_socket, message) => void server.publish("all", message),
});
serving(server.port);
