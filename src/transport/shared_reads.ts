/**
 * How TCP and Unix sockets read on Node: all into the same memory, since a chunk is borrowed and used up before the
 * next read. By default Node allocates 64 KiB for each read, however little arrives.
 *
 * @module
 */
import type { OnReadOpts, Socket, SocketConstructorOpts } from "node:net";
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

// The `node:net` of Bun and Deno is built on other sockets.
/** Whether this is Node. */
export const onNode: boolean = !("Bun" in globalThis || "Deno" in globalThis);

/** Options of a socket that a {@linkcode DuplexTransport} will own: it then fires no `data` events. */
export const SHARED_READS: { onread?: OnReadOpts } = onNode ? { onread } : {};

/** The undocumented options with which a server makes its sockets. */
export type HandleOptions = SocketConstructorOpts & { handle: object; pauseOnCreate: boolean };

/** The part of a `net.Socket` that is looked at, and is undocumented. */
interface Inside {
  _handle?: object | null;
  readonly readableLength: number;
  readonly writableLength: number;
}

/**
 * Takes a TCP connection from a socket of `node:http`, as a new socket with {@linkcode SHARED_READS}. The old one has no
 * connection any more: what others do with it does nothing, and it closes with the new one. `undefined` if the socket
 * is of another kind, is not on Node, or has data that waits: then it must be used as it is.
 */
export function takeOver(socket: object): Socket | undefined {
  const old = socket as Socket & Inside;
  const { _handle: handle } = old;
  if (!onNode || !handle || old.constructor.name !== "Socket" || handle.constructor.name !== "TCP") {
    return undefined;
  }
  if (old.destroyed || old.readableLength > 0 || old.writableLength > 0 || old.readableEnded) {
    return undefined;
  }
  const options: HandleOptions = { handle, pauseOnCreate: true, allowHalfOpen: true, ...SHARED_READS };
  old._handle = null;
  const taken = new (old.constructor as new (options: HandleOptions) => Socket)(options);
  // Its server waits for it to close, and others may have kept it, to end the connection with it.
  taken.on("close", () => old.destroy());
  old.on("close", () => taken.destroy());
  old.on("error", () => {});
  return taken;
}
