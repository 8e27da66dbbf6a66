/**
 * The stream below a client's opening handshake: dialed directly or through a proxy, with TLS if the URL asks for it.
 *
 * @module
 */
import { HandshakeError, type HandshakeStep } from "../handshake/handshake_error.ts";
import type { HeadLimits } from "../http/head.ts";
import { openTunnel, type Proxy } from "./proxy.ts";
import { adapter } from "../transport/detect.ts";
import { type TlsClientOptions, type Transport, TransportError } from "../transport/transport.ts";

/** Where and how to dial. */
export interface DialOptions {
  /** An `http:` or `https:` URL. */
  readonly url: URL;
  /** The caller's TLS options. */
  readonly tls: TlsClientOptions | undefined;
  /** Dial this Unix socket instead. */
  readonly path: string | undefined;
  /** Dial through this proxy. */
  readonly proxy: Proxy | undefined;
  /** Limits on the head of the proxy's response. */
  readonly limits: HeadLimits;
  /** Bytes. */
  readonly highWaterMark: number;
  /** Called with each step that is reached. */
  readonly reached: (step: HandshakeStep) => void;
  /** Aborts dialing. */
  readonly signal: AbortSignal;
}

/** Dials. Rejects with a `HandshakeError`, or with the signal's reason. */
export async function dial(options: DialOptions): Promise<Transport> {
  const { url, path, proxy, highWaterMark, signal } = options;
  const encrypted = url.protocol === "https:";
  const hostname = url.hostname.replace(/^\[|\]$/g, "");
  const port = url.port === "" ? (encrypted ? 443 : 80) : Number(url.port);
  const tls = encrypted ? { serverName: hostname, ...options.tls } : undefined;
  let asking = proxy !== undefined;
  options.reached(asking ? "proxy" : "connect");
  try {
    let transport: Transport;
    if (proxy === undefined) {
      const { connect } = await adapter();
      const where = path === undefined ? { hostname, port } : { path };
      transport = await connect({ ...where, ...(tls === undefined ? {} : { tls }), signal, highWaterMark });
    } else {
      const target = `${url.hostname}:${port}`;
      const open = (to: Transport): Promise<Transport> =>
        openTunnel(to, target, proxy, options.limits, signal);
      if (tls === undefined) {
        const { connect } = await adapter();
        transport = await open(await connect({ ...proxy.address, signal, highWaterMark }));
      } else {
        const { connectThrough } = await import("../transport/node.ts");
        transport = await connectThrough({
          hostname,
          port,
          tls,
          through: proxy.address,
          open: async (to) => {
            await open(to);
            asking = false;
            options.reached("connect");
          },
          signal,
          highWaterMark,
        });
      }
    }
    // Never send in plain text what was meant to be encrypted (CVE-2026-44726).
    if (encrypted && !transport.encrypted) {
      transport.abort();
      throw new TransportError(
        "tls-failed",
        "The connection is not encrypted, although the URL asks for it.",
      );
    }
    return transport;
  } catch (error) {
    if (!(error instanceof TransportError)) throw error;
    const message = (asking ? "The proxy cannot be reached. " : "") + error.message;
    const step = asking ? "proxy" : "connect";
    throw new HandshakeError(message, { step, reason: error.code, cause: error });
  }
}
