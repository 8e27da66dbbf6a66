/**
 * The contract between a connection and the byte stream below it. Each runtime has one adapter that implements it;
 * nothing above this file knows the runtime.
 *
 * @module
 */

/** Bytes that `write()` accepts before it returns `false`, by default. */
export const DEFAULT_HIGH_WATER_MARK: number = 64 * 1024;

/** A reliable, ordered, full-duplex byte stream: a TCP or TLS socket, a Unix socket, a pair in memory. */
export interface Transport {
  /** The peer's IP address, with an IPv4-mapped one as plain IPv4; `""` if there is none, as on a Unix socket. */
  readonly remoteAddress: string;
  /** Whether the connection is encrypted (TLS). */
  readonly encrypted: boolean;
  /** The peer's certificate, if it was asked for and has been verified. On a server, from the first byte on. */
  readonly clientCertificate?: ClientCertificate | undefined;
  /** Bytes accepted by {@linkcode write} and not yet handed to the operating system. */
  readonly bufferedAmount: number;
  /** Bytes that {@linkcode write} accepts before it returns `false`. May be changed; 0 to be told when all has gone. */
  highWaterMark?: number;
  /**
   * Whether nothing given to {@linkcode write} is kept any more, so that its memory may be reused. Only the transport
   * knows: a stream may keep memory that it no longer counts.
   */
  readonly done: boolean;
  /**
   * Sets the receiver of all events from now on. Nothing is read or lost before the first call; a later call replaces
   * the receiver between two chunks.
   */
  attach(handler: TransportHandler): void;
  /**
   * Accepts all of `bytes`, in order. The caller must not modify that memory until the transport is {@linkcode done}.
   * Returns `false` if more than the high-water mark is buffered: `drain()` follows when the buffer is empty, unless
   * `close()` comes first. After `closeWrite()`, `abort()` or `close()` it does nothing and returns `true`. Never
   * throws because of the peer.
   */
  write(bytes: Uint8Array): boolean;
  /**
   * Ends the sending side after everything accepted has been sent: FIN on TCP, close_notify on TLS. Reading
   * continues. Does nothing the second time.
   */
  closeWrite(): void;
  /** Ends both sides at once; buffered bytes are lost. Does nothing the second time. */
  abort(): void;
  /** Asks for no more `data()` calls. Best effort: one chunk may still arrive. Does nothing if paused. */
  pause(): void;
  /** Ends `pause()`. Does nothing if not paused. */
  resume(): void;
}

/** The events of a transport, between `attach()` and `close()`, in order. */
export interface TransportHandler {
  /**
   * Bytes arrived. They are borrowed: the callee may overwrite them, and they are invalid after it returns. They may
   * be a `Buffer`, whose `slice()` does not copy; `new Uint8Array(chunk)` does.
   */
  data(chunk: Uint8Array): void;
  /** The buffer is empty. Called only after `write()` returned `false`, once for each series of such calls. */
  drain(): void;
  /**
   * Nothing of these bytes, which `write()` had to keep, is kept any more, so their memory may be reused. Optional
   * for transports.
   */
  written?(bytes: Uint8Array): void;
  /** The peer has ended its side; ours stays open. At most once. */
  end(): void;
  /**
   * Everything is over: exactly once, as the last call, and never inside `write()`, `abort()` or another call of the
   * owner. `error` is absent after an orderly end of both sides, and after `abort()`.
   */
  close(error?: TransportError): void;
}

/** Why a transport could not be made, or broke: the same codes on every runtime. */
export type TransportErrorCode =
  | "connection-refused"
  | "connection-reset"
  | "host-not-found"
  | "host-unreachable"
  | "address-in-use"
  | "certificate-rejected"
  | "tls-failed"
  | "timed-out"
  | "permission-denied"
  | "failed";

/** A failure of the transport. `cause` is the runtime's own error. */
export class TransportError extends Error {
  /** Distinguishes it from other errors. */
  override readonly name = "TransportError";
  /** The kind of failure, the same on every runtime. */
  readonly code: TransportErrorCode;

  /** Makes an error with this code; the message is for people. */
  constructor(code: TransportErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** A client's certificate: an `X509Certificate` of `node:crypto`. */
export interface ClientCertificate {
  /** The subject, one attribute per line: `CN=ada`. */
  readonly subject: string;
  /** The other names of the subject, such as `DNS:ada.example`; `undefined` if there are none. */
  readonly subjectAltName: string | undefined;
  /** Who has issued it, one attribute per line. */
  readonly issuer: string;
  /** Its serial number, in hexadecimal. */
  readonly serialNumber: string;
  /** Its SHA-256 fingerprint, in hexadecimal with colons. */
  readonly fingerprint256: string;
  /** When it ends. */
  readonly validTo: string;
  /** The certificate as DER. */
  readonly raw: Uint8Array;
}

/** A certificate with its private key, as PEM text. */
export interface CertifiedKey {
  /** The certificate chain, PEM. */
  cert: string;
  /** Its private key, PEM. */
  key: string;
}

/** TLS options of a server, as PEM text. */
export interface TlsServerOptions extends CertifiedKey {
  /**
   * Certificates for other server names (SNI): `{ "other.example": { cert, key }, "*.example.org": { cert, key } }`. Clients
   * that name none of these get the first. Not on Deno.
   */
  names?: Readonly<Record<string, CertifiedKey>>;
  /**
   * Ask clients for a certificate that one of these authorities has issued, PEM. Who it is, `request.clientCertificate`
   * tells in `upgrade()`. Not on Deno.
   */
  clientCa?: string | readonly string[];
  /**
   * With `clientCa`: whether a client must have a certificate. One that has a certificate which does not verify is always refused.
   *
   * @default "required"
   */
  clientCertificate?: "required" | "optional";
}

/** TLS options of a client. The certificate chain and the name are always verified; this cannot be switched off. */
export interface TlsClientOptions {
  /** Certificate authorities to trust, PEM. Default: the runtime's own list. */
  ca?: string | readonly string[];
  /** A client certificate chain, PEM, for servers that ask for one. */
  cert?: string;
  /** The client certificate's private key, PEM. */
  key?: string;
  /** The name to request (SNI) and to verify. Default: the dialed host. */
  serverName?: string;
}

/** Where to dial. */
export type ConnectOptions =
  & ({ hostname: string; port: number } | {
    /** A Unix socket's path. */
    path: string;
  })
  & {
    /** Use TLS, with these options. */
    tls?: TlsClientOptions;
    /** Aborts, and rejects with the signal's reason. */
    signal?: AbortSignal;
    /** Bytes. Default {@linkcode DEFAULT_HIGH_WATER_MARK}. */
    highWaterMark?: number;
  };

/** Where to listen. */
export type ListenOptions =
  & ({ hostname: string; port: number } | { path: string })
  & {
    /** Use TLS, with this certificate. */
    tls?: TlsServerOptions;
    /**
     * Share the port between processes (SO_REUSEPORT), if the system and the runtime can: Node from 23.1 on, Deno
     * with `--unstable-net`. Otherwise without effect. Default `false`.
     */
    reusePort?: boolean;
    /** Connections that may wait in the system. Default: the runtime's. */
    backlog?: number;
    /** Bytes, for each accepted transport. Default {@linkcode DEFAULT_HIGH_WATER_MARK}. */
    highWaterMark?: number;
    /**
     * A peer has connected. With TLS, the TLS handshake may still be in progress: its failure is a `close()` with an
     * error, so that one deadline covers both. A `closeWrite()` before it is done may abort it.
     */
    accept(transport: Transport): void;
    /** Accepting failed (for example: no file descriptors left). The listener continues by itself. */
    error?(error: TransportError): void;
  };

/** A listening socket. */
export interface Listener {
  /** The IP address it listens on; `""` for a Unix socket. */
  readonly hostname: string;
  /** The actual port, even if 0 was requested; 0 for a Unix socket. */
  readonly port: number;
  /**
   * With TLS: connections get this certificate from now on, and those that are open stay. Rejects if it cannot be used;
   * then the one before stays.
   */
  renew(tls: TlsServerOptions): Promise<void>;
  /** Stops accepting. Accepted transports stay open. Resolves when the address is free again. */
  close(): Promise<void>;
}

/** Makes transports on one runtime. */
export interface Adapter {
  /** Dials. Resolves when bytes can flow: with TLS, after its handshake, with an accepted certificate. */
  connect(options: ConnectOptions): Promise<Transport>;
  /** Listens. Rejects with a {@linkcode TransportError} if it cannot listen on the address. */
  listen(options: ListenOptions): Promise<Listener>;
}
