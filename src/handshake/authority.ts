/**
 * Who asks, and whom: the host that a request names and the origin of the page that sent it (RFC 6455,
 * sections 4.2.1 and 10.2).
 *
 * @module
 */
import { isTokenCharacter, toAsciiLowerCase } from "./header_fields.ts";

/** A host and a port, in lower case; `port` is `""` where none is written. */
export interface Authority {
  /** A name, an IPv4 address, or an IPv6 address in brackets. */
  readonly host: string;
  /** Decimal digits, or nothing. */
  readonly port: string;
}

/** Reads a `Host` value, or the authority of an absolute URI. Answers `undefined` when it is not valid. */
export function parseAuthority(text: string): Authority | undefined {
  const lower = toAsciiLowerCase(text);
  const end = lower.startsWith("[") ? lower.indexOf("]") + 1 : colonOrEnd(lower);
  const host = lower.slice(0, end);
  const rest = lower.slice(end);
  if (!(host.startsWith("[") ? isIpLiteral(host) : isRegisteredName(host))) return undefined;
  if (rest === "") return { host, port: "" };
  const port = rest.slice(1);
  return rest[0] === ":" && isPort(port) ? { host, port } : undefined;
}

function colonOrEnd(text: string): number {
  const colon = text.indexOf(":");
  return colon === -1 ? text.length : colon;
}

function isPort(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 0x30;
    if (digit < 0 || digit > 9) return false;
  }
  return text.length <= 5 && Number(text) <= 65535;
}

// RFC 3986, section 3.2.2: IP-literal. The digits and colons inside need no closer look: it is only compared.
function isIpLiteral(host: string): boolean {
  for (let i = 1; i < host.length - 1; i++) {
    const character = host[i]!;
    if (
      !("0" <= character && character <= "9") && !("a" <= character && character <= "f") &&
      !":.".includes(character)
    ) {
      return false;
    }
  }
  return host.length >= 4 && host.endsWith("]");
}

// RFC 3986, section 3.2.2: reg-name = *( unreserved / pct-encoded / sub-delims ), here with no comma: a list of
// hosts is what a merging proxy makes of two Host lines.
function isRegisteredName(host: string): boolean {
  if (host === "") return false;
  for (let i = 0; i < host.length; i++) {
    const character = host[i]!;
    const allowed = isTokenCharacter(host.charCodeAt(i)) || "=;()".includes(character);
    if (!allowed || "^`|#".includes(character)) return false;
  }
  return true;
}

/** Whether a host is a loopback name: `localhost`, `*.localhost`, 127.0.0.0/8 or `[::1]`. */
export function isLoopbackHost(host: string): boolean {
  if (host === "localhost" || host.endsWith(".localhost") || host === "[::1]") return true;
  const parts = host.split(".");
  return parts.length === 4 && parts[0] === "127" &&
    parts.every((part) => part !== "" && isPort(part) && Number(part) < 256);
}

/** Whether a name is on the list: exactly, or below a `*.` entry, which stands for one label or more. */
export function matchesHost(host: string, patterns: readonly string[]): boolean {
  return patterns.some((pattern) => {
    const lower = toAsciiLowerCase(pattern);
    return lower.startsWith("*.")
      ? host.endsWith(lower.slice(1)) && host.length > lower.length - 1
      : host === lower;
  });
}

const DEFAULT_PORTS: Readonly<Record<string, string>> = { http: "80", https: "443", ws: "80", wss: "443" };

interface Origin extends Authority {
  readonly scheme: string;
}

function parseOrigin(text: string): Origin | undefined {
  const separator = text.indexOf("://");
  if (separator < 1) return undefined;
  const authority = parseAuthority(text.slice(separator + 3));
  if (authority === undefined) return undefined;
  return { scheme: toAsciiLowerCase(text.slice(0, separator)), ...authority };
}

/**
 * Whether a page's origin is the host that it talks to. The scheme is not compared, since TLS often ends at a proxy
 * in front; a port that is left out is the default of the origin's own scheme. `null` is never the same.
 */
export function isSameHost(origin: string, requested: Authority): boolean {
  const from = parseOrigin(origin);
  if (from === undefined || from.host !== requested.host) return false;
  const fallback = DEFAULT_PORTS[from.scheme] ?? "";
  return (from.port || fallback) === (requested.port || fallback);
}

/**
 * Whether an origin is on the list. An entry is a whole origin, `https://app.example`; with `*.` before the host
 * it stands for every host below it, of that scheme and port. `null` has to be listed by that word.
 */
export function matchesOrigin(origin: string, patterns: readonly string[]): boolean {
  const from = parseOrigin(origin);
  return patterns.some((pattern) => {
    const wanted = parseOrigin(pattern);
    if (from === undefined || wanted === undefined) return origin === pattern;
    const port = (authority: Origin): string => authority.port || (DEFAULT_PORTS[authority.scheme] ?? "");
    return from.scheme === wanted.scheme && port(from) === port(wanted) &&
      matchesHost(from.host, [wanted.host]);
  });
}
