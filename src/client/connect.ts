/**
 * `connect()`: opens a client connection.
 *
 * @module
 */
import { DEADLINE } from "./deadline.ts";
import { ClientOpening, type Opened } from "./opening_handshake.ts";
import { clientHandshake, clientSettings } from "./settings.ts";
import type { Connection, ConnectionHandler } from "../connection/connection.ts";
import { dial } from "./dial.ts";
import type { ConnectOptions } from "./options.ts";
import { reportError } from "../support/error_hook.ts";
import { checkHandler, readOptions } from "../options/read.ts";
import type { ClientHandshake } from "../handshake/client_handshake.ts";
import { HandshakeError, type HandshakeStep } from "../handshake/handshake_error.ts";
import { type Hop, Redirects } from "./redirect.ts";
import { readUrl } from "./url.ts";
import { startTimer } from "../support/timer.ts";
import { checkCertificates } from "../transport/certificate.ts";

/**
 * Connects to a WebSocket server: `ws:`, `wss:`, `http:` or `https:`.
 *
 * With a `handler` the connection is handled as in `serve()`: either a function, and the connection closes when it
 * returns, or callbacks, which are the fastest path and answer a message before anything after it is read. An
 * exception of the handler closes the connection with 1011 and goes to the `error` option. Without a handler, read
 * messages from the returned connection.
 *
 * Rejects with a `HandshakeError` that says which step failed and why; with the signal's reason if the signal was
 * aborted; and with a `SyntaxError`, `TypeError` or `RangeError` for an invalid URL, header, subprotocol or option.
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
      `The opening handshake took longer than ${deadline} ms (handshakeTimeout).`,
      { step, reason: "timed-out" },
    );
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", forward);
  }
}
