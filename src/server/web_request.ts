/**
 * Converts an HTTP/1.1 request head to a web `Request` for the application's hooks.
 *
 * @module
 */
import type { RequestHead } from "../http/head.ts";
import { readAgain } from "../handshake/request_target.ts";
import type { ClientCertificate } from "../transport/transport.ts";

/** A web `Request`, and its sender. */
export interface HandshakeRequest extends Request {
  /** The peer's IP address; `""` if there is none, as on a Unix socket. */
  readonly remoteAddress: string;
  /**
   * The client's certificate: verified, if option `tls.clientCa` asks for one; otherwise `undefined`, as for a client without
   * one where `tls.clientCertificate` is `"optional"`. With `acceptor()`, what your own server has verified; on Bun `node:https`
   * has nothing to show.
   */
  readonly clientCertificate: ClientCertificate | undefined;
  /** The parameters in the path of its route, decoded: `{ id: "42" }` for `/rooms/:id`. */
  readonly params: Readonly<Record<string, string>>;
}

/** Facts about a request that are not in its head. */
export interface RequestOrigin {
  /** The requested host and port, or the server's own if there is none. */
  readonly host: string;
  /** Path and query. */
  readonly resourceName: string;
  /** Whether it came over TLS. */
  readonly encrypted: boolean;
  /** The peer's IP address. */
  readonly remoteAddress: string;
  /** The client's verified certificate. */
  readonly clientCertificate?: ClientCertificate | undefined;
  /** The parameters in its path. */
  readonly params?: Readonly<Record<string, string>>;
  /** Aborted if the peer leaves before it is answered. */
  readonly signal?: AbortSignal;
  /** The same, made when somebody looks. */
  signalOf?(): AbortSignal;
  /** The body, as it arrives. */
  readonly body?: ReadableStream<Uint8Array> | undefined;
}

const NO_PARAMS: Readonly<Record<string, string>> = Object.freeze({});

/** Makes a `Request` from a head. Throws a `TypeError` if host and path do not form a URL. */
export function webRequest(
  head: Pick<RequestHead, "method" | "headers">,
  origin: RequestOrigin,
): HandshakeRequest {
  const { host, resourceName, encrypted, params = NO_PARAMS, signal, signalOf, body } = origin;
  const headers = new Headers();
  const cookies: string[] = [];
  for (const [name, value] of head.headers) {
    if (name === "cookie") cookies.push(value);
    else headers.append(name, value);
  }
  // RFC 9113, section 8.2.3: "these MUST be concatenated into a single octet string using the two-octet delimiter of
  // 0x3b, 0x20 (the ASCII string "; ")". Not every runtime does it.
  if (cookies.length > 0) headers.append("cookie", cookies.join("; "));
  // RFC 9112, section 3.3: OPTIONS * is for the server, whose URI has an empty path.
  const path = resourceName === "*" ? "/" : resourceName;
  const request = new Request(`${encrypted ? "https" : "http"}://${host}${path}`, {
    method: head.method,
    headers,
    ...(signal === undefined ? {} : { signal }),
    // "half": the response may come before the whole request. It is the only value, and not in every runtime's types.
    ...(body === undefined ? {} : { body, duplex: "half" }),
  });
  return Object.defineProperties(request, {
    remoteAddress: { value: origin.remoteAddress, enumerable: true },
    clientCertificate: { value: origin.clientCertificate, enumerable: true },
    params: { value: params, enumerable: true },
    ...(signalOf === undefined ? {} : { signal: { get: signalOf, enumerable: true } }),
  }) as HandshakeRequest;
}

/** Makes the `Request` of an accepted opening handshake from the text of its head. */
export function acceptedRequest(
  text: string,
  { encrypted, remoteAddress, clientCertificate }: Pick<
    RequestOrigin,
    "encrypted" | "remoteAddress" | "clientCertificate"
  >,
): HandshakeRequest {
  const { headers, authority, resourceName } = readAgain(text);
  // RFC 6455, section 4.2.1: "An HTTP/1.1 or higher GET request".
  return webRequest({ method: "GET", headers }, {
    host: hostOf(authority),
    resourceName,
    encrypted,
    remoteAddress,
    clientCertificate,
  });
}

/** A host, with its port if there is one. */
export function hostOf({ host, port }: { readonly host: string; readonly port: string }): string {
  return port === "" ? host : `${host}:${port}`;
}
