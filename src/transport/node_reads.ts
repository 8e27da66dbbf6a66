/**
 * Servers on Node whose sockets have shared reads.
 *
 * @module
 */
import { channel } from "node:diagnostics_channel";
import { type Server, Socket } from "node:net";
import { type HandleOptions, onNode, SHARED_READS } from "./shared_reads.ts";

// Node's diagnostics channel for accepted sockets.
const accepted = channel("net.server.socket");

interface ServerHandle {
  onconnection(this: ServerHandle, error: number, client: object | undefined): void;
}

/**
 * Makes a listening server give `accept` sockets with {@linkcode SHARED_READS}. Node has that option only for
 * clients; a server's sockets are made from undocumented handles. If these are not as in Node 20 to 26, nothing
 * changes: the server fires its `connection` events.
 */
export function acceptWithSharedReads(server: Server, accept: (socket: Socket) => void): void {
  const handle = (server as unknown as { _handle?: ServerHandle | null })._handle;
  if (!onNode || typeof handle?.onconnection !== "function") return;
  const { onconnection } = handle;
  handle.onconnection = function (error, client): void {
    if (error !== 0 || client === undefined) return onconnection.call(this, error, client);
    const options: HandleOptions = {
      handle: client,
      pauseOnCreate: true,
      allowHalfOpen: true,
      ...SHARED_READS,
    };
    const socket = new Socket(options);
    socket.setNoDelay(true);
    accept(socket);
    if (accepted.hasSubscribers) accepted.publish({ socket });
  };
}
