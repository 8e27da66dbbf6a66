/**
 * How TCP and Unix sockets read on Node: all into the same memory, since a chunk is borrowed and used up before the
 * next read. By default Node allocates 64 KiB for each read, however little arrives.
 *
 * @module
 */
import { channel } from "node:diagnostics_channel";
import { type OnReadOpts, type Server, Socket, type SocketConstructorOpts } from "node:net";
import { DuplexTransport } from "./duplex.ts";

// A burst of messages arrives in one piece, and a large message in few, so that its buffer seldom grows.
const READ_SIZE = 256 * 1024;

const memory: ArrayBuffer = new ArrayBuffer(READ_SIZE);

const onread: OnReadOpts = {
  buffer: new Uint8Array(memory),
  callback(this: unknown, size: number): true {
    DuplexTransport.received.call(this, new Uint8Array(memory, 0, size));
    return true;
  },
};

// Node's diagnostics channel for accepted sockets.
const accepted = channel("net.server.socket");

// The `node:net` of Bun and Deno is built on other sockets.
const onNode = !("Bun" in globalThis || "Deno" in globalThis);

/** Options of a socket that a {@linkcode DuplexTransport} will own: it then fires no `data` events. */
export const SHARED_READS: { onread?: OnReadOpts } = onNode ? { onread } : {};

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
    const options: SocketConstructorOpts & { handle: object; pauseOnCreate: boolean } = {
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
