/**
 * Tunnels through an HTTP proxy with `CONNECT` (RFC 9110, section 9.3.6).
 *
 * @module
 */
import { DEADLINE } from "./deadline.ts";
import { HandshakeError } from "../handshake/handshake_error.ts";
import type { HeadLimits, ResponseHead } from "../http/head.ts";
import { FinalResponseReader } from "../http/final_response.ts";
import { checkHeader, type HeaderLine, headText, latin1Bytes } from "../http/response.ts";
import { printable } from "../http/printable.ts";
import { ResponseBody } from "./response_body.ts";
import type {
  TlsClientOptions,
  Transport,
  TransportError,
  TransportHandler,
} from "../transport/transport.ts";
import { headerLines } from "../options/header_lines.ts";

/** A proxy and its settings. */
export interface ProxyOptions {
  /**
   * `http://host:port` or `https://host:port`. A user name and password in it are sent to the proxy as Basic
   * credentials (RFC 7617) and never appear in an error.
   */
  url: string | URL;
  /** More header fields for the `CONNECT` request, such as `proxy-authorization`. */
  headers?: HeadersInit;
  /** TLS settings for an `https:` proxy. Its certificate is always verified. */
  tls?: TlsClientOptions;
}

/** A parsed proxy option. */
export interface Proxy {
  /** Where to dial. */
  readonly address: { readonly hostname: string; readonly port: number; readonly tls?: TlsClientOptions };
  /** Header lines of the `CONNECT` request. */
  readonly headers: readonly HeaderLine[];
}

/**
 * Parses the option `proxy`. Throws a `SyntaxError` for an invalid URL and a `TypeError` for an invalid header. The
 * message does not repeat the URL, which may contain a password.
 */
export function readProxy(option: string | URL | ProxyOptions | undefined): Proxy | undefined {
  if (option === undefined) return undefined;
  const { url: text, headers: init, tls } = typeof option === "string" || option instanceof URL
    ? { url: option }
    : option;
  // An empty environment variable means no proxy.
  if (text === "") return undefined;
  const url = parse(text);
  const encrypted = url?.protocol === "https:";
  if (url === undefined || (!encrypted && url.protocol !== "http:")) {
    throw new SyntaxError("Cannot use this proxy: give a URL that begins with http:// or https://.");
  }
  const headers = headerLines(init);
  for (const [name, value] of headers) checkHeader(name, value);
  if (url.username !== "" || url.password !== "") {
    if (headers.some(([name]) => name.toLowerCase() === "proxy-authorization")) {
      throw new TypeError(
        "Cannot use this proxy: give a user name in its URL or a proxy-authorization header, not both.",
      );
    }
    headers.push(["proxy-authorization", basic(url)]);
  }
  const hostname = url.hostname.replace(/^\[|\]$/g, "");
  const port = url.port === "" ? (encrypted ? 443 : 80) : Number(url.port);
  return { address: { hostname, port, ...(encrypted ? { tls: tls ?? {} } : {}) }, headers };
}

function parse(text: string | URL): URL | undefined {
  try {
    return new URL(text);
  } catch {
    // The runtime's error would repeat the text.
    return undefined;
  }
}

function basic(url: URL): string {
  const [user, password] = [url.username, url.password].map((part) => {
    try {
      return decodeURIComponent(part);
    } catch {
      throw new SyntaxError("Cannot use this proxy: percent-encode its user name and password.");
    }
  });
  // RFC 7617, section 2: "a user-id containing a colon character is invalid".
  if (user!.includes(":")) {
    throw new SyntaxError(
      "Cannot use this proxy: its user name contains a colon, which Basic credentials do not allow.",
    );
  }
  return `Basic ${btoa(String.fromCharCode(...new TextEncoder().encode(`${user}:${password}`)))}`;
}

/**
 * Asks the proxy at the other end of a transport for a tunnel, and resolves with the tunnel. `target` is host and
 * port, with an IPv6 address in brackets. On failure it aborts the transport and rejects with a `HandshakeError` of
 * step `proxy`, or with the signal's reason. Once the proxy's response is known, the deadline only cuts off its body.
 */
export async function openTunnel(
  transport: Transport,
  target: string,
  { headers }: Proxy,
  limits: HeadLimits,
  signal: AbortSignal,
): Promise<Transport> {
  const lines: HeaderLine[] = [["Host", target], ...headers];
  return await new Tunnel(transport, limits).open(headText(`CONNECT ${target} HTTP/1.1`, lines), signal);
}

/** The stream to the proxy. It first handles the proxy's response, then acts as the transport for another handler. */
class Tunnel implements Transport, TransportHandler {
  readonly #transport: Transport;
  readonly #reader: FinalResponseReader;
  #resolve!: (tunnel: Transport) => void;
  #reject!: (error: unknown) => void;
  #refused: ResponseHead | undefined;
  #body: ResponseBody | undefined;
  #opened = false;
  // Events between the proxy's response and attach().
  #ended = false;
  #closed: { readonly error: TransportError | undefined } | undefined;

  constructor(transport: Transport, limits: HeadLimits) {
    this.#transport = transport;
    this.#reader = new FinalResponseReader(limits);
  }

  async open(request: string, signal: AbortSignal): Promise<Transport> {
    const giveUp = (): void => {
      if (signal.reason === DEADLINE && this.#body !== undefined) return this.#refuse();
      this.#transport.abort();
      this.#reject(signal.reason);
    };
    try {
      return await new Promise<Transport>((resolve, reject) => {
        this.#resolve = resolve;
        this.#reject = reject;
        signal.addEventListener("abort", giveUp, { once: true });
        this.#transport.attach(this);
        this.#transport.write(latin1Bytes(request));
        if (signal.aborted) giveUp();
      });
    } finally {
      this.#body?.stop();
      signal.removeEventListener("abort", giveUp);
    }
  }

  data(chunk: Uint8Array): void {
    if (this.#body !== undefined) return this.#body.push(chunk);
    if (this.#opened) return this.#failEarly();
    const { head, end } = this.#read(chunk);
    if (head === undefined) return;
    const rest = chunk.subarray(end);
    // RFC 9110, section 9.3.6: "Any 2xx (Successful) response indicates that the sender (and all inbound proxies) will
    // switch to tunnel mode immediately after the response header section".
    if (head.status >= 200 && head.status < 300) {
      this.#opened = true;
      if (rest.length > 0) return this.#failEarly();
      this.#transport.pause();
      return this.#resolve(this);
    }
    this.#refused = head;
    this.#body = new ResponseBody(head, () => this.#refuse());
    this.#body.push(rest);
  }

  #read(chunk: Uint8Array): { head: ResponseHead | undefined; end: number } {
    const { defect, head, end } = this.#reader.receive(chunk);
    if (defect !== undefined) {
      this.#fail("response-malformed", `The proxy's answer is malformed (${defect}): is it an HTTP proxy?`);
    }
    return { head, end };
  }

  drain(): void {}

  end(): void {
    if (this.#opened) this.#ended = true;
    else this.#endEarly();
  }

  close(error?: TransportError): void {
    if (this.#opened) this.#closed = { error };
    else if (error === undefined || this.#refused !== undefined) this.#endEarly();
    else this.#fail(error.code, `The proxy did not answer. ${error.message}`, error);
  }

  #endEarly(): void {
    if (this.#refused !== undefined) return this.#refuse();
    this.#fail("response-truncated", "The proxy closed the connection before its response was complete.");
  }

  // A server speaks first neither in TLS nor in HTTP: these bytes do not come from the server.
  #failEarly(): void {
    this.#fail(
      "response-malformed",
      "The proxy sent bytes through the tunnel before any request.",
    );
  }

  #refuse(): void {
    const { status, reason, headers } = this.#refused!;
    const advice = status === 407 ? authenticationAdvice(headers.get("proxy-authenticate")) : "";
    this.#transport.abort();
    this.#reject(
      new HandshakeError(
        `The proxy answered ${status}${
          reason === "" ? "" : ` ${printable(reason)}`
        } and opens no tunnel.${advice}` +
          this.#body!.said,
        { step: "proxy", reason: "proxy-refused", status, headers, body: this.#body!.text },
      ),
    );
  }

  #fail(reason: string, message: string, cause?: TransportError): void {
    this.#transport.abort();
    this.#reject(
      new HandshakeError(message, { step: "proxy", reason, section: "RFC 9110, section 9.3.6", cause }),
    );
  }

  get remoteAddress(): string {
    return this.#transport.remoteAddress;
  }

  get encrypted(): boolean {
    return this.#transport.encrypted;
  }

  get done(): boolean {
    return this.#transport.done;
  }

  get bufferedAmount(): number {
    return this.#transport.bufferedAmount;
  }

  attach(handler: TransportHandler): void {
    this.#transport.attach(handler);
    this.#transport.resume();
    const closed = this.#closed;
    if (this.#ended) queueMicrotask(() => handler.end());
    if (closed !== undefined) queueMicrotask(() => handler.close(closed.error));
  }

  write(bytes: Uint8Array): boolean {
    return this.#transport.write(bytes);
  }

  closeWrite(): void {
    this.#transport.closeWrite();
  }

  abort(): void {
    this.#transport.abort();
  }

  pause(): void {
    this.#transport.pause();
  }

  resume(): void {
    this.#transport.resume();
  }
}

/** Which credentials to give a proxy that asks for authentication. */
function authenticationAdvice(challenges: string | undefined): string {
  const schemes = [...(challenges ?? "").matchAll(/(?:^|,)\s*([A-Za-z-]+)(?=\s|,|$)/g)].map(([, scheme]) =>
    scheme!
  );
  const known = schemes.length === 0 || schemes.some((scheme) => /^(?:basic|bearer)$/i.test(scheme));
  return known
    ? " Put a user name and password in the URL of the option proxy, or add a proxy-authorization header to it."
    : ` It only accepts ${
      schemes.map(printable).join(" or ")
    }, which woshou does not support: use a proxy that accepts Basic, or run a local one in front of it (such as cntlm or px).`;
}
