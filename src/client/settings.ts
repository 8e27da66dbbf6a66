/**
 * Reads and checks the client's options before anything is dialed.
 *
 * @module
 */
import type { ConnectOptions } from "./options.ts";
import { compressionOffer } from "../compression/options.ts";
import { atLeast } from "../options/at_least.ts";
import { type ConnectionSettings, connectionSettings } from "../connection/options.ts";
import { ClientHandshake } from "../handshake/client_handshake.ts";
import type { HeadLimits } from "../http/head.ts";
import type { HeaderLine } from "../http/response.ts";
import { type Proxy, readProxy } from "./proxy.ts";
import type { Hop } from "./redirect.ts";
import { headerLines } from "../options/header_lines.ts";

/** The client's options with all defaults filled in, except options that are passed on as given. */
export interface ClientSettings {
  /** Limits and deadlines of the connection. */
  readonly connection: ConnectionSettings;
  /** How many redirects are followed. */
  readonly redirects: number;
  /** The proxy. */
  readonly proxy: Proxy | undefined;
  /** Limits on response heads. */
  readonly limits: HeadLimits;
  /** Milliseconds for the whole opening handshake. */
  readonly handshakeTimeout: number;
  /** The caller's header lines. */
  readonly headers: readonly HeaderLine[];
}

/**
 * Fills in the defaults. Throws a `RangeError` for a value that is not a number or out of range, and a `TypeError` or
 * `SyntaxError` for invalid headers, an invalid proxy or an invalid path.
 */
export function clientSettings(options: Omit<ConnectOptions, "protocols" | "signal">): ClientSettings {
  const connection = connectionSettings(options);
  const redirects = atLeast(options, "redirects", 0, 0);
  const proxy = readProxy(options.proxy);
  if (options.unix !== undefined && (proxy !== undefined || redirects > 0)) {
    throw new TypeError(
      "Cannot combine a Unix socket with a proxy or redirects: leave out one of the options.",
    );
  }
  return {
    connection,
    redirects,
    proxy,
    limits: {
      maxHeadSize: atLeast(options, "maxHeadSize", 64, 16 * 1024),
      maxHeaders: atLeast(options, "maxHeaders", 1, 100),
    },
    handshakeTimeout: atLeast(options, "handshakeTimeout", 1, 10_000),
    headers: headerLines(options.headers),
  };
}

/** Creates the client's side of the handshake. Throws as {@linkcode ClientHandshake} does. */
export function clientHandshake(
  { url, headers }: Pick<Hop, "url" | "headers">,
  protocols: readonly string[],
  { connection, limits }: ClientSettings,
): ClientHandshake {
  return new ClientHandshake({
    host: url.host,
    resourceName: url.pathname + url.search,
    protocols,
    extensions: connection.compression && compressionOffer(connection.compression),
    headers,
    limits,
  });
}
