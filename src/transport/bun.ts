/**
 * Sockets on Bun, over `Bun.connect` and `Bun.listen`.
 *
 * @module
 */
import { X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import { bareHost, plainAddress } from "./address.ts";
import { type BunSocket, BunTransport } from "./bun_transport.ts";
import { certificatesIn, isCurrent } from "./certificate.ts";
import { listenAgain } from "./listen_again.ts";
import { connectError, errorCode, listenError, refuseTlsOverUnixSocket } from "./errors.ts";
import type {
  Adapter,
  ConnectOptions,
  Listener,
  ListenOptions,
  TlsServerOptions,
  Transport,
} from "./transport.ts";

interface BunHandlers {
  binaryType: "uint8array";
  open(socket: BunSocket): void;
  handshake?(socket: BunSocket, success: boolean, error: Error | null): void;
  data(socket: BunSocket, chunk: Uint8Array): void;
  drain(socket: BunSocket): void;
  end(socket: BunSocket): void;
  error(socket: BunSocket, error: Error): void;
  close(socket: BunSocket, error?: Error): void;
}

interface BunTlsOptions {
  ALPNProtocols: ArrayBuffer;
  requestCert?: boolean;
  rejectUnauthorized?: boolean;
  serverName?: string;
  ca?: string | readonly string[];
  cert?: string;
  key?: string;
}

interface BunSocketOptions {
  hostname?: string;
  port?: number;
  unix?: string;
  allowHalfOpen: true;
  reusePort?: boolean;
  backlog?: number;
  tls?: BunTlsOptions;
  socket: BunHandlers;
}

interface BunListener {
  readonly hostname?: string;
  readonly port?: number;
  stop(): void;
}

interface BunNamespace {
  connect(options: BunSocketOptions): Promise<unknown>;
  listen(options: BunSocketOptions): BunListener;
}

const Bun = (globalThis as unknown as { Bun: BunNamespace }).Bun;

/** The protocol names, each behind its length. */
const ALPN: ArrayBuffer = new TextEncoder().encode("\x08http/1.1").buffer;

/** Bun's sockets. */
export const bunAdapter: Adapter = { connect, listen };

/** The handlers that are the same for every socket. */
const events: Pick<BunHandlers, "binaryType" | "data" | "drain" | "end" | "error" | "close"> = {
  binaryType: "uint8array",
  data: (socket, chunk) => loudly(() => socket.data?.onData(chunk)),
  drain: (socket) => loudly(() => socket.data?.onDrain()),
  end: (socket) => loudly(() => socket.data?.onEnd()),
  // The only place where an alert after the TLS handshake is reported.
  error: (socket, error) => socket.data?.onError(error),
  close: (socket, error) => socket.data?.onClose(error),
};

/** Bun would take an exception here for an error of the socket. */
function loudly(call: () => void): void {
  try {
    call();
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}

async function connect(options: ConnectOptions): Promise<Transport> {
  const { highWaterMark, signal, tls } = options;
  signal?.throwIfAborted();
  refuseTlsOverUnixSocket(options);
  if (namesAnotherAddress(options)) return await (await import("./node.ts")).nodeAdapter.connect(options);
  return await new Promise((resolve, reject) => {
    let pending: BunSocket | undefined;
    let settled = false;
    const settle = (): boolean => {
      if (settled) return false;
      settled = true;
      signal?.removeEventListener("abort", onAbort);
      return true;
    };
    const fail = (reason: unknown): void => {
      if (!settle()) return;
      pending?.terminate();
      reject(reason);
    };
    const onAbort = (): void => fail(signal!.reason);
    const succeed = (socket: BunSocket): void => {
      if (!settle()) return;
      // Accepted sockets have Nagle's algorithm disabled already.
      socket.setNoDelay(true);
      const transport = new BunTransport(socket, tls !== undefined, highWaterMark);
      socket.data = transport;
      transport.onOpen();
      resolve(transport);
    };
    signal?.addEventListener("abort", onAbort);
    Bun.connect({
      ...where(options),
      allowHalfOpen: true,
      ...(tls === undefined ? {} : { tls: clientSide(options) }),
      socket: {
        ...events,
        open(socket) {
          pending = socket;
          socket.data = undefined;
          if (settled) socket.terminate();
          else if (tls === undefined) succeed(socket);
        },
        handshake(socket, success, error) {
          // Bun continues with a bad certificate unless it is stopped here.
          if (!success || error !== null && error !== undefined || !socket.authorized) {
            fail(connectError(error, options, error ? undefined : "certificate-rejected"));
          } else succeed(socket);
        },
        error(socket, error) {
          if (settled) socket.data?.onError(error);
          else fail(connectError(error, options));
        },
        close(socket, error) {
          if (settled) return socket.data?.onClose(error);
          const code = errorCode(error) === "failed" ? "connection-reset" : undefined;
          fail(connectError(error, options, code));
        },
      },
    }).catch((error: unknown) => fail(connectError(error, options)));
  });
}

function where(
  options: ConnectOptions | ListenOptions,
): { hostname: string; port: number } | { unix: string } {
  if ("path" in options) return { unix: options.path };
  return { hostname: bareHost(options.hostname), port: options.port };
}

function clientSide(options: ConnectOptions): BunTlsOptions {
  const { ca, cert, key, serverName } = options.tls!;
  const host = "path" in options ? "" : bareHost(options.hostname);
  const name = bareHost(serverName ?? host);
  return {
    ALPNProtocols: ALPN,
    rejectUnauthorized: true,
    // RFC 6066, section 3: "Literal IPv4 and IPv6 addresses are not permitted in "HostName"". Without a name Bun
    // verifies the host that it dials.
    serverName: name === host && isIP(name) !== 0 ? "" : name,
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  };
}

/**
 * Whether the certificate must name an address other than the dialed one: Bun.connect would send that as a server
 * name.
 */
function namesAnotherAddress(options: ConnectOptions): boolean {
  const { serverName } = options.tls ?? {};
  if (serverName === undefined || "path" in options || isIP(bareHost(serverName)) === 0) return false;
  return bareHost(serverName) !== bareHost(options.hostname);
}

/** The address of a host name: Bun would listen on one of several, without saying which, or why there is none. */
async function resolved(
  options: ListenOptions,
): Promise<{ hostname: string; port: number } | { unix: string }> {
  const place = where(options);
  if ("unix" in place) return place;
  const { lookup } = await import("node:dns/promises");
  try {
    return { ...place, hostname: (await lookup(place.hostname)).address };
  } catch (error) {
    throw listenError(error, options);
  }
}

async function listen(options: ListenOptions): Promise<Listener> {
  refuseTlsOverUnixSocket(options);
  // Bun.listen has one certificate.
  if (options.tls?.names !== undefined) return await (await import("./node.ts")).nodeAdapter.listen(options);
  const place = await resolved(options);
  let listener = open(place, options);
  let closed = false;
  const { hostname, port } = listener;
  const close = (): Promise<void> => {
    closed = true;
    listener.stop();
    return Promise.resolve();
  };
  const renew = async (tls: TlsServerOptions): Promise<void> => {
    if (closed) return;
    const changed = { ...options, tls };
    const same = { hostname: "", ...place, port: port ?? 0 };
    // Whether Bun can use it, before anything ends.
    open({ ...same, port: 0 }, changed).stop();
    const [before, shared] = [listener, options.reusePort === true];
    if (!shared) before.stop();
    const next = await listenAgain(() => open(same, changed), () => !closed);
    if (closed) next.stop();
    else listener = next;
    if (shared) before.stop();
  };
  let renewed = Promise.resolve();
  return {
    hostname: plainAddress(hostname),
    port: port ?? 0,
    close,
    // deno-lint-ignore require-await -- what it throws must reject
    async renew(tls) {
      if (tls.names !== undefined) {
        throw new TypeError(
          "Cannot add tls.names to a listening server on Bun: give them when it begins to listen.",
        );
      }
      const next = renewed.then(() => renew(tls));
      renewed = next.catch(() => {});
      return next;
    },
  };
}

/** Throws a {@linkcode TransportError} if that is not possible. */
function open(place: ReturnType<typeof where>, options: ListenOptions): BunListener {
  const { backlog, highWaterMark, reusePort, tls } = options;
  const asks = tls?.clientCa === undefined ? undefined : tls.clientCertificate ?? "required";
  try {
    return Bun.listen({
      ...place,
      allowHalfOpen: true,
      ...(reusePort === undefined ? {} : { reusePort }),
      ...(backlog === undefined ? {} : { backlog }),
      ...(tls === undefined ? {} : { tls: serverSide(tls, asks) }),
      socket: {
        ...events,
        open(socket) {
          const transport = new BunTransport(socket, tls !== undefined, highWaterMark);
          socket.data = transport;
          options.accept(transport);
          // A paused socket would not make progress with its TLS handshake.
          if (tls === undefined) transport.onOpen();
        },
        handshake(socket, success, error) {
          // Without a question for it, the error only says that the client has no certificate.
          if (!success || (asks !== undefined && !isAdmitted(socket, asks))) {
            socket.data?.onHandshakeFailure(error);
          } else socket.data?.onOpen();
        },
      },
    });
  } catch (error) {
    throw listenError(error, options);
  }
}

type Asks = NonNullable<TlsServerOptions["clientCertificate"]>;

function serverSide({ cert, key, clientCa }: TlsServerOptions, asks: Asks | undefined): BunTlsOptions {
  return {
    cert,
    key,
    ALPNProtocols: ALPN,
    ...(clientCa === undefined ? {} : {
      ca: [clientCa].flat().flatMap(certificatesIn),
      requestCert: true,
      rejectUnauthorized: asks === "required",
    }),
  };
}

/** Whether a client's certificate has been verified, or none is needed. Bun goes on either way. */
function isAdmitted(socket: BunSocket, asks: Asks): boolean {
  const raw = socket.getPeerCertificate?.()?.raw;
  if (raw === undefined) return asks === "optional";
  const certificate = new X509Certificate(raw);
  if (!socket.authorized || !isCurrent(certificate)) return false;
  if (socket.data !== undefined) socket.data.clientCertificate = certificate;
  return true;
}
