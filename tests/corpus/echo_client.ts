/** What the corpus drives: connects to the URL in its last argument, echoes, and exits 0 however the connection ended. */
import process from "node:process";
import { connect, ConnectionClosedError, HandshakeError } from "../../mod.ts";

try {
  const socket = await connect(process.argv.at(-1)!, { handshakeTimeout: 2000, closeTimeout: 2000 });
  for await (const message of socket) socket.send(message);
  await socket.closed;
} catch (error) {
  if (!(error instanceof HandshakeError || error instanceof ConnectionClosedError)) throw error;
}
