/** Echo over TLS: `Deno.upgradeWebSocket` in `Deno.serve`. */
import { serveWebSockets } from "./deno.ts";
import { secrets } from "./secrets.ts";
import { serving } from "./serving.ts";

serving(serveWebSockets((socket) => {
  socket.binaryType = "arraybuffer";
  socket.onmessage = ({ data }) => socket.send(data);
  socket.onerror = () => {};
}, secrets));
