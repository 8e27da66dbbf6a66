/** The minimum on Bun: echoes bytes. */
import { Bun, type BunTcpSocket } from "./bun.ts";
import { serving } from "./serving.ts";

/** Writes until the socket accepts no more; the rest waits for the drain event. */
function write(socket: BunTcpSocket, bytes: Uint8Array): void {
  if (socket.data.length > 0) {
    socket.data.push(bytes.slice());
    return;
  }
  const written = socket.write(bytes);
  if (written < bytes.length) socket.data.push(bytes.slice(Math.max(0, written)));
}

const { port } = Bun.listen({
  hostname: "127.0.0.1",
  port: 0,
  socket: {
    binaryType: "uint8array",
    open: (socket) => void (socket.data = []),
    data: write,
    drain(socket) {
      const waiting = socket.data;
      socket.data = [];
      for (const bytes of waiting) write(socket, bytes);
    },
  },
});
serving(port);
