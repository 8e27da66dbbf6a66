/**
 * What a runtime cannot do, whatever we write above it: the names of cases, and why they are skipped there. Those of
 * Deno were seen with 2.9.6; a newer one may do better, and then the line goes.
 */
import process from "node:process";
import { runtime } from "../harness.ts";

type Faults = Readonly<Record<string, string>>;

function onDeno(faults: Faults): Faults {
  return runtime === "deno" ? faults : {};
}

const UNFINISHED = "Deno keeps the TCP connection of a TlsConn that is closed before its handshake is done";
const FORGOTTEN_END = "node:tls of Deno forgets the peer's end after a pause";
const NEVER_CLOSED = "node:tls of Deno may leave the peer without an end when destroyed with bytes pending";

const EARLY_CLOSE = "node:http2 of Node 20 closes a stream before it has counted what it sent as sent";

/** Streams of node:http2. */
export const http2Faults: Faults = runtime === "node" && process.versions.node.startsWith("20.")
  ? {
    "our FIN first: reading goes on, then end() and close() (client)": EARLY_CLOSE,
    "our FIN first: reading goes on, then end() and close() (server)": EARLY_CLOSE,
  }
  : {};

const UNVERIFIED = "servers on Deno do not verify the certificates of clients";
const UNCHOSEN = "Deno.listenTls has one certificate";
const CERTIFICATE_FAULTS: Faults = {
  "clientCa: a client must have a certificate of these authorities": UNVERIFIED,
  "clientCertificate optional: none is accepted, a bad one is not": UNVERIFIED,
  "clientCa: a session that is resumed has its certificate": UNVERIFIED,
  "names: the certificate is chosen by the server name": UNCHOSEN,
};

/** Deno's own sockets. */
export const denoFaults: Faults = onDeno({
  ...CERTIFICATE_FAULTS,
  "abort() during the TLS handshake hangs up": UNFINISHED,
  "a signal that is aborted during the TLS handshake hangs up": UNFINISHED,
});

/** Deno's node:net. */
export const denoNetFaults: Faults = onDeno({
  "paused while both directions end: resume() gives all of it (client)":
    "a node:net client of Deno that ends while paused resets its peer",
});

/** Deno's node:tls. */
export const denoTlsFaults: Faults = onDeno({
  ...CERTIFICATE_FAULTS,
  "renew(): what cannot be used leaves everything as it was":
    "createSecureContext() of Deno does not look at them",
  "pause() and resume() from inside data() (client)": FORGOTTEN_END,
  "pause() and resume() from inside data() (server)": FORGOTTEN_END,
  "abort() with bytes pending drops them (client)": NEVER_CLOSED,
  "abort() with bytes pending drops them (server)": NEVER_CLOSED,
  "a certificate or key that cannot be used is told when listening":
    "createSecureContext() of Deno does not look at them",
});
