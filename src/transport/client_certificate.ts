/**
 * The client's certificate on a socket of the application's own server.
 *
 * @module
 */
import type { ClientCertificate } from "./transport.ts";

/** What a `tls.TLSSocket` has; other sockets have none of it. */
export interface CertifiedSocket {
  /** Whether the server has asked for a certificate and has verified it. */
  readonly authorized?: boolean;
  /** The certificate. */
  getPeerX509Certificate?(): ClientCertificate | undefined;
}

/** The certificate, if the server has verified it. Deno calls authorized what is not, when it resumes a session. */
export function certificateOf(socket: CertifiedSocket | undefined): ClientCertificate | undefined {
  if ("Deno" in globalThis) return undefined;
  return socket?.authorized === true ? socket.getPeerX509Certificate?.() : undefined;
}
