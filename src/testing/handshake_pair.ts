/**
 * Two connections joined in memory by a real opening handshake.
 *
 * @module
 */
import { Admission } from "../server/admission.ts";
import { ClientOpening } from "../client/opening_handshake.ts";
import { compressionOffer } from "../compression/options.ts";
import type { Connection, ConnectionHandler } from "../connection/connection.ts";
import { type ConnectionOptions, connectionSettings } from "../connection/options.ts";
import { Deadlines } from "../server/deadlines.ts";
import { ClientHandshake } from "../handshake/client_handshake.ts";
import { endpointsOf, policyOf } from "../server/endpoints.ts";
import { type OpeningContext, OpeningHandshake } from "../server/opening_handshake.ts";
import type { OpeningOptions } from "../server/options.ts";
import { Home } from "../server/home.ts";
import type { MessageCompression } from "../protocol/message_compression.ts";
import { readOptions } from "../options/read.ts";
import { RefusalNotice } from "../server/refusal_notice.ts";
import { Roster } from "../support/roster.ts";
import { Topics } from "../topics/topics.ts";
import { headerLines } from "../options/header_lines.ts";
import { connected, ConnectedPair, type NetworkOptions, type Pair } from "./pair.ts";

/** Options of the server's side, as for `serve()`. */
export interface HandshakeServerOptions<Data = undefined> extends OpeningOptions<Data>, ConnectionOptions {}

/** Options of the client's side, as for `connect()`. */
export interface HandshakeClientOptions extends ConnectionOptions {
  /** The URL to request. Default: `ws://localhost/`. */
  url?: string | URL;
  /** Subprotocols to offer, most preferred first. */
  protocols?: string | readonly string[];
  /** More header fields for the request. */
  headers?: HeadersInit;
  /** Aborts the handshake. */
  signal?: AbortSignal;
}

/** Options of a pair with a handshake. */
export interface HandshakePairOptions<Data = undefined> {
  /** The server's side: `upgrade`, `protocols`, limits and so on. Every host is allowed unless `hosts` is set. */
  server?: HandshakeServerOptions<Data>;
  /** The client's side. */
  client?: HandshakeClientOptions;
  /** Handles the server's side. Default: the test reads its messages itself. */
  handler?: ConnectionHandler<Data>;
  /** The network between the two sides, also for the handshake. Default: everything arrives at once and whole. */
  network?: NetworkOptions;
}

/**
 * As `pair()`, but with a real opening handshake, so that `upgrade`, `protocols`, `origins` and so on can be tested
 * without a port.
 *
 * Rejects as `connect()` does: with a `HandshakeError` if the server refuses or the network breaks, with the signal's
 * reason if aborted, and with a `RangeError` or `SyntaxError` for an invalid option.
 *
 * @example
 * ```ts
 * import { handshakePair } from "woshou/testing";
 *
 * await using ends = await handshakePair({
 *   client: { url: "ws://localhost/?user=Li", protocols: ["chat.v2"] },
 *   server: {
 *     protocols: ["chat.v2", "chat.v1"],
 *     upgrade: ({ url }) => ({ data: { user: new URL(url).searchParams.get("user") } }),
 *   },
 * });
 * console.log(ends.client.protocol, ends.server.data.user); // "chat.v2" "Li"
 * ```
 */
export async function handshakePair<Data = undefined>(
  { server: given = {}, client = {}, handler, network: faults }: HandshakePairOptions<Data> = {},
): Promise<Pair<Data>> {
  const server = readOptions("acceptor()", given);
  const { protocols = [], signal = new AbortController().signal } = client;
  signal.throwIfAborted();
  const settings = { client: connectionSettings(client), server: connectionSettings(server) };
  const url = new URL(client.url ?? "ws://localhost/");
  const limits = { maxHeadSize: 16 * 1024, maxHeaders: 100 };
  const handshake = new ClientHandshake({
    host: url.host,
    resourceName: url.pathname + url.search,
    protocols: typeof protocols === "string" ? [protocols] : protocols,
    extensions: settings.client.compression && compressionOffer(settings.client.compression),
    headers: headerLines(client.headers),
    limits,
  });
  const home = new WatchedHome<Data>(
    server,
    settings.server,
    new Topics(server, settings.server),
    new Admission(server),
  );
  // When a handler function returns, the connection is closed: this one returns when that has happened anyway.
  const endpointAt = endpointsOf(server, handler ?? ((socket) => socket.closed), home);
  const context: OpeningContext<Data> = {
    options: server,
    policy: policyOf(server.hosts ?? "any", endpointAt),
    limits,
    home,
    endpointAt,
    deadlines: new Deadlines(server.handshakeTimeout ?? 10_000),
    handshakes: new Roster(),
    retryAfter: undefined,
    notice: new RefusalNotice(),
    http: undefined,
  };
  const ends = connected(faults, settings.client.sendHighWaterMark, settings.server.sendHighWaterMark);
  const accepting = new OpeningHandshake(ends.server, context);
  ends.server.attach(accepting);
  accepting.enter();
  try {
    const opening = new ClientOpening({
      transport: ends.client,
      handshake,
      settings: settings.client,
      handler: undefined,
      onError: () => {},
      followsRedirects: false,
    });
    const opened = await opening.run(signal);
    if (opened.kind !== "open") throw new Error("A redirect was followed although redirects are off.");
    return new ConnectedPair(opened.socket, home.socket!, ends.network, home.topics);
  } catch (error) {
    ends.network.cut();
    throw error;
  }
}

/** Remembers the one connection, even if it has already ended. */
class WatchedHome<Data> extends Home<Data> {
  socket: Connection<Data> | undefined;

  override began(socket: Connection<Data>, compression: MessageCompression | undefined): number {
    this.socket = socket;
    return super.began(socket, compression);
  }
}
