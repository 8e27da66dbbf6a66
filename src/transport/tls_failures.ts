/**
 * A sentence for each kind of TLS failure, which OpenSSL, BoringSSL and rustls word differently.
 *
 * @module
 */

/** A word from a code or message, and its meaning for people. The first match counts. */
const FAILURES: readonly (readonly [RegExp, string])[] = [
  [
    /CERT_HAS_EXPIRED|certificate expired/,
    "the server's certificate has expired. It must be renewed there, unless this machine's clock is wrong.",
  ],
  [
    /CERT_NOT_YET_VALID|certificate not valid yet/,
    "the server's certificate is not valid yet. Check this machine's clock, and the certificate's dates.",
  ],
  [
    /ERR_TLS_CERT_ALTNAME_INVALID|HOSTNAME_MISMATCH|IP_ADDRESS_MISMATCH|certificate not valid for name/,
    "the server's certificate does not cover the requested name. Connect with a name in the certificate, or give that name with the option `tls.serverName`.",
  ],
  [
    /DEPTH_ZERO_SELF_SIGNED_CERT|CaUsedAsEndEntity/,
    "the server's certificate is self-signed: no authority has signed it. If it is yours, trust it with the option `tls.ca`.",
  ],
  [
    /UNABLE_TO_VERIFY_LEAF_SIGNATURE|UNABLE_TO_GET_ISSUER_CERT|SELF_SIGNED_CERT_IN_CHAIN|UnknownIssuer/,
    "the server's certificate is issued by an authority that is not trusted here. Trust that with the option `tls.ca`, or configure the server to send the intermediate certificates.",
  ],
  [
    /WRONG_VERSION_NUMBER|InvalidContentType/,
    "the other side does not use TLS on this port. Connect with ws:// instead of wss://, or to its TLS port.",
  ],
  [
    /ALERT_NO_APPLICATION_PROTOCOL|NoApplicationProtocol/,
    "the other side does not support HTTP/1.1 there, perhaps only HTTP/2. Configure it to offer http/1.1 by ALPN, which WebSocket needs.",
  ],
  [
    /ALERT_PROTOCOL_VERSION|ProtocolVersion|UNSUPPORTED_PROTOCOL/,
    "the two sides have no version of TLS in common. Check that both support TLS 1.2 or newer.",
  ],
  [
    /ALERT_CERTIFICATE_REQUIRED|CertificateRequired/,
    "the server requires a client certificate. Give one with the options `tls.cert` and `tls.key`.",
  ],
  [
    /ALERT_(?:UNKNOWN_CA|BAD_CERTIFICATE|CERTIFICATE_(?:EXPIRED|REVOKED|UNKNOWN)|UNSUPPORTED_CERTIFICATE)|fatal alert: (?:UnknownCA|BadCertificate|Certificate(?:Expired|Revoked|Unknown)|UnsupportedCertificate)/i,
    "the other side does not accept this side's certificate. Check its issuer, its names and its dates.",
  ],
  [
    /ALERT_HANDSHAKE_FAILURE|HandshakeFailure/,
    "the other side aborted the TLS handshake. It may require a client certificate (the options `tls.cert` and `tls.key`), or support none of the cipher suites.",
  ],
];

/** The sentence for a runtime's error; `undefined` if the error only says that TLS has failed. */
export function describeTlsFailure(cause: unknown): string | undefined {
  if (typeof cause !== "object" || cause === null) return undefined;
  const { code, message } = cause as { code?: unknown; message?: unknown };
  // OpenSSL's messages have spaces where its codes have underscores.
  const words = `${String(code)} ${String(message)}`;
  return FAILURES.find(([pattern]) => pattern.test(words))?.[1];
}
