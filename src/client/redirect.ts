/**
 * Where a redirect leads, and what may go there (RFC 9110, section 15.4).
 *
 * @module
 */
import { HandshakeError } from "../handshake/handshake_error.ts";
import type { ResponseHead } from "../http/head.ts";
import type { HeaderLine } from "../http/response.ts";
import { printable } from "../http/printable.ts";
import { readUrl } from "./url.ts";
import type { TlsClientOptions } from "../transport/transport.ts";

/** One of the requests that may lead to a connection. */
export interface Hop {
  /** Where it goes, as an `http:` or `https:` URL. */
  readonly url: URL;
  /** The caller's header lines. */
  readonly headers: readonly HeaderLine[];
  /** The caller's TLS options. */
  readonly tls: TlsClientOptions | undefined;
}

const STATUSES: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** Whether a response of this status says where to go instead. */
export function isRedirect(status: number): boolean {
  return STATUSES.has(status);
}

// To the URL Standard a backslash is a slash, a tab is nothing, and the slashes behind a scheme may be missing.
const USER = /([/\\]{2}|^[^:/\\]*:[/\\]*)[^/\\]*@/g;

/** Where a redirect leads, fit for an error: without the query and the user, which may hold secrets. */
export function describeLocation(location: string): string {
  return printable(asUtf8(location).replaceAll("\t", "").replace(/[?#].*$/s, "?...").replace(USER, "$1"));
}

/** Follows redirects, from the URL that the caller gave. */
export class Redirects {
  readonly #limit: number;
  readonly #visited: Set<string> = new Set();

  /** Up to `limit` of them. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Whether any are followed. */
  get followed(): boolean {
    return this.#limit > 0;
  }

  /**
   * The next request. Headers that the caller gave, and the client certificate, go no further than their origin: which
   * of them is a secret only the caller knows. Throws a `HandshakeError` where the redirect cannot be followed.
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
        `The server redirects${named || " nowhere"}: no WebSocket can be there.`,
      );
    }
    if (url.protocol === "https:" && target.protocol === "http:") {
      fail(
        "redirect-insecure",
        `The server redirects${named}, where nothing is encrypted: that is never followed.`,
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
 * A field's value, each character of which is one byte, as UTF-8 if it is that: servers put such a path there, though RFC
 * 3986, section 2.5, wants its bytes percent-encoded.
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
