/**
 * How TCP sockets and Unix sockets read on Node: all into the same memory, since a chunk is borrowed and used up before the next
 * read. By itself, Node takes 64 KiB anew for each read, however little comes.
 *
 * @module
 */
import { channel } from "node:diagnostics_channel";
import { type OnReadOpts, type Server, Socket, type SocketConstructorOpts } from "node:net";
import { DuplexTransport } from "./duplex.ts";

// A burst of messages comes in one piece; and a large message in few, so that the buffer it is gathered in grows seldom.
const READ_SIZE = 256 * 1024;

const memory: ArrayBuffer = new ArrayBuffer(READ_SIZE);

const onread: OnReadOpts = {
  buffer: new Uint8Array(memory),
  callback(this: unknown, size: number): true {
    DuplexTransport.received.call(this, new Uint8Array(memory, 0, size));
    return true;
  },
};

// Node's own channel for the sockets of servers.
const accepted = channel("net.server.socket");

// What Bun and Deno have of Node has sockets of its own below.
const onNode = !("Bun" in globalThis || "Deno" in globalThis);

/** Options of a socket that a {@linkcode DuplexTransport} will own: it fires no `data` events then. */
export const SHARED_READS: { onread?: OnReadOpts } = onNode ? { onread } : {};

interface ServerHandle {
  onconnection(this: ServerHandle, error: number, client: object | undefined): void;
}

/**
 * Has a server that listens give its sockets to `accept`, made with {@linkcode SHARED_READS}. Node has that option for clients
 * alone; a server's sockets are made of handles, which its documentation leaves out. Where these are not what they are in Node 20
 * to 26, nothing changes: the server fires its `connection` events.
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
