/**
 * The URLs that a WebSocket can be opened at (RFC 6455, section 3).
 *
 * @module
 */

/** Why a URL cannot be used. */
export interface UrlFault {
  /** Whether it is a URL at all. */
  readonly kind: "no-url" | "no-websocket";
  /** What to do instead. */
  readonly message: string;
}

// The WebSockets Standard takes http: and https: for ws: and wss:.
const SCHEMES: Readonly<Record<string, "http" | "https">> = {
  "ws:": "http",
  "wss:": "https",
  "http:": "http",
  "https:": "https",
};

/** Reads a URL, and gives it as `http:` or `https:`; the fault of one that cannot be used. */
export function parseUrl(text: string | URL): URL | UrlFault {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    // The error of the runtime would repeat the text, which may hold a password or a token.
    return {
      kind: "no-url",
      message: "Cannot connect to this URL: give an absolute one, such as ws://host/path.",
    };
  }
  const scheme = SCHEMES[url.protocol];
  if (scheme === undefined) {
    return {
      kind: "no-websocket",
      message: `Cannot connect to ${url.protocol} URLs: give one that begins with ws:// or wss://.`,
    };
  }
  // RFC 6455, section 3: "Fragment identifiers are meaningless in the context of WebSocket URIs and MUST NOT be used".
  if (url.href.includes("#")) {
    return {
      kind: "no-websocket",
      message: "Cannot connect to a URL with a fragment: leave out the # and what follows.",
    };
  }
  return url.protocol === `${scheme}:` ? url : new URL(scheme + url.href.slice(url.protocol.length - 1));
}

/**
 * Reads a URL that a WebSocket can be opened at, and gives it as `http:` or `https:`. Throws a `TypeError` for no URL,
 * a `SyntaxError` for one that cannot be used.
 */
export function readUrl(text: string | URL): URL {
  const url = parseUrl(text);
  if (!(url instanceof URL)) throw new (url.kind === "no-url" ? TypeError : SyntaxError)(url.message);
  if (url.username !== "" || url.password !== "") {
    throw new SyntaxError(
      "Cannot connect with a user name or password in the URL: send an authorization header.",
    );
  }
  return url;
}
