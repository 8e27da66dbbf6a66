/**
 * `connect()`: a client's connection to a WebSocket server.
 *
 * @module
 */
import { DEADLINE } from "./client_deadline.ts";
import { ClientOpening, type Opened } from "./client_opening.ts";
import { clientHandshake, clientSettings } from "./client_settings.ts";
import type { Connection, ConnectionHandler } from "./connection.ts";
import type { ConnectionOptions } from "./connection_options.ts";
import { dial } from "./dial.ts";
import { reportError } from "./error_hook.ts";
import { checkHandler, readOptions } from "./options.ts";
import type { ClientHandshake } from "./handshake/client_handshake.ts";
import { HandshakeError, type HandshakeStep } from "./handshake/handshake_error.ts";
import type { ProxyOptions } from "./proxy.ts";
import { type Hop, readUrl, Redirects } from "./redirect.ts";
import { startTimer } from "./timer.ts";
import { checkCertificates } from "./transport/certificate.ts";
import type { TlsClientOptions } from "./transport/transport.ts";

/** How a client connects. */
export interface ConnectOptions extends ConnectionOptions {
  /** Subprotocols to offer, best first. The server may choose one: `socket.protocol`. */
  protocols?: string | readonly string[];
  /** More header fields for the request, such as `authorization` or `cookie`. */
  headers?: HeadersInit;
  /** Gives up the opening handshake; `connect()` then rejects with the signal's reason. Without effect after it. */
  signal?: AbortSignal;
  /** The handler that was given to `connect()` threw. Default: `console.error`. */
  error?(error: unknown): void;
  /** Certificates and names for `wss:`. The server's certificate is always verified. */
  tls?: TlsClientOptions;
  /** Dial this Unix socket; the URL still gives the Host header and the resource name. */
  unix?: string;
  /**
   * Redirects (301, 302, 303, 307, 308) to follow. None leads from `wss:` to `ws:`; and once one leads to another
   * origin (scheme, host and port), neither `headers` nor the client certificate and `serverName` of `tls` go with it,
   * for any of them may be a secret. `protocols` do go with it, wherever it leads: a token among them goes there, too.
   *
   * @default 0
   */
  redirects?: number;
  /**
   * An HTTP proxy that is asked for a tunnel (`CONNECT`), for `ws:` and `wss:` alike: the URL of an `http:` or `https:`
   * proxy, or that with more. `socket.remoteAddress` is the proxy's then. No environment variable is read: pass
   * `process.env.HTTPS_PROXY` where you want it; `""` is none. On Bun, `wss:` goes through an `http:` proxy alone.
   *
   * @default none
   */
  proxy?: string | URL | ProxyOptions;
  /**
   * Milliseconds from the call to the connection: name look-up, proxy, TCP, TLS, redirects and response together.
   *
   * @default 10000
   */
  handshakeTimeout?: number;
  /**
   * Bytes that the head of the response, or of the proxy's, may have.
   *
   * @default 16384
   */
  maxHeadSize?: number;
  /**
   * Header lines that the response, or the proxy's, may have.
   *
   * @default 100
   */
  maxHeaders?: number;
}

/**
 * Connects to a WebSocket server: `ws:`, `wss:`, `http:` or `https:`.
 *
 * A `handler` is given the connection as `serve()` would give it: a function at whose return it is closed, or callbacks,
 * the fastest path, which answer a message before what follows it in the stream is read. What it throws closes the
 * connection with 1011 and is reported to the `error` option. Without one, take the messages from the connection itself.
 *
 * Rejects with a `HandshakeError` that says which step failed and why, with the signal's reason when that was aborted,
 * and with a `SyntaxError`, `TypeError` or `RangeError` for a URL, header, subprotocol or option that cannot be used.
 *
 * @example
 * ```ts
 * import { connect, serve } from "woshou";
 *
 * await using server = await serve({ port: 0 }, async (socket) => {
 *   for await (const message of socket) socket.send(message);
 * });
 * await using socket = await connect(server.url);
 * socket.send("hello");
 * for await (const message of socket) {
 *   console.log(message); // "hello"
 *   break;
 * }
 * ```
 */
export async function connect(
  url: string | URL,
  given: ConnectOptions = {},
  handler?: ConnectionHandler,
): Promise<Connection> {
  const options = readOptions("connect()", given);
  if (handler !== undefined) checkHandler("connect()", handler);
  const { protocols = [], unix, signal } = options;
  const settings = clientSettings(options);
  const { proxy, limits, handshakeTimeout: deadline } = settings;
  const redirects = new Redirects(settings.redirects);
  const prepare = (hop: Hop): ClientHandshake =>
    clientHandshake(hop, typeof protocols === "string" ? [protocols] : protocols, settings);
  let hop: Hop = { url: readUrl(url), headers: settings.headers, tls: options.tls };
  let handshake = prepare(hop);
  signal?.throwIfAborted();

  const controller = new AbortController();
  const timer = startTimer(deadline, () => controller.abort(DEADLINE));
  const forward = (): void => controller.abort(signal?.reason);
  signal?.addEventListener("abort", forward, { once: true });
  let step: HandshakeStep = "connect";
  const open = async (): Promise<Opened> => {
    const transport = await dial({
      url: hop.url,
      tls: hop.tls,
      path: unix,
      proxy,
      limits,
      highWaterMark: settings.connection.sendHighWaterMark,
      reached: (next) => void (step = next),
      signal: controller.signal,
    });
    step = "response";
    const followsRedirects = redirects.followed;
    return await new ClientOpening({
      transport,
      handshake,
      settings: settings.connection,
      handler,
      followsRedirects,
      onError: (error) => reportError(options.error, error),
    }).run(controller.signal);
  };
  try {
    if (options.tls !== undefined) await checkCertificates(options.tls);
    controller.signal.throwIfAborted();
    for (;;) {
      const opened = await open();
      if (opened.kind === "open") return opened.socket;
      hop = redirects.next(hop, opened.head);
      handshake = prepare(hop);
    }
  } catch (error) {
    if (error !== DEADLINE) throw error;
    throw new HandshakeError(
      `The opening handshake was not done within ${deadline} ms (handshakeTimeout).`,
      { step, reason: "timed-out" },
    );
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", forward);
  }
}
