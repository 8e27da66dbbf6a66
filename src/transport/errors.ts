/**
 * Common error codes for transport failures, which every runtime names differently.
 *
 * @module
 */
import { type Address, describeAddress } from "./address.ts";
import { describeTlsFailure } from "./tls_failures.ts";
import { type TlsServerOptions, TransportError, type TransportErrorCode } from "./transport.ts";

/** Node's error codes (also used by Bun, and by most errors of Deno), and Deno's error class names. */
const CODES: Readonly<Record<string, TransportErrorCode>> = {
  ECONNREFUSED: "connection-refused",
  ConnectionRefused: "connection-refused",
  ECONNRESET: "connection-reset",
  ECONNABORTED: "connection-reset",
  ENOTCONN: "connection-reset",
  EPIPE: "connection-reset",
  BrokenPipe: "connection-reset",
  ConnectionAborted: "connection-reset",
  ConnectionReset: "connection-reset",
  NotConnected: "connection-reset",
  UnexpectedEof: "connection-reset",
  ENOTFOUND: "host-not-found",
  EAI_AGAIN: "host-not-found",
  EAI_FAIL: "host-not-found",
  EAI_NODATA: "host-not-found",
  EAI_NONAME: "host-not-found",
  EHOSTDOWN: "host-unreachable",
  EHOSTUNREACH: "host-unreachable",
  ENETDOWN: "host-unreachable",
  ENETUNREACH: "host-unreachable",
  HostUnreachable: "host-unreachable",
  NetworkDown: "host-unreachable",
  NetworkUnreachable: "host-unreachable",
  EADDRINUSE: "address-in-use",
  AddrInUse: "address-in-use",
  ETIMEDOUT: "timed-out",
  TimedOut: "timed-out",
  EACCES: "permission-denied",
  EPERM: "permission-denied",
  NotCapable: "permission-denied",
  PermissionDenied: "permission-denied",
  EPROTO: "tls-failed",
  InvalidData: "tls-failed",
};

/** OpenSSL's and BoringSSL's codes for rejected certificates. */
const CERTIFICATE =
  /^(?:CERT_|CRL_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|ERR_TLS_CERT_|HOSTNAME_MISMATCH|INVALID_CA|INVALID_PURPOSE|IP_ADDRESS_MISMATCH|PATH_LENGTH_|ERROR_IN_CERT_)/;

const ADVICE: Readonly<Record<Exclude<TransportErrorCode, "failed">, string>> = {
  "connection-refused": "nothing listens there. Check the address, and that the server is running.",
  "connection-reset": "the connection was reset before both sides had ended it.",
  "host-not-found": "the host name has no address. Check its spelling and DNS.",
  "host-unreachable": "there is no route to that address. Check the address and the network.",
  "address-in-use":
    "something listens there already. Stop it, or choose another address; if a killed process left the Unix socket behind, remove it.",
  "certificate-rejected":
    "the server's certificate was not accepted. Check its names, its dates and its issuer, or trust its authority with the option `tls.ca`.",
  "tls-failed": "the TLS handshake or a TLS record failed. Check that both sides support TLS 1.2 or newer.",
  "timed-out": "the peer did not answer in time. Check the address and the network.",
  "permission-denied":
    "the system or the runtime does not permit it. Grant the permission, or choose another address.",
};

interface CauseLike {
  readonly code?: unknown;
  readonly name?: unknown;
  readonly message?: unknown;
}

/** Maps a runtime's error to a code. */
export function errorCode(cause: unknown): TransportErrorCode {
  if (typeof cause !== "object" || cause === null) return "failed";
  const { code, name, message } = cause as CauseLike;
  const text = typeof message === "string" ? message : "";
  // Deno reports every certificate problem in the message of an InvalidData error.
  if (text.includes("invalid peer certificate")) return "certificate-rejected";
  if (text.startsWith("failed to lookup address")) return "host-not-found";
  for (const word of [code, name]) {
    if (typeof word !== "string") continue;
    const known = Object.hasOwn(CODES, word) ? CODES[word] : undefined;
    if (known !== undefined) return known;
    if (CERTIFICATE.test(word)) return "certificate-rejected";
    if (word.startsWith("ERR_SSL_") || word.startsWith("ERR_TLS_")) return "tls-failed";
  }
  return "failed";
}

/** Converts a runtime's error to a {@linkcode TransportError}; `doing` begins its message. */
export function toTransportError(cause: unknown, doing: string, code?: TransportErrorCode): TransportError {
  if (cause instanceof TransportError) return cause;
  const kind = code ?? errorCode(cause);
  const tlsFailure = kind === "certificate-rejected" || kind === "tls-failed"
    ? describeTlsFailure(cause)
    : undefined;
  const why = tlsFailure ??
    (kind === "failed" ? cause instanceof Error ? cause.message : String(cause) : ADVICE[kind]);
  return new TransportError(kind, `${doing}: ${why}`, cause === undefined ? undefined : { cause });
}

/**
 * The error of a connection that broke while open. It has no stack: that would only show how the runtime calls us,
 * and cost more than all other work for a peer that has gone.
 */
export function brokenError(cause: unknown, code?: TransportErrorCode): TransportError {
  const { stackTraceLimit } = Error as { stackTraceLimit?: number };
  // If a program has frozen its globals, the stack is made anyway.
  Reflect.set(Error, "stackTraceLimit", 0);
  const error = toTransportError(cause, "The connection broke", code);
  Reflect.set(Error, "stackTraceLimit", stackTraceLimit);
  return error;
}

/** The error of a failed dial. */
export function connectError(
  cause: unknown,
  target: Address & { tls?: unknown },
  code: TransportErrorCode = errorCode(cause),
): TransportError {
  const doing = `Cannot connect to ${describeAddress(target)}`;
  if (target.tls === undefined || code !== "connection-reset" || cause instanceof TransportError) {
    return toTransportError(cause, doing, code);
  }
  const why =
    "the server ended the connection in the middle of the TLS handshake. Check that it uses TLS on this port.";
  return new TransportError(code, `${doing}: ${why}`, cause === undefined ? undefined : { cause });
}

/** The error of an address that cannot be listened on, or of an invalid certificate. */
export function listenError(cause: unknown, target: Address & { tls?: unknown }): TransportError {
  const doing = `Cannot listen on ${describeAddress(target)}`;
  const kind = errorCode(cause);
  if (
    target.tls === undefined ||
    (kind !== "failed" && kind !== "tls-failed" && kind !== "certificate-rejected")
  ) {
    return toTransportError(cause, doing, kind);
  }
  const why = "the certificate or its key is invalid. Give a matching pair as PEM text.";
  return new TransportError("tls-failed", `${doing}: ${why}`, { cause });
}

/** Throws for what no server on Deno can do. */
export function refuseOnDeno({ tls }: { tls?: TlsServerOptions }): void {
  const option = tls?.clientCa !== undefined ? "clientCa" : tls?.names !== undefined ? "names" : undefined;
  if (option === undefined || !("Deno" in globalThis)) return;
  const what = option === "clientCa"
    ? "verify the certificates of clients"
    : "choose a certificate by server name";
  throw new TypeError(
    `Cannot use option tls.${option} on Deno, which does not ${what}: let a proxy in front do it, or use Node or Bun.`,
  );
}

/** Throws for TLS over a Unix socket, which only some runtimes support. */
export function refuseTlsOverUnixSocket(options: Address & { tls?: unknown }): void {
  if (options.tls !== undefined && "path" in options) {
    throw new TypeError(
      "TLS over a Unix socket is not supported. Leave out the option `tls`, or give a host and a port.",
    );
  }
}
