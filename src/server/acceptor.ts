/**
 * Accepts WebSockets on a `node:http` server, so that applications with Express, Fastify, Hono and so on keep their
 * server.
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

/** The part of `IncomingMessage` that is used. */
export interface UpgradedRequest {
  /** The method. */
  readonly method?: string | undefined;
  /** The request target. */
  readonly url?: string | undefined;
  /** The version, such as `1.1`. */
  readonly httpVersion: string;
  /** Names and values of the header lines, alternating. */
  readonly rawHeaders: readonly string[];
}

/** The socket of an `upgrade` event. */
export interface UpgradedSocket extends DuplexStream {
  /** On TCP sockets: whether to disable Nagle's algorithm. */
  setNoDelay?(noDelay: boolean): unknown;
  /** On TCP sockets: milliseconds of inactivity after which the HTTP server would close it; 0 for none. */
  setTimeout?(timeout: number): unknown;
}

/** Options of `acceptor()`. */
export interface AcceptorOptions<Data = undefined> extends OpeningOptions<Data>, ConnectionOptions {}

/** A listener for the `upgrade` event of a `node:http` server, together with the connections it has accepted. */
export interface Acceptor<Data = undefined> extends Publisher {
  /** Accepts or refuses a request. */
  (request: UpgradedRequest, socket: UpgradedSocket, head: Uint8Array): void;
  /** The open and closing connections. */
  readonly connections: ReadonlySet<Connection<Data>>;
  /** How often each limit was reached. */
  readonly limitsReached: LimitCounts;
  /**
   * Graceful shutdown of the accepted connections, as `Server.shutdown()` does. The HTTP server remains yours to
   * close. Repeated calls return the same promise.
   */
  shutdown(options?: ShutdownOptions): Promise<void>;
}

/**
 * Makes a listener for the `upgrade` event of a `node:http` or `node:https` server, on Node, Deno and Bun. It answers
 * every upgrade, so a server needs one; `upgrade(request)` can tell paths apart.
 *
 * Throws a `RangeError` for an option out of range, and a `TypeError` for an unknown option or one of the wrong type.
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
    // The HTTP server has enforced its own limits on the head.
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
  // The parser of node:http accepts HTTP/0.9 and HTTP/2.0.
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
