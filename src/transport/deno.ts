/**
 * Sockets on Deno, over `Deno.connect`, `Deno.listen` and their TLS variants.
 *
 * @module
 */
import { bareHost, plainAddress } from "./address.ts";
import { type DenoConn, DenoTransport } from "./deno_transport.ts";
import { isIssuedBy } from "./certificate.ts";
import { listenAgain } from "./listen_again.ts";
import {
  connectError,
  listenError,
  refuseOnDeno,
  refuseTlsOverUnixSocket,
  toTransportError,
} from "./errors.ts";
import type {
  Adapter,
  ConnectOptions,
  Listener,
  ListenOptions,
  TlsClientOptions,
  TlsServerOptions,
  Transport,
} from "./transport.ts";

type TcpOptions = Exclude<ConnectOptions, { path: string }>;

interface TcpConn extends DenoConn, Disposable {}

interface TlsConn extends DenoConn {
  handshake(): Promise<unknown>;
}

interface DenoListener {
  readonly addr: { readonly hostname?: string; readonly port?: number };
  accept(): Promise<DenoConn>;
  close(): void;
}

interface ListenTcpOptions {
  hostname: string;
  port: number;
  reusePort?: boolean;
  tcpBacklog?: number;
}

interface DenoNamespace {
  connect(
    options: { transport: "unix"; path: string } | { hostname: string; port: number; signal?: AbortSignal },
  ): Promise<TcpConn>;
  connectTls(
    options: {
      hostname: string;
      port: number;
      caCerts?: string[];
      alpnProtocols: string[];
      cert: string;
      key: string;
    },
  ): Promise<TlsConn>;
  startTls(
    conn: DenoConn,
    options: { hostname: string; caCerts?: string[]; alpnProtocols: string[] },
  ): Promise<TlsConn>;
  listen(options: ListenTcpOptions | { transport: "unix"; path: string }): DenoListener;
  listenTls(options: ListenTcpOptions & { cert: string; key: string; alpnProtocols: string[] }): DenoListener;
  readonly permissions: { querySync(descriptor: { name: "net"; host: string }): { readonly state: string } };
  /** Only with --unstable-net. */
  listenDatagram?: unknown;
}

const Deno = (globalThis as unknown as { Deno: DenoNamespace }).Deno;

const ALPN = ["http/1.1"];
const NOT_TRUSTED = /UnknownIssuer|CaUsedAsEndEntity/;
/**
 * How long to pause after a failed accept, which otherwise fails again at once while there are no file descriptors
 * left.
 */
const ACCEPT_REST_MS = 100;

/** Deno's sockets. */
export const denoAdapter: Adapter = { connect, listen };

async function connect(options: ConnectOptions): Promise<Transport> {
  const { signal } = options;
  signal?.throwIfAborted();
  refuseTlsOverUnixSocket(options);
  const dialled = dial(options);
  if (signal === undefined) return await dialled;
  // Deno's own `signal` only covers TCP.
  return await new Promise((resolve, reject) => {
    const onAbort = (): void => {
      dialled.then((transport) => transport.abort(), () => {});
      reject(signal.reason);
    };
    signal.addEventListener("abort", onAbort);
    dialled
      .finally(() => signal.removeEventListener("abort", onAbort))
      .then(resolve, reject);
  });
}

async function dial(options: ConnectOptions): Promise<Transport> {
  const { highWaterMark, tls } = options;
  try {
    if ("path" in options) {
      return new DenoTransport(
        await Deno.connect({ transport: "unix", path: options.path }),
        false,
        highWaterMark,
      );
    }
    if (tls !== undefined) return await dialTls(options, tls);
    const conn = await Deno.connect(tcp(options));
    conn.setNoDelay?.(true);
    return new DenoTransport(conn, false, highWaterMark);
  } catch (error) {
    throw connectError(error, options);
  }
}

function tcp(
  { hostname, port, signal }: TcpOptions,
): { hostname: string; port: number; signal?: AbortSignal } {
  const target = { hostname: bareHost(hostname), port };
  return signal === undefined ? target : { ...target, signal };
}

/**
 * Uses Deno's own TLS where it follows the options. It adds authorities to the default ones, sends a client
 * certificate only if it verifies the dialed name, and has one message for all untrusted certificates. Deno's
 * `node:tls` does these things properly, but may miss the peer's end after a pause, so it is used only where the
 * other is not enough.
 */
async function dialTls(options: TcpOptions, tls: TlsClientOptions): Promise<Transport> {
  const { hostname, highWaterMark, signal } = options;
  const { ca, cert, key, serverName = hostname } = tls;
  const { connectAndShow, nodeAdapter } = await import("./node.ts");
  if (cert !== undefined && bareHost(serverName) !== bareHost(hostname)) {
    return await nodeAdapter.connect(options);
  }
  let conn: TlsConn;
  try {
    conn = cert !== undefined && key !== undefined
      ? await dialWithCertificate(options, tls, cert, key)
      : await dialAndStart(options, tls);
  } catch (error) {
    if (!NOT_TRUSTED.test(String(error)) || signal?.aborted) throw error;
    const transport = await nodeAdapter.connect(options);
    if (ca !== undefined) return transport;
    transport.abort();
    throw error;
  }
  if (ca === undefined) return new DenoTransport(conn, true, highWaterMark);
  try {
    const leaf = peerCertificate(conn);
    if (await isIssuedBy(leaf, ca)) return new DenoTransport(conn, true, highWaterMark);
    // There may be intermediate certificates. So connect again, trusting only these authorities: that must accept the same certificate.
    const { transport, certificate } = await connectAndShow(options);
    if (leaf === undefined || certificate === undefined || !isSame(leaf, certificate)) {
      conn.close();
      return transport;
    }
    transport.abort();
    return new DenoTransport(conn, true, highWaterMark);
  } catch (error) {
    conn.close();
    throw error;
  }
}

function isSame(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, i) => byte === other[i]);
}

/** The peer's certificate, by the internal property that Deno's `node:https` uses; there is no other way. `undefined` if unavailable. */
function peerCertificate(conn: TlsConn): Uint8Array | undefined {
  const symbol = Object.getOwnPropertySymbols(Object.getPrototypeOf(conn))
    .find(({ description }) => description === "getPeerCertificate");
  if (symbol === undefined) return undefined;
  const ask = (conn as unknown as Record<symbol, () => { raw?: Uint8Array } | null>)[symbol]!;
  return ask.call(conn)?.raw;
}

async function dialAndStart(options: TcpOptions, tls: TlsClientOptions): Promise<TlsConn> {
  const conn = await Deno.connect(tcp(options));
  try {
    conn.setNoDelay?.(true);
    return await startTls(conn, bareHost(options.hostname), tls, options.signal);
  } catch (error) {
    // Unlike `close()`, this does not throw after TLS has taken over the connection.
    conn[Symbol.dispose]();
    throw error;
  }
}

async function startTls(
  conn: DenoConn,
  hostname: string,
  tls: TlsClientOptions,
  signal: AbortSignal | undefined,
): Promise<TlsConn> {
  const secure = await Deno.startTls(conn, {
    hostname: bareHost(tls.serverName ?? hostname),
    alpnProtocols: ALPN,
    ...authorities(tls),
  });
  return await shake(secure, signal);
}

async function dialWithCertificate(
  { hostname, port }: TcpOptions,
  tls: TlsClientOptions,
  cert: string,
  key: string,
): Promise<TlsConn> {
  return await shake(
    await Deno.connectTls({
      hostname: bareHost(hostname),
      port,
      alpnProtocols: ALPN,
      ...authorities(tls),
      cert,
      key,
    }),
  );
}

/** Deno reports a connection before TLS is done and before it has verified the certificate. */
async function shake(conn: TlsConn, signal?: AbortSignal): Promise<TlsConn> {
  const onAbort = (): void => conn.close();
  if (signal?.aborted) {
    conn.close();
    throw signal.reason;
  }
  signal?.addEventListener("abort", onAbort);
  try {
    await conn.handshake();
  } catch (error) {
    if (!signal?.aborted) conn.close();
    throw error;
  } finally {
    signal?.removeEventListener("abort", onAbort);
  }
  return conn;
}

function authorities(tls: TlsClientOptions): { caCerts?: string[] } {
  if (tls.ca === undefined) return {};
  return { caCerts: typeof tls.ca === "string" ? [tls.ca] : [...tls.ca] };
}

// deno-lint-ignore require-await -- what it throws must reject
async function listen(options: ListenOptions): Promise<Listener> {
  refuseTlsOverUnixSocket(options);
  refuseOnDeno(options);
  const listener = open(options);
  const { hostname, port = 0 } = listener.addr;
  let accepting = new Accepting(listener, options);
  let closing = false;
  let renewed = Promise.resolve();
  const renew = async (tls: TlsServerOptions): Promise<void> => {
    if (closing) return;
    const changed = { ...options, tls, port };
    // Whether Deno can use it, before anything ends. Who may not listen on any port is not asked for more.
    if (mayListenAnywhere(options)) open({ ...changed, port: 0 }).close();
    // Not without an instant in which nobody listens, unless the port may be shared.
    const shared = options.reusePort === true && Deno.listenDatagram !== undefined;
    if (!shared) await accepting.close();
    if (closing) return;
    const before = accepting;
    accepting = new Accepting(await listenAgain(() => open(changed), () => !closing), changed);
    if (closing) await accepting.close();
    if (shared) await before.close();
  };
  return {
    hostname: plainAddress(hostname),
    port,
    // deno-lint-ignore require-await -- what it throws must reject
    async renew(tls) {
      refuseOnDeno({ tls });
      const next = renewed.then(() => renew(tls));
      renewed = next.catch(() => {});
      return next;
    },
    async close() {
      closing = true;
      await renewed;
      await accepting.close();
    },
  };
}

function mayListenAnywhere(options: ListenOptions): boolean {
  if ("path" in options) return false;
  const host = `${options.hostname.includes(":") ? `[${bareHost(options.hostname)}]` : options.hostname}:0`;
  return Deno.permissions.querySync({ name: "net", host }).state === "granted";
}

/** Throws a {@linkcode TransportError} if that is not possible. */
function open(options: ListenOptions): DenoListener {
  try {
    return tryToOpen(options);
  } catch (error) {
    throw listenError(error, options);
  }
}

function tryToOpen(options: ListenOptions): DenoListener {
  if ("path" in options) return Deno.listen({ transport: "unix", path: options.path });
  const { backlog, reusePort, tls } = options;
  const where: ListenTcpOptions = {
    hostname: bareHost(options.hostname),
    port: options.port,
    // Without --unstable-net this option ends the process on Deno.
    ...(reusePort && Deno.listenDatagram !== undefined ? { reusePort } : {}),
    ...(backlog === undefined ? {} : { tcpBacklog: backlog }),
  };
  if (tls === undefined) return Deno.listen(where);
  return Deno.listenTls({ ...where, cert: tls.cert, key: tls.key, alpnProtocols: ALPN });
}

class Accepting {
  readonly #listener: DenoListener;
  readonly #options: ListenOptions;
  readonly #stopped: Promise<void>;
  #closed = false;
  #wake: (() => void) | undefined;

  constructor(listener: DenoListener, options: ListenOptions) {
    this.#listener = listener;
    this.#options = options;
    this.#stopped = this.#run();
  }

  async close(): Promise<void> {
    if (!this.#closed) {
      this.#closed = true;
      this.#listener.close();
      this.#wake?.();
    }
    await this.#stopped;
  }

  async #run(): Promise<void> {
    const { highWaterMark, tls } = this.#options;
    while (!this.#closed) {
      let conn: DenoConn;
      try {
        conn = await this.#listener.accept();
      } catch (error) {
        if (this.#closed) return;
        const failure = toTransportError(error, "Cannot accept a connection");
        // A peer that left before it was accepted: the failure concerns nobody else.
        if (failure.code === "connection-reset") continue;
        this.#options.error?.(failure);
        await this.#rest();
        continue;
      }
      conn.setNoDelay?.(true);
      this.#options.accept(new DenoTransport(conn, tls !== undefined, highWaterMark));
    }
  }

  async #rest(): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      timer = setTimeout(resolve, ACCEPT_REST_MS);
    });
    clearTimeout(timer);
    this.#wake = undefined;
  }
}
