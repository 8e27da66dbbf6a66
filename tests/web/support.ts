/** Whatever the tests of the WHATWG faces share. */
import {
  type ConnectionHandler,
  type ConnectOptions,
  serve,
  type ServeOptions,
  type Server,
  WebSocket,
} from "../../mod.ts";
import { type RawPeer, RawServer } from "../raw_peer.ts";
import { createHash } from "node:crypto";
import { runtime, skip, test } from "../harness.ts";

/** A constructor that behaves as the standard's. */
export interface Standard {
  new (url: string | URL, protocols?: string | string[]): globalThis.WebSocket;
  readonly CONNECTING: 0;
  readonly OPEN: 1;
  readonly CLOSING: 2;
  readonly CLOSED: 3;
  readonly prototype: globalThis.WebSocket;
}

/** The standard's own name for what is tested, so that the runtime's own class serves as a second opinion. */
const own = (globalThis as { WebSocket?: Standard }).WebSocket;

/**
 * Registers an expectation of the standard twice: for ours, and for the runtime's own class, which must agree unless
 * it is named as one that differs.
 */
export function standard(
  name: string,
  expectation: (Face: Standard) => void | Promise<void>,
  differs: readonly (typeof runtime)[] = [],
): void {
  test(`WebSocket: ${name}`, () => expectation(WebSocket as unknown as Standard));
  const second = `the runtime's own WebSocket: ${name}`;
  if (own === undefined) skip(second, "this runtime has none");
  else if (differs.includes(runtime)) skip(second, "it departs from the standard here");
  else test(second, () => expectation(own));
}

/** Runs a test with a server, which is shut down after it. */
export async function serving(
  handler: ConnectionHandler,
  use: (url: string, server: Server) => Promise<void>,
  options: ServeOptions = {},
): Promise<void> {
  const server = await serve({ port: 0, ...options }, handler);
  try {
    await use(server.url, server);
  } finally {
    await server.shutdown({ deadline: 0 });
  }
}

/** Sends back every message. */
export const echo: ConnectionHandler = { message: (socket, message) => socket.send(message) };

/** Options that no client can be made with, and what is thrown for them. */
export const unusable: readonly [ConnectOptions, new () => Error][] = [
  [{ maxMessageSize: 0 }, RangeError],
  [{ closeTimeout: -1 }, RangeError],
  [{ handshakeTimeout: 0 }, RangeError],
  [{ handshakeTimeout: -1 }, RangeError],
  [{ redirects: -1 }, RangeError],
  [{ maxHeadSize: 1 }, RangeError],
  [{ maxHeaders: 0 }, RangeError],
  [{ headers: { "a b": "c" } }, TypeError],
  [{ headers: { a: "\u0001" } }, TypeError],
  [{ headers: { host: "x" } }, TypeError],
  [{ proxy: "ftp://127.0.0.1/" }, SyntaxError],
  [{ proxy: "http://127.0.0.1/", unix: "/nowhere" }, TypeError],
  [{ redirects: 1, unix: "/nowhere" }, TypeError],
];

/** The next event of this type. */
export function next<Kind extends keyof WebSocketEventMap>(
  socket: EventTarget,
  type: Kind,
): Promise<WebSocketEventMap[Kind]> {
  return new Promise((resolve) =>
    socket.addEventListener(type, (event) => resolve(event as WebSocketEventMap[Kind]), { once: true })
  );
}

/** The events that come, by name, with what tells them apart. */
export function logOf(socket: globalThis.WebSocket): string[] {
  const log: string[] = [];
  socket.addEventListener("open", () => log.push(`open ${socket.readyState}`));
  socket.addEventListener("message", ({ data }) => log.push(`message ${data} ${socket.readyState}`));
  socket.addEventListener("error", () => log.push(`error ${socket.readyState}`));
  socket.addEventListener("close", ({ code, reason, wasClean }) => {
    log.push(`close ${code} ${JSON.stringify(reason)} ${wasClean} ${socket.readyState}`);
  });
  return log;
}

/** A WebSocket server that does what the test says once the opening handshake is done. */
export function rawWebSocketServer(
  script: (peer: RawPeer) => void | Promise<void>,
  headers = "",
): Promise<RawServer> {
  return RawServer.listen(async (peer) => {
    const request = await peer.until("\r\n\r\n");
    const key = /sec-websocket-key: *(\S+)/i.exec(request)![1]!;
    const accept = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
    peer.write(
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
        `Sec-WebSocket-Accept: ${accept}\r\n${headers}\r\n`,
    );
    await script(peer);
  });
}

/** The error that a call throws. */
export function thrownBy(call: () => unknown): { name: string; code?: number } {
  try {
    call();
  } catch (error) {
    return error as DOMException;
  }
  throw new Error("nothing was thrown");
}

/** A promise and what settles it. */
export function resolvers<Value>(): { promise: Promise<Value>; resolve: (value: Value) => void } {
  let resolve!: (value: Value) => void;
  const promise = new Promise<Value>((settle) => (resolve = settle));
  return { promise, resolve };
}
