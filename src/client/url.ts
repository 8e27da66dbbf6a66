/**
 * WebSocket URLs (RFC 6455, section 3).
 *
 * @module
 */

/** Why a URL is invalid here. */
export interface UrlFault {
  /** Not a URL, or a URL that is not a WebSocket's. */
  readonly kind: "no-url" | "no-websocket";
  /** What is wrong and what to do instead. */
  readonly message: string;
}

// The WebSockets Standard accepts http: for ws: and https: for wss:.
const SCHEMES: Readonly<Record<string, "http" | "https">> = {
  "ws:": "http",
  "wss:": "https",
  "http:": "http",
  "https:": "https",
};

/** Parses a URL and returns it as `http:` or `https:`, or says why it is invalid. */
export function parseUrl(text: string | URL): URL | UrlFault {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    // The runtime's error would repeat the text, which may contain a password or token.
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
 * Parses a WebSocket URL and returns it as `http:` or `https:`. Throws a `TypeError` if it is not a URL, and a
 * `SyntaxError` if it is not a WebSocket URL.
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
