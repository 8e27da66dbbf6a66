/**
 * What the opening handshakes of a server know of the application's HTTP server.
 *
 * @module
 */
import type { Transport } from "../transport/transport.ts";

/** The application's HTTP server, behind our listener. */
export interface ApplicationHttp {
  /** The number of its connections. */
  readonly size: number;
  /** Whether it reads handshakes as well, since hook `context` wants them as `node:http` reads them. */
  readonly readsHandshakes: boolean;
  /** Takes over a transport and the bytes that were read from it, which are not borrowed. */
  take(transport: Transport, bytes: Uint8Array): void;
  /** From now on each connection ends when its requests have been answered. */
  close(): void;
  /** Drops all connections. */
  abort(): void;
  /** Resolves when there are no connections. */
  empty(): Promise<void>;
}
