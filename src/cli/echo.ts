/**
 * What both ends of the command line do with messages: send them back.
 *
 * @module
 */
import type { ConnectionCallbacks } from "../connection/connection.ts";

/** Sends every message back, in order, and reads no more while the peer does not take them. */
export const ECHO: ConnectionCallbacks = {
  message(socket, message) {
    if (socket.readyState !== "open" || socket.send(message)) return;
    // It rejects when the connection ends first: then nobody waits for the echo any more.
    return socket.drained().catch(() => {});
  },
};
