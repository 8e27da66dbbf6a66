// Connects to a port of this machine, this many times, and resets each connection at once. Plain JavaScript, for any runtime.
import { once } from "node:events";
import { connect } from "node:net";
import process from "node:process";

const [, , port, count] = process.argv;
for (let left = Number(count); left > 0; left--) {
  const socket = connect({ host: "127.0.0.1", port: Number(port) });
  await once(socket, "connect");
  const closed = once(socket, "close");
  socket.resetAndDestroy();
  await closed;
}
