/**
 * Sockets on Node, over `node:net` and `node:tls`; and, on every runtime, TLS through a tunnel.
 *
 * @module
 */
import { X509Certificate } from "node:crypto";
import {
  type AddressInfo,
  connect as connectTcp,
  createServer,
  isIP,
  type OnReadOpts,
  type Socket,
} from "node:net";
import {
  checkServerIdentity,
  connect as connectTls,
  type ConnectionOptions,
  createSecureContext,
  type PeerCertificate,
  type SecureContext,
  TLSSocket,
} from "node:tls";
import { type Address, bareHost, plainAddress } from "./address.ts";
import { DuplexTransport } from "./duplex.ts";
import {
  brokenError,
  connectError,
  listenError,
  refuseOnDeno,
  refuseTlsOverUnixSocket,
  toTransportError,
} from "./errors.ts";
import { certificatesIn, isCurrent } from "./certificate.ts";
import { acceptWithSharedReads } from "./node_reads.ts";
import { SHARED_READS } from "./shared_reads.ts";
import type {
  Adapter,
  CertifiedKey,
  ConnectOptions,
  Listener,
  ListenOptions,
  TlsClientOptions,
  TlsServerOptions,
  Transport,
} from "./transport.ts";

const ALPN = ["http/1.1"];
// Sessions are resumed only by servers of the same kind; a server that asks for certificates must have one.
const SESSION_ID_CONTEXT = "woshou";
const MIN_VERSION = "TLSv1.2";

/** Node's sockets. */
export const nodeAdapter: Adapter = { connect, listen };

async function connect(options: ConnectOptions): Promise<Transport> {
  options.signal?.throwIfAborted();
  refuseTlsOverUnixSocket(options);
  return await opened(openSocket(options, SHARED_READS), options);
}

/** Dials over TLS. Also returns the accepted server certificate as DER. */
export async function connectAndShow(
  options: ConnectOptions,
): Promise<{ transport: Transport; certificate: Uint8Array | undefined }> {
  options.signal?.throwIfAborted();
  const socket = openSocket(options);
  const transport = await opened(socket, options);
  const certificate = socket instanceof TLSSocket ? socket.getPeerCertificate().raw : undefined;
  return { transport, certificate };
}

/** A host to be reached over TLS through another one. */
export interface TunnelOptions {
  /** The host to connect to over TLS. */
  hostname: string;
  /** Its port. */
  port: number;
  /** TLS options, as for {@linkcode Adapter.connect}. */
  tls: TlsClientOptions;
  /** Where to dial: the host that provides the tunnel. */
  through: { hostname: string; port: number; tls?: TlsClientOptions };
  /**
   * Asks for the tunnel, on a transport to the dialed host. Its rejection is passed on to the caller. It must leave
   * the transport paused; nobody else uses it.
   */
  open(transport: Transport): Promise<void>;
  /** Aborts, and rejects with the signal's reason. */
  signal?: AbortSignal;
  /** Bytes. Default {@linkcode DEFAULT_HIGH_WATER_MARK}. */
  highWaterMark?: number;
}

/**
 * Dials a host, has it open a tunnel and speaks TLS through that, with `node:tls` on Node, Deno and Bun alike. Throws
 * a `TypeError` on Bun if the tunnel itself is inside TLS: there Bun neither counts waiting bytes nor reports resets.
 */
export async function connectThrough(options: TunnelOptions): Promise<Transport> {
  const { hostname, tls, through, open, signal } = options;
  if ("Bun" in globalThis && through.tls !== undefined) {
    throw new TypeError("Bun does not support TLS inside TLS: give an http: proxy for wss: URLs.");
  }
  signal?.throwIfAborted();
  const outer = openSocket(through);
  const tunnel = await opened(outer, { ...through, signal });
  try {
    await open(tunnel);
    signal?.throwIfAborted();
    if (outer.destroyed || outer.readableEnded) throw connectError(undefined, options, "connection-reset");
    // On Deno, earlier listeners also receive what arrives.
    tunnel.attach({ data() {}, drain() {}, end() {}, close() {} });
    const inner = connectTls({ ...secureOptions(tls.serverName ?? hostname, tls), socket: outer });
    return await opened(inner, { ...options, remoteAddress: tunnel.remoteAddress });
  } catch (error) {
    tunnel.abort();
    throw error;
  }
}

/** A connecting socket, as a transport once it is connected. */
function opened(
  socket: Socket,
  options: Address & {
    tls?: TlsClientOptions;
    signal?: AbortSignal | undefined;
    highWaterMark?: number;
    remoteAddress?: string;
  },
): Promise<Transport> {
  const { signal, tls, highWaterMark, remoteAddress } = options;
  return new Promise((resolve, reject) => {
    const settle = (): void => {
      signal?.removeEventListener("abort", onAbort);
      socket.off("error", onError);
      socket.off("close", onClose);
    };
    const fail = (reason: unknown): void => {
      settle();
      // Further errors of the dying socket must not end the process.
      socket.on("error", () => {});
      socket.destroy();
      reject(reason);
    };
    const onAbort = (): void => fail(signal!.reason);
    const onError = (error: Error): void => fail(connectError(error, options));
    const onClose = (): void => fail(connectError(undefined, options, "connection-reset"));
    const onOpen = (): void => {
      if (tls !== undefined && !(socket instanceof TLSSocket && socket.encrypted && socket.authorized)) {
        return fail(connectError(undefined, options, "certificate-rejected"));
      }
      settle();
      resolve(new DuplexTransport(socket, { highWaterMark, remoteAddress }));
    };
    signal?.addEventListener("abort", onAbort);
    socket.on("error", onError);
    socket.on("close", onClose);
    socket.once(tls === undefined ? "connect" : "secureConnect", onOpen);
  });
}

/** `reads` is for sockets without TLS: bytes decrypted early would be lost. */
function openSocket(options: ConnectOptions, reads: { onread?: OnReadOpts } = {}): Socket {
  if ("path" in options) return connectTcp({ path: options.path, allowHalfOpen: true, ...reads });
  const { port, tls } = options;
  const host = bareHost(options.hostname);
  if (tls === undefined) return connectTcp({ host, port, noDelay: true, allowHalfOpen: true, ...reads });
  const socket = connectTls({ ...secureOptions(tls.serverName ?? host, tls), host, port });
  socket.setNoDelay(true);
  return socket;
}

function secureOptions(
  serverName: string,
  tls: TlsClientOptions,
): ConnectionOptions & { allowHalfOpen: true } {
  const name = bareHost(serverName);
  return {
    allowHalfOpen: true,
    ALPNProtocols: ALPN,
    minVersion: MIN_VERSION,
    rejectUnauthorized: true,
    checkServerIdentity: (_, certificate) => identityError(name, certificate),
    ...(isIP(name) === 0 ? { servername: name } : {}),
    ...(tls.ca === undefined ? {} : { ca: typeof tls.ca === "string" ? tls.ca : [...tls.ca] }),
    ...(tls.cert === undefined ? {} : { cert: tls.cert }),
    ...(tls.key === undefined ? {} : { key: tls.key }),
  };
}

/** Node 22.23.3 rejects every IPv6 address, even one named in the certificate; its `X509Certificate` does not. */
function identityError(name: string, certificate: PeerCertificate): Error | undefined {
  const error = checkServerIdentity(name, certificate);
  if (error === undefined || isIP(name) !== 6) return error;
  try {
    return new X509Certificate(certificate.raw).checkIP(name) === undefined ? error : undefined;
  } catch {
    // A certificate cannot contain an address with a zone.
    return error;
  }
}

async function listen(options: ListenOptions): Promise<Listener> {
  refuseTlsOverUnixSocket(options);
  refuseOnDeno(options);
  const accept = (socket: Socket, { remoteAddress }: Socket): DuplexTransport => {
    const transport = new DuplexTransport(socket, { highWaterMark: options.highWaterMark, remoteAddress });
    options.accept(transport);
    return transport;
  };
  let secrets = options.tls === undefined ? undefined : new Secrets(options.tls, options);
  const settings = { allowHalfOpen: true, noDelay: true };
  const server = createServer(
    settings,
    (socket) => secrets === undefined ? void accept(socket, socket) : secrets.accept(socket, accept),
  );
  await new Promise<void>((resolve, reject) => {
    const onError = (error: Error): void => reject(listenError(error, options));
    server.once("error", onError);
    server.listen(
      {
        ...("path" in options
          ? { path: options.path }
          : { host: bareHost(options.hostname), port: options.port, reusePort: options.reusePort ?? false }),
        ...(options.backlog === undefined ? {} : { backlog: options.backlog }),
      },
      () => {
        server.off("error", onError);
        if (options.tls === undefined) acceptWithSharedReads(server, (socket) => accept(socket, socket));
        server.on(
          "error",
          (error: Error) => options.error?.(toTransportError(error, "Cannot accept a connection")),
        );
        resolve();
      },
    );
  });
  const address = server.address();
  const { address: hostname, port } = typeof address === "object" && address !== null ? address : NO_ADDRESS;
  return {
    hostname: plainAddress(hostname),
    port,
    // deno-lint-ignore require-await -- what it throws must reject
    async renew(tls) {
      refuseOnDeno({ tls });
      secrets = new Secrets(tls, options);
    },
    close: (): Promise<void> => {
      // The address is free at once; the callback would wait for accepted sockets to end.
      server.close();
      return Promise.resolve();
    },
  };
}

const NO_ADDRESS: Pick<AddressInfo, "address" | "port"> = { address: "", port: 0 };

/** The certificates of a server, and what it asks of clients. */
class Secrets {
  readonly #first: SecureContext;
  readonly #byName: ReadonlyMap<string, SecureContext>;
  readonly #asks: TlsServerOptions["clientCertificate"];

  /** Throws a {@linkcode TransportError} if they cannot be used. */
  constructor(tls: TlsServerOptions, options: ListenOptions) {
    const { clientCa, clientCertificate = "required", names = {} } = tls;
    const contextOf = ({ cert, key }: CertifiedKey): SecureContext =>
      createSecureContext({
        cert,
        key,
        minVersion: MIN_VERSION,
        sessionIdContext: SESSION_ID_CONTEXT,
        ...(clientCa === undefined ? {} : { ca: [clientCa].flat().flatMap(certificatesIn) }),
      });
    this.#asks = clientCa === undefined ? undefined : clientCertificate;
    try {
      this.#first = contextOf(tls);
      this.#byName = new Map(Object.entries(names).map(([name, each]) => [name, contextOf(each)]));
    } catch (error) {
      throw listenError(error, options);
    }
  }

  /** Speaks TLS on a TCP socket. */
  accept(raw: Socket, accepted: (socket: Socket, raw: Socket) => DuplexTransport): void {
    const asks = this.#asks;
    const socket = new TLSSocket(raw, {
      isServer: true,
      secureContext: this.#first,
      ALPNProtocols: ALPN,
      ...(this.#byName.size === 0 ? {} : { SNICallback: (name, done) => done(null, this.#contextFor(name)) }),
      ...(asks === undefined ? {} : { requestCert: true, rejectUnauthorized: asks === "required" }),
    });
    // A tls.Server would do this, but it does not hand out the socket until the handshake is done.
    socket.on("_tlsError", (error: Error) => socket.destroy(error));
    const onEarlyEnd = (): void => void socket.destroy(brokenError(undefined, "connection-reset"));
    socket.once("end", onEarlyEnd);
    socket.once("secure", () => {
      socket.off("end", onEarlyEnd);
      if (asks === undefined) return;
      const { certificate, defect } = certificateOf(socket);
      if (defect !== undefined && (certificate !== undefined || asks === "required")) {
        socket.destroy(
          toTransportError(defect, "The client's certificate is refused", "certificate-rejected"),
        );
      } else if (defect === undefined && certificate !== undefined) transport.clientCertificate = certificate;
    });
    const transport = accepted(socket, raw);
  }

  /** RFC 6066, section 3: host names are case-insensitive. */
  #contextFor(serverName: string): SecureContext {
    const name = serverName.toLowerCase();
    return this.#byName.get(name) ?? this.#byName.get(`*${name.slice(name.indexOf("."))}`) ?? this.#first;
  }
}

interface VerifyingHandle {
  /** What is wrong with the peer's certificate. */
  verifyError?(): Error | null | undefined;
}

/** The peer's certificate, and why it does not count. As a `tls.Server` does it; Bun's sockets know by themselves. */
function certificateOf(socket: TLSSocket): { certificate: X509Certificate | undefined; defect: unknown } {
  const { raw } = socket.getPeerCertificate() as Partial<PeerCertificate> ?? {};
  const certificate = raw === undefined ? undefined : new X509Certificate(raw);
  const { _handle: handle } = socket as unknown as { _handle?: VerifyingHandle | null };
  if (handle?.verifyError === undefined) {
    if (!socket.authorized) {
      return { certificate, defect: socket.authorizationError ?? "it was not verified" };
    }
    return { certificate, defect: defectOf(certificate) };
  }
  return { certificate, defect: handle.verifyError() ?? defectOf(certificate) };
}

function defectOf(certificate: X509Certificate | undefined): string | undefined {
  if (certificate === undefined) return "there is none";
  return isCurrent(certificate) ? undefined : "it has expired";
}
