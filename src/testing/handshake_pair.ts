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

/** What the server's end of a handshake is told, as `serve()` would be. */
export interface HandshakeServerOptions<Data = undefined> extends OpeningOptions<Data>, ConnectionOptions {}

/** What the client's end of a handshake is told, as `connect()` would be. */
export interface HandshakeClientOptions extends ConnectionOptions {
  /** The URL that it asks for. Default: `ws://localhost/`. */
  url?: string | URL;
  /** Subprotocols to offer, best first. */
  protocols?: string | readonly string[];
  /** More header fields for the request. */
  headers?: HeadersInit;
  /** Gives up. */
  signal?: AbortSignal;
}

/** What a pair with a handshake is made with. */
export interface HandshakePairOptions<Data = undefined> {
  /** The server's end: `upgrade`, `protocols`, limits and all. Every host is admitted unless `hosts` says otherwise. */
  server?: HandshakeServerOptions<Data>;
  /** The client's end. */
  client?: HandshakeClientOptions;
  /** Is given the server's end. Default: the test takes its messages itself. */
  handler?: ConnectionHandler<Data>;
  /** What lies between the ends, the handshake included. Default: everything arrives at once and whole. */
  network?: NetworkOptions;
}

/**
 * As `pair()`, but the ends come to be by a real opening handshake, so that `upgrade`, `protocols`, `origins` and
 * whatever else decides about one can be tested without a port.
 *
 * Rejects as `connect()` does: with a `HandshakeError` when the server refuses or the network breaks, with the signal's
 * reason when that is aborted, with a `RangeError` or `SyntaxError` for an option that cannot be used.
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
  const context: OpeningContext<Data> = {
    options: { ...server, hosts: server.hosts ?? "any" },
    limits,
    home,
    deadlines: new Deadlines(server.handshakeTimeout ?? 10_000),
    // A handler's return closes: this one's comes when nothing is left to close.
    handler: handler ?? ((socket) => socket.closed),
    handshakes: new Roster(),
    retryAfter: undefined,
    notice: new RefusalNotice(),
    host: "localhost",
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
    if (opened.kind !== "open") throw new Error("A redirect was followed, although none is to be.");
    return new ConnectedPair(opened.socket, home.socket!, ends.network, home.topics);
  } catch (error) {
    ends.network.cut();
    throw error;
  }
}

/** Remembers the one connection, though it may have ended by the time that anyone asks. */
class WatchedHome<Data> extends Home<Data> {
  socket: Connection<Data> | undefined;

  override began(socket: Connection<Data>, compression: MessageCompression | undefined): number {
    this.socket = socket;
    return super.began(socket, compression);
  }
}
