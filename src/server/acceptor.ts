/**
 * Taking over a socket that `node:http` has upgraded, so that Express, Fastify, Hono and the like keep their server.
 *
 * @module
 */
import type { Connection, ConnectionHandler } from "../connection/connection.ts";
import { Admission } from "./admission.ts";
import { atLeast } from "../options/at_least.ts";
import { type ConnectionOptions, connectionSettings } from "../connection/options.ts";
import { Deadlines } from "./deadlines.ts";
import { HeaderFields, toAsciiLowerCase, trimmed } from "../http/header_fields.ts";
import type { RequestHead } from "../http/head.ts";
import { refuse } from "../handshake/refusal.ts";
import { judge, type Judgement } from "../handshake/server_handshake.ts";
import { type OpeningContext, OpeningHandshake } from "./opening_handshake.ts";
import type { OpeningOptions } from "./options.ts";
import { Home } from "./home.ts";
import type { LimitCounts } from "../connection/limits.ts";
import { checkHandler, readOptions } from "../options/read.ts";
import { RefusalNotice } from "./refusal_notice.ts";
import { Roster } from "../support/roster.ts";
import { shutDown, type ShutdownOptions } from "./shutdown.ts";
import type { Publisher } from "../topics/options.ts";
import { Topics } from "../topics/topics.ts";
import { type DuplexStream, DuplexTransport } from "../transport/duplex.ts";

/** What is read of `node:http`'s `IncomingMessage`. */
export interface UpgradedRequest {
  /** The method. */
  readonly method?: string | undefined;
  /** The request target. */
  readonly url?: string | undefined;
  /** The version, such as `1.1`. */
  readonly httpVersion: string;
  /** Names and values of the header lines, in turn. */
  readonly rawHeaders: readonly string[];
}

/** The socket of an `upgrade` event. */
export interface UpgradedSocket extends DuplexStream {
  /** Of a TCP socket: whether small writes go out at once. */
  setNoDelay?(noDelay: boolean): unknown;
  /** Of a TCP socket: milliseconds of silence after which the HTTP server would close it; 0 for none. */
  setTimeout?(timeout: number): unknown;
}

/** Whom an acceptor admits, and what its connections may cost. */
export interface AcceptorOptions<Data = undefined> extends OpeningOptions<Data>, ConnectionOptions {}

/** A listener for the `upgrade` event of a `node:http` server, with the connections that it has accepted. */
export interface Acceptor<Data = undefined> extends Publisher {
  /** Accepts or refuses one request. */
  (request: UpgradedRequest, socket: UpgradedSocket, head: Uint8Array): void;
  /** The connections that are open or closing. */
  readonly connections: ReadonlySet<Connection<Data>>;
  /** How often each limit was reached so far. */
  readonly limitsReached: LimitCounts;
  /**
   * Ends what was accepted here, in peace: as `Server.shutdown()` does, but for the other server, which is its owner's
   * to close. Called again, it answers the same promise.
   */
  shutdown(options?: ShutdownOptions): Promise<void>;
}

/**
 * Makes a listener for the `upgrade` event of a `node:http` or `node:https` server, on Node, Deno and Bun. It answers
 * every upgrade, so that a server has one; several paths are told apart in `upgrade(request)`.
 *
 * Throws a `RangeError` for an option out of range, a `TypeError` for one that it does not have or of the wrong kind.
 *
 * @example
 * ```ts
 * import { createServer } from "node:http";
 * import { acceptor } from "woshou";
 *
 * const server = createServer((_, response) => response.end("over HTTP"));
 * server.on("upgrade", acceptor({ path: "/chat" }, async (socket) => {
 *   for await (const message of socket) socket.send(message);
 * }));
 * ```
 */
export function acceptor<Data = undefined>(
  given: AcceptorOptions<Data>,
  handler: ConnectionHandler<Data>,
): Acceptor<Data> {
  const options = readOptions("acceptor()", given);
  checkHandler("acceptor()", handler);
  const settings = connectionSettings(options);
  const topics = new Topics(options, settings);
  const home = new Home(options, settings, topics, new Admission(options));
  const context: OpeningContext<Data> = {
    options,
    // The other server has read the head within its own limits.
    limits: { maxHeadSize: Infinity, maxHeaders: Infinity },
    home,
    deadlines: new Deadlines(atLeast(options, "handshakeTimeout", 1, 10_000)),
    handler,
    handshakes: new Roster(),
    retryAfter: undefined,
    notice: new RefusalNotice(),
    host: "localhost",
  };
  const accept = (request: UpgradedRequest, socket: UpgradedSocket, early: Uint8Array): void => {
    socket.setNoDelay?.(true);
    socket.setTimeout?.(0);
    const transport = new DuplexTransport(socket, {
      head: early,
      highWaterMark: settings.sendHighWaterMark,
    });
    const handshake = new OpeningHandshake(transport, context);
    transport.attach(handshake);
    if (handshake.enter()) handshake.judged(judgementOf(request, options), new Uint8Array(0));
  };
  let shutdown: Promise<void> | undefined;
  const publisher: Omit<Acceptor<Data>, never> = {
    shutdown: (options = {}) => shutdown ??= shutDown(context, options, () => Promise.resolve()),
    get connections() {
      return home.connections.set;
    },
    get limitsReached() {
      return home.limits.counts;
    },
    publish: (topic, data, options) => topics.publish(topic, data, options),
    subscriberCount: (topic) => topics.subscriberCount(topic),
    get dropped() {
      return topics.dropped;
    },
  };
  return Object.defineProperties(accept, Object.getOwnPropertyDescriptors(publisher)) as Acceptor<Data>;
}

function judgementOf<Data>(request: UpgradedRequest, options: AcceptorOptions<Data>): Judgement {
  // The parser of node:http lets HTTP/0.9 and HTTP/2.0 pass.
  if (!/^1\.[0-9]$/.test(request.httpVersion)) {
    return { kind: "refused", refusal: refuse("http-version-unsupported"), head: undefined };
  }
  return judge(headOf(request), options);
}

function headOf({ method = "", url = "", httpVersion, rawHeaders }: UpgradedRequest): RequestHead {
  const headers = new HeaderFields();
  let text = `${method} ${url} HTTP/${httpVersion}\r\n`;
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const [name, raw] = [rawHeaders[i]!, rawHeaders[i + 1]!];
    const value = trimmed(raw, 0, raw.length);
    headers.append(toAsciiLowerCase(name), value);
    text += `${name}: ${value}\r\n`;
  }
  return { method, target: url, minorVersion: Number(httpVersion.slice(2)), headers, text: text + "\r\n" };
}
