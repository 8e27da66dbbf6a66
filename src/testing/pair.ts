/**
 * Two connections joined in memory.
 *
 * @module
 */
import {
  acceptCompression,
  compressionOffer,
  type CompressionSettings,
  readCompression,
} from "../compression/options.ts";
import { type Connection, type ConnectionHandler, startConnection } from "../connection/connection.ts";
import { type ConnectionOptions, connectionSettings } from "../connection/options.ts";
import { parseExtensions } from "../http/header_fields.ts";
import { readOptions } from "../options/read.ts";
import type { PermessageDeflate } from "../permessage_deflate/permessage_deflate.ts";
import type { Publisher } from "../topics/options.ts";
import { Topics } from "../topics/topics.ts";
import { memoryPair } from "../transport/memory.ts";
import type { Transport } from "../transport/transport.ts";
import type { Flow, FlowOptions } from "./flow.ts";
import { type Faults, Relay } from "./network.ts";

/** How the network between two sides behaves; top-level options apply to both directions. */
export interface NetworkOptions extends FlowOptions {
  /** From the client to the server, where different. */
  toServer?: FlowOptions;
  /** From the server to the client, where different. */
  toClient?: FlowOptions;
}

/** The simulated network between two sides, controlled by a test. */
export interface Network extends Faults {
  /** From the client to the server. */
  readonly toServer: Flow;
  /** From the server to the client. */
  readonly toClient: Flow;
}

/** Options of a pair. */
export interface PairOptions<Data = undefined> {
  /** Limits and deadlines of the client. */
  client?: ConnectionOptions;
  /** Limits and deadlines of the server's side. */
  server?: ConnectionOptions;
  /** Handles the server's side, as in `serve()`. Default: the test reads its messages itself. */
  handler?: ConnectionHandler<Data>;
  /** `data` of the server's side. */
  data?: Data;
  /** The negotiated subprotocol. Default: `""`. */
  protocol?: string;
  /** `request` of the server's side. Default: a GET of `http://localhost/`. */
  request?: Request;
  /** Called with what the handler throws. Default: `console.error`. */
  error?(error: unknown): void;
  /** The network between the two sides. Default: everything arrives at once and whole. */
  network?: NetworkOptions;
}

/** Both sides of a connection, and the network between them. */
export interface Pair<Data = undefined> extends AsyncDisposable {
  /** The client's side. */
  readonly client: Connection;
  /** The server's side. */
  readonly server: Connection<Data>;
  /** The network between them. */
  readonly network: Network;
  /** Publishes to the topics that the server's side has subscribed to, as `server.publish()` would. */
  readonly publisher: Publisher;
  /** Drops both sides and waits until they are closed. */
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Makes a connected client and server in memory: no port, no handshake, no waiting. Everything else is real: frames,
 * limits, heartbeats, closing. Close or drop each side as usual; `await using` does it.
 *
 * Throws a `RangeError` for an option out of range.
 *
 * @example
 * ```ts
 * import { pair } from "woshou/testing";
 *
 * const { client, server } = pair();
 * client.send("hello");
 * for await (const message of server) {
 *   console.log(message); // "hello"
 *   break;
 * }
 * await client.close();
 * ```
 *
 * @example A handler under test, on a network that delivers byte by byte
 * ```ts
 * import { pair } from "woshou/testing";
 *
 * await using ends = pair({
 *   handler: async (socket) => {
 *     for await (const message of socket) socket.send(`${socket.data.user}: ${message}`);
 *   },
 *   data: { user: "Li" },
 *   network: { split: "bytes" },
 * });
 * ends.client.send("hello");
 * for await (const message of ends.client) {
 *   console.log(message); // "Li: hello"
 *   break;
 * }
 * ```
 */
export function pair<Data = undefined>(options: PairOptions<Data> = {}): Pair<Data> {
  const clientSettings = connectionSettings(readOptions("pair()", options.client ?? {}));
  const serverSettings = connectionSettings(readOptions("pair()", options.server ?? {}));
  const { protocol = "", request = new Request("http://localhost/"), error = console.error } = options;
  const ends = connected(options.network, clientSettings.sendHighWaterMark, serverSettings.sendHighWaterMark);
  const topics = new Topics<Data>({ error }, serverSettings);
  const early = new Uint8Array(0);
  const compression = agree(clientSettings.compression, serverSettings.compression);
  const extensions = compression?.answer ?? "";
  const shared = { protocol, extensions };
  const client = startConnection<undefined>(
    {
      ...shared,
      compression: compression?.client,
      home: { role: "client", settings: clientSettings, handlerFailed: error },
      transport: ends.client,
      data: undefined,
      request: undefined,
    },
    undefined,
    early,
  );
  const server = startConnection<Data>(
    {
      ...shared,
      compression: compression?.server,
      home: { role: "server", settings: serverSettings, topics, handlerFailed: error },
      transport: ends.server,
      data: options.data as Data,
      request,
    },
    options.handler,
    early,
  );
  return new ConnectedPair(client, server, ends.network, topics);
}

/** Both sides of one connection. */
export class ConnectedPair<Data> implements Pair<Data> {
  readonly client: Connection;
  readonly server: Connection<Data>;
  readonly network: Network;
  readonly publisher: Publisher;

  /** For these two sides. */
  constructor(client: Connection, server: Connection<Data>, network: Network, publisher: Publisher) {
    this.client = client;
    this.server = server;
    this.network = network;
    this.publisher = publisher;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.client.abort();
    this.server.abort();
    await Promise.all([this.client.closed, this.server.closed]);
  }
}

/** Negotiates compression as an opening handshake would. */
function agree(client: CompressionSettings | undefined, server: CompressionSettings | undefined): {
  answer: string;
  client: PermessageDeflate;
  server: PermessageDeflate;
} | undefined {
  if (client === undefined || server === undefined) return undefined;
  const accepted = acceptCompression(parseExtensions(compressionOffer(client))!, server);
  if (accepted === undefined) return undefined;
  const read = readCompression(parseExtensions(accepted.answer)!, client);
  if (typeof read !== "object") throw new RangeError(`The two sides cannot agree on compression: ${read}`);
  return { answer: accepted.answer, client: read, server: accepted.deflate };
}

/** Two transports with a network between them. */
export function connected(
  options: NetworkOptions | undefined,
  clientMark: number,
  serverMark: number,
): { client: Transport; server: Transport; network: Network } {
  const { toServer, toClient, ...both } = options ?? {};
  // Without a buffer behind the network each piece is read separately.
  const [client, left] = memoryPair({ highWaterMark: clientMark }, { highWaterMark: 0 });
  const [server, right] = memoryPair({ highWaterMark: serverMark }, { highWaterMark: 0 });
  const relay = new Relay(left, right, { ...both, ...toServer }, { ...both, ...toClient });
  const network: Network = {
    toServer: relay.rightward,
    toClient: relay.leftward,
    cut: () => relay.cut(),
    vanish: () => relay.vanish(),
  };
  return { client, server, network };
}
