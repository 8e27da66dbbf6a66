/**
 * The options of a client.
 *
 * @module
 */
import type { ConnectionOptions } from "../connection/options.ts";
import type { TlsClientOptions } from "../transport/transport.ts";
import type { ProxyOptions } from "./proxy.ts";

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
