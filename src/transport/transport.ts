/**
 * The contract between a connection and the byte stream beneath it. One adapter per runtime implements it;
 * nothing above this file knows which runtime it runs on.
 *
 * @module
 */

/** Bytes that `write()` takes before it answers `false`, unless the options say otherwise. */
export const DEFAULT_HIGH_WATER_MARK: number = 64 * 1024;

/** A reliable, ordered, full-duplex stream of bytes: a TCP or TLS socket, a Unix socket, a pair in memory. */
export interface Transport {
  /** The peer's IP address, an IPv4 address in its plain form; `""` where there is none, as on a Unix socket. */
  readonly remoteAddress: string;
  /** Whether the bytes travel encrypted (TLS). */
  readonly encrypted: boolean;
  /** Bytes accepted by {@linkcode write} and not yet handed to the operating system. */
  readonly bufferedAmount: number;
  /**
   * Whether nothing that {@linkcode write} was given is kept any more: its memory may then be written to again. Only the
   * transport knows; a stream may hold what it counts no longer.
   */
  readonly done: boolean;
  /**
   * Names the receiver of all that happens from now on. Nothing is read, and nothing is lost, before the first
   * call; a later call replaces the receiver between two chunks.
   */
  attach(handler: TransportHandler): void;
  /**
   * Takes all of `bytes`, in order. The caller writes to that memory no more until the transport is {@linkcode done}.
   * Answers `false` when more than the high-water mark is buffered now: `drain()` will follow when the buffer has
   * emptied, unless `close()` comes first. After `closeWrite()`, `abort()` or `close()` it does nothing and answers
   * `true`. Never throws on account of the peer.
   */
  write(bytes: Uint8Array): boolean;
  /**
   * Ends the outgoing direction once everything accepted has been sent: FIN on TCP, close_notify on TLS. Reading
   * goes on. Does nothing the second time.
   */
  closeWrite(): void;
  /** Ends both directions now; what is buffered is lost. Does nothing the second time. */
  abort(): void;
  /** Asks for no more `data()` calls. Best effort: one chunk may still come. Does nothing when paused. */
  pause(): void;
  /** Undoes `pause()`. Does nothing when not paused. */
  resume(): void;
}

/** What a transport tells its owner. Between `attach()` and `close()`, in the order it happened. */
export interface TransportHandler {
  /**
   * Bytes have come. They are borrowed: the callee may overwrite them, and they are void when it returns. They may
   * be a `Buffer`, whose `slice()` does not copy: `new Uint8Array(chunk)` does.
   */
  data(chunk: Uint8Array): void;
  /** The buffer has emptied. Only after `write()` answered `false`, once for each time it began to. */
  drain(): void;
  /**
   * Nothing of these bytes is kept any more, which `write()` had to keep. Whether a transport says so is its own affair:
   * it serves to use their memory again.
   */
  written?(bytes: Uint8Array): void;
  /** The peer has ended its direction; ours stays open. At most once. */
  end(): void;
  /**
   * All is over: exactly once, the last call of all, and never from inside `write()`, `abort()` or another call
   * of the owner's. `error` is absent after an orderly end of both directions, and after `abort()`.
   */
  close(error?: TransportError): void;
}

/** Why a transport could not be made, or broke. The same words on every runtime. */
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

/** A failure of the transport. `cause` keeps the runtime's own error. */
export class TransportError extends Error {
  /** Tells it from other errors. */
  override readonly name = "TransportError";
  /** The kind of failure, the same on every runtime. */
  readonly code: TransportErrorCode;

  /** Makes an error of one kind; the sentence is for people. */
  constructor(code: TransportErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** The server's side of TLS: PEM texts. */
export interface TlsServerOptions {
  /** The certificate chain, PEM. */
  cert: string;
  /** Its private key, PEM. */
  key: string;
}

/** The client's side of TLS. The chain and the name are always verified; there is no way to switch that off. */
export interface TlsClientOptions {
  /** Certificate authorities to trust, PEM. Default: the runtime's own list. */
  ca?: string | readonly string[];
  /** A client certificate chain, PEM, for servers that ask for one. */
  cert?: string;
  /** The client certificate's private key, PEM. */
  key?: string;
  /** The name to ask for (SNI) and to verify. Default: the host that is dialled. */
  serverName?: string;
}

/** Where to dial. */
export type ConnectOptions =
  & ({ hostname: string; port: number } | {
    /** A Unix socket's path. */
    path: string;
  })
  & {
    /** Speak TLS, with these options. */
    tls?: TlsClientOptions;
    /** Gives up, and rejects with the signal's reason. */
    signal?: AbortSignal;
    /** Bytes. Default {@linkcode DEFAULT_HIGH_WATER_MARK}. */
    highWaterMark?: number;
  };

/** Where to listen. */
export type ListenOptions =
  & ({ hostname: string; port: number } | { path: string })
  & {
    /** Speak TLS, with this certificate. */
    tls?: TlsServerOptions;
    /**
     * Let several processes share the port (SO_REUSEPORT), where the system and the runtime can: Node from 23.1 on,
     * Deno with `--unstable-net`. Elsewhere it changes nothing. Default `false`.
     */
    reusePort?: boolean;
    /** Connections that the system may keep waiting. Default: the runtime's own. */
    backlog?: number;
    /** Bytes, for each accepted transport. Default {@linkcode DEFAULT_HIGH_WATER_MARK}. */
    highWaterMark?: number;
    /**
     * A peer has connected; with TLS, the TLS handshake still may be under way: its failure is a `close()` with an
     * error, so that one deadline covers both. A `closeWrite()` before it is done may break it off.
     */
    accept(transport: Transport): void;
    /** Accepting failed (for example: no file descriptor left). The listener goes on by itself. */
    error?(error: TransportError): void;
  };

/** A listening socket. */
export interface Listener {
  /** The IP address that is listened on; `""` for a Unix socket. */
  readonly hostname: string;
  /** The port, the one that was found when 0 was asked for; 0 for a Unix socket. */
  readonly port: number;
  /** Stops accepting. Transports that were accepted live on. Resolves when the address is free again. */
  close(): Promise<void>;
}

/** One runtime's way to make transports. */
export interface Adapter {
  /** Dials. Resolves when bytes can flow, with TLS when its handshake is done and the certificate was accepted. */
  connect(options: ConnectOptions): Promise<Transport>;
  /** Listens. Rejects with a {@linkcode TransportError} when the address cannot be had. */
  listen(options: ListenOptions): Promise<Listener>;
}
