/**
 * Converts the header fields given by an application to lines.
 *
 * @module
 */
import type { HeaderLine } from "../http/response.ts";

/**
 * The header lines of a `Headers`, an array or a plain object. Throws a `TypeError` for anything else and for invalid
 * header fields. The message does not repeat a value, which may be secret.
 */
export function headerLines(init: HeadersInit | undefined): HeaderLine[] {
  if (init === undefined) return [];
  try {
    // Names keep their case and order. A `Headers` has lower-case names, which some servers do not accept.
    if (init instanceof Headers) return [...init].map(([name, value]) => [usualName(name), value]);
    const lines = Symbol.iterator in init ? [...init] : Object.entries(init);
    return lines.map((line) => [line[0]!, [...new Headers([line as [string, string]])][0]![1]]);
  } catch {
    throw new TypeError(
      "Cannot send these headers: a name is not a token, or a value contains a line break, a NUL or a character beyond U+00FF.",
    );
  }
}

/** `Sec-WebSocket-Key` for `sec-websocket-key`. */
function usualName(name: string): string {
  return name.replace(/^sec-websocket/, "Sec-WebSocket").replace(
    /(?<![^-])[a-z]/g,
    (letter) => letter.toUpperCase(),
  );
}
