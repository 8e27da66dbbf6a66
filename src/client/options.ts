/**
 * The options of a client.
 *
 * @module
 */
import type { ConnectionOptions } from "../connection/options.ts";
import type { TlsClientOptions } from "../transport/transport.ts";
import type { ProxyOptions } from "./proxy.ts";

/** Options of `connect()`. */
export interface ConnectOptions extends ConnectionOptions {
  /** Subprotocols to offer, most preferred first. The server may select one: `socket.protocol`. */
  protocols?: string | readonly string[];
  /** More header fields for the request, such as `authorization` or `cookie`. */
  headers?: HeadersInit;
  /** Aborts the opening handshake: `connect()` then rejects with the signal's reason. No effect after the handshake. */
  signal?: AbortSignal;
  /** Called when the handler given to `connect()` throws. Default: `console.error`. */
  error?(error: unknown): void;
  /** TLS settings for `wss:`. The server's certificate is always verified. */
  tls?: TlsClientOptions;
  /** Connect to this Unix socket. The URL still gives the Host header and the resource name. */
  unix?: string;
  /**
   * How many redirects (301, 302, 303, 307, 308) to follow. A redirect from `wss:` to `ws:` is an error. After a
   * redirect to another origin (scheme, host and port), `headers`, the client certificate and `serverName` are no
   * longer sent, since any of them may be a secret. `protocols` are still sent: do not put a token there if you
   * follow redirects.
   *
   * @default 0
   */
  redirects?: number;
  /**
   * An HTTP proxy to tunnel through (`CONNECT`), for `ws:` and `wss:`: the URL of an `http:` or `https:` proxy, or an
   * object with more settings. `socket.remoteAddress` is then the proxy's. Environment variables are not read: pass
   * `process.env.HTTPS_PROXY` if you want it; `""` means no proxy. On Bun, `wss:` works through `http:` proxies only.
   *
   * @default none
   */
  proxy?: string | URL | ProxyOptions;
  /**
   * Milliseconds for the whole opening handshake: DNS, proxy, TCP, TLS, redirects and response.
   *
   * @default 10000
   */
  handshakeTimeout?: number;
  /**
   * Largest response head in bytes; also for the proxy's response.
   *
   * @default 16384
   */
  maxHeadSize?: number;
  /**
   * Most header lines in the response; also for the proxy's response.
   *
   * @default 100
   */
  maxHeaders?: number;
}
