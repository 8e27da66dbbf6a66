/**
 * Where a redirect leads, and what may be sent there (RFC 9110, section 15.4).
 *
 * @module
 */
import { HandshakeError } from "../handshake/handshake_error.ts";
import type { ResponseHead } from "../http/head.ts";
import type { HeaderLine } from "../http/response.ts";
import { printable } from "../http/printable.ts";
import { readUrl } from "./url.ts";
import type { TlsClientOptions } from "../transport/transport.ts";

/** One request on the way to a connection. */
export interface Hop {
  /** Its target, an `http:` or `https:` URL. */
  readonly url: URL;
  /** The caller's header lines. */
  readonly headers: readonly HeaderLine[];
  /** The caller's TLS options. */
  readonly tls: TlsClientOptions | undefined;
}

const STATUSES: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** Whether this status is a redirect. */
export function isRedirect(status: number): boolean {
  return STATUSES.has(status);
}

// To the URL Standard a backslash is a slash, tabs are ignored, and the slashes after a scheme may be missing.
const USER = /([/\\]{2}|^[^:/\\]*:[/\\]*)[^/\\]*@/g;

/** The target of a redirect for an error message: without query and user info, which may be secret. */
export function describeLocation(location: string): string {
  return printable(asUtf8(location).replaceAll("\t", "").replace(/[?#].*$/s, "?...").replace(USER, "$1"));
}

/** Follows redirects from the URL given by the caller. */
export class Redirects {
  readonly #limit: number;
  readonly #visited: Set<string> = new Set();

  /** Follows up to `limit` redirects. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Whether redirects are followed at all. */
  get followed(): boolean {
    return this.#limit > 0;
  }

  /**
   * The next request. The caller's headers and client certificate are not sent to another origin, since any of them
   * may be a secret. Throws a `HandshakeError` if the redirect cannot be followed.
   */
  next({ url, headers, tls }: Hop, head: ResponseHead): Hop {
    const fail = (reason: string, message: string): never => {
      throw new HandshakeError(message, {
        step: "response",
        reason,
        section: "RFC 9110, section 15.4",
        status: head.status,
        headers: head.headers,
      });
    };
    const location = head.headers.get("location");
    const named = location === undefined ? "" : ` to ${describeLocation(location)}`;
    this.#visited.add(url.href);
    if (this.#visited.size > this.#limit) {
      fail(
        "redirect-limit",
        `The server redirects${named}, after ${this.#limit} redirects (option redirects).`,
      );
    }
    const target = location === undefined || head.headers.count("location") > 1
      ? undefined
      : targetOf(asUtf8(location), url);
    if (target === undefined) {
      return fail(
        "redirect-invalid",
        `The server redirects${named || " nowhere"}: that is not a WebSocket URL.`,
      );
    }
    if (url.protocol === "https:" && target.protocol === "http:") {
      fail(
        "redirect-insecure",
        `The server redirects${named}, which is not encrypted: such a redirect is never followed.`,
      );
    }
    if (this.#visited.has(target.href)) {
      fail("redirect-loop", `The server redirects${named}, which has redirected before: a loop.`);
    }
    if (target.origin === url.origin) return { url: target, headers, tls };
    return { url: target, headers: [], tls: tls?.ca === undefined ? undefined : { ca: tls.ca } };
  }
}

/**
 * Decodes a field value, one character per byte, as UTF-8 if it is valid UTF-8. Servers send such paths, though RFC
 * 3986, section 2.5, wants the bytes percent-encoded.
 */
function asUtf8(value: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(
      Uint8Array.from(value, (each) => each.charCodeAt(0)),
    );
  } catch {
    return value;
  }
}

function targetOf(location: string, base: URL): URL | undefined {
  try {
    const target = new URL(location, base);
    // RFC 9110, section 10.2.2, lets a Location have a fragment; a WebSocket has no use for it.
    target.hash = "";
    return readUrl(target);
  } catch {
    return undefined;
  }
}
