/** Echo over TLS: woshou. */
import { serve } from "../../mod.ts";
import { secrets } from "./secrets.ts";
import { serving } from "./serving.ts";

const { port } = await serve({ port: 0, tls: secrets }, {
  message: (socket, message) => socket.send(message) ? undefined : socket.drained().catch(() => {}),
});
serving(port);
