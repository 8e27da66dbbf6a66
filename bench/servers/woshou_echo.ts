/** Echo: woshou, with options as JSON in the first argument. */
import process from "node:process";
import { serve } from "../../mod.ts";
import { serving } from "./serving.ts";

const { port } = await serve({ port: 0, ...JSON.parse(process.argv[2] ?? "{}") }, {
  message: (socket, message) => socket.send(message) ? undefined : socket.drained().catch(() => {}),
});
serving(port);
