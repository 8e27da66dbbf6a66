/** Broadcast: `Deno.upgradeWebSocket` in `Deno.serve`, which has no topics, so with a loop. */
import { serveWebSockets } from "./deno.ts";
import { serving } from "./serving.ts";

const sockets = new Set<WebSocket>();
serving(serveWebSockets((socket) => {
  socket.binaryType = "arraybuffer";
  socket.onopen = () => sockets.add(socket);
  socket.onclose = () => sockets.delete(socket);
  socket.onerror = () => {};
  socket.onmessage = ({ data }) => {
    for (const receiver of sockets) {
      if (receiver.readyState === WebSocket.OPEN) receiver.send(data);
    }
  };
}));
