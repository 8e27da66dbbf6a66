/** Compressed echo: woshou with `compression: true`. */
import { serve } from "../../mod.ts";
import { serving } from "./serving.ts";

const server = await serve({ port: 0, compression: true }, {
  message: (socket, message) => void socket.send(message),
});
serving(server.port);
