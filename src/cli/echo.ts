/**
 * The echo handler of both commands.
 *
 * @module
 */
import type { ConnectionCallbacks } from "../connection/connection.ts";

/** Echoes every message in order, and stops reading while the peer does not read (backpressure). */
export const ECHO: ConnectionCallbacks = {
  message(socket, message) {
    if (socket.readyState !== "open" || socket.send(message)) return;
    // Rejects if the connection ends first: then nobody waits for the echo.
    return socket.drained().catch(() => {});
  },
};
