/**
 * WebSockets over HTTP/2 (RFC 8441) on a `node:http2` server: extended CONNECT requests, shared by the acceptors of that
 * server and its other listeners.
 *
 * @module
 */
import { type ConnectRequest, readConnect } from "../handshake/extended_connect.ts";
import { startTimer } from "../support/timer.ts";
import { type Http2Stream, isAnswered } from "../transport/http2_stream.ts";

/** Header fields as `node:http2` has them: names in lower case, with `:path` and so on. */
export type Http2Headers = Readonly<Record<string, string | string[] | undefined>>;

/** A server of `node:http2`: `createServer()` or `createSecureServer()`. */
export interface Http2Server {
  /** Adds a listener. */
  on(event: string, listener: (...args: never[]) => void): unknown;
  /** The number of listeners. */
  listenerCount(event: string): number;
  /** Replaces settings; servers of HTTP/1.1 have none. */
  updateSettings(settings: object): void;
}

/** Who accepts WebSockets on a server. */
export interface ConnectTaker {
  /** Milliseconds to wait for other listeners. */
  readonly patience: number;
  /** Whether WebSockets on a path are its own. */
  isOurs(path: string): boolean;
  /** Accepts or refuses. */
  take(request: ConnectRequest, stream: Http2Stream, headers: Http2Headers): void;
}

const takersOf: WeakMap<object, ConnectTaker[]> = new WeakMap();

/**
 * From now on WebSockets on this server go to the taker whose they are. Throws a `TypeError` if it is no server of
 * `node:http2`, or if its settings do not allow extended CONNECT.
 */
export function listenForConnect(server: Http2Server, taker: ConnectTaker): void {
  check(server);
  const takers = takersOf.get(server);
  if (takers !== undefined) return void takers.push(taker);
  const list = [taker];
  takersOf.set(server, list);
  server.on("stream", (stream: Http2Stream, headers: Http2Headers, _flags: number, fields: string[]) => {
    if (headers[":method"] === "CONNECT") arrived(server, list, stream, headers, fields);
  });
  // Without it, the requests and responses of node:http2 answer 405 to every CONNECT.
  server.on("connect", () => {});
}

function check(server: Http2Server): void {
  if (typeof server?.updateSettings !== "function") {
    throw new TypeError(
      "Cannot accept WebSockets over HTTP/2 here: this is no server of node:http2. With node:http or node:https, use " +
        'server.on("upgrade", accept).',
    );
  }
  const name = Object.getOwnPropertySymbols(server).find(({ description }) => description === "options");
  if (name === undefined) return;
  const options = (server as unknown as Record<symbol, { settings?: { enableConnectProtocol?: boolean } }>)[
    name
  ];
  if (options?.settings?.enableConnectProtocol === true) return;
  throw new TypeError(
    "Cannot accept WebSockets over HTTP/2: clients must be told that the server does. Create it with " +
      "{ settings: { enableConnectProtocol: true } }.",
  );
}

function arrived(
  server: Http2Server,
  takers: readonly ConnectTaker[],
  stream: Http2Stream,
  headers: Http2Headers,
  fields: readonly string[],
): void {
  // Between its listeners, a failure of the peer must not end the process, nor one of a stream that is over already.
  stream.on("error", () => {});
  if (isAnswered(stream)) return;
  const request = readConnect(fields);
  const path = request.head.target.split("?", 1)[0]!;
  const ours = request.protocol === "websocket" ? takers.find((each) => each.isOurs(path)) : undefined;
  const [first] = takers;
  const refuse = (): void => {
    if (!isAnswered(stream)) first!.take(request, stream, headers);
  };
  if (ours !== undefined) ours.take(request, stream, headers);
  else if (hasOthers(server)) (startTimer(first!.patience, refuse) as { unref?(): void }).unref?.();
  else refuse();
}

/** Whether anybody else might answer a CONNECT request. */
function hasOthers(server: Http2Server): boolean {
  // The first `request` listener makes node:http2 listen for streams itself.
  const ofCompatibility = server.listenerCount("request") > 0 ? 1 : 0;
  return server.listenerCount("stream") > 1 + ofCompatibility || server.listenerCount("connect") > 1;
}
