/**
 * The host that a request names, and the origin of the page that sent it (RFC 6455, sections 4.2.1 and 10.2).
 *
 * @module
 */
import { isTokenCharacter, toAsciiLowerCase } from "./header_fields.ts";

/** A host and a port, in lower case; `port` is `""` if it is absent. */
export interface Authority {
  /** A name, an IPv4 address, or an IPv6 address in brackets. */
  readonly host: string;
  /** Decimal digits, or empty. */
  readonly port: string;
}

// Most requests name the same host as the one before.
let lastText = "";
let lastAuthority: Authority | undefined;

/** Parses a `Host` value, or the authority of an absolute URI. Returns `undefined` if it is invalid. */
export function parseAuthority(text: string): Authority | undefined {
  if (text !== lastText) {
    lastAuthority = readAuthority(text);
    lastText = text;
  }
  return lastAuthority;
}

function readAuthority(text: string): Authority | undefined {
  const lower = toAsciiLowerCase(text);
  const end = lower.startsWith("[") ? lower.indexOf("]") + 1 : colonOrEnd(lower);
  const host = lower.slice(0, end);
  const rest = lower.slice(end);
  if (!(host.startsWith("[") ? isIpLiteral(host) : isRegisteredName(host))) return undefined;
  const port = rest.slice(1);
  if (rest === "" || rest === ":") return { host, port: "" };
  return rest[0] === ":" && isPort(port) ? { host, port: String(Number(port)) } : undefined;
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
  return Number(text) <= 65535;
}

// RFC 3986, section 3.2.2: IPv6address in brackets: eight groups of up to four hexadecimal digits, the last two of which
// may be an IPv4 address, and "::" once for one group of zeros or more.
function isIpLiteral(host: string): boolean {
  const halves = host.slice(1, -1).split("::");
  if (halves.length > 2) return false;
  let groups = 0;
  for (const [index, half] of halves.entries()) {
    const parts = half === "" ? [] : half.split(":");
    if (index === halves.length - 1 && parts.at(-1)?.includes(".")) {
      if (!isIpv4(parts.pop()!)) return false;
      groups += 2;
    }
    if (!parts.every((part) => part.length <= 4 && part !== "" && [...part].every(isHexDigit))) return false;
    groups += parts.length;
  }
  return halves.length === 2 ? groups < 8 : groups === 8;
}

function isHexDigit(character: string | undefined): boolean {
  return character !== undefined && "0123456789abcdef".includes(character);
}

function isIpv4(text: string): boolean {
  let numbers = 0;
  for (let start = 0; start <= text.length;) {
    const dot = text.indexOf(".", start);
    const end = dot === -1 ? text.length : dot;
    const part = text.slice(start, end);
    if (part === "" || part.length > 3 || !isPort(part) || Number(part) > 255) return false;
    numbers++;
    start = end + 1;
  }
  return numbers === 4;
}

// RFC 3986, section 3.2.2: reg-name = *( unreserved / pct-encoded / sub-delims ), here without commas: a merging
// proxy turns two Host lines into a list.
const NAME_CHARACTERS: Uint8Array = /* @__PURE__ */ (() => {
  const table = new Uint8Array(128);
  for (let code = 0; code < table.length; code++) {
    const character = String.fromCharCode(code);
    const allowed = isTokenCharacter(code) || "=;()".includes(character);
    table[code] = allowed && !"^`|#".includes(character) ? 1 : 0;
  }
  return table;
})();
const PERCENT = 0x25;

function isRegisteredName(host: string): boolean {
  if (host === "") return false;
  for (let i = 0; i < host.length; i++) {
    const code = host.charCodeAt(i);
    if (NAME_CHARACTERS[code] !== 1) return false;
    if (code === PERCENT && !(isHexDigit(host[i + 1]) && isHexDigit(host[i + 2]))) return false;
  }
  return true;
}

/** RFC 1034, section 3.1: a name with a final dot is the same name, fully qualified. */
function withoutRoot(host: string): string {
  return host.endsWith(".") ? host.slice(0, -1) : host;
}

/** Whether a host is a loopback name: `localhost`, `*.localhost`, 127.0.0.0/8 or `[::1]`. */
export function isLoopbackHost(name: string): boolean {
  const host = withoutRoot(name);
  if (host === "localhost" || host.endsWith(".localhost") || host === "[::1]") return true;
  return host.startsWith("127.") && isIpv4(host);
}

/** Whether a name is listed: exactly, or by a `*.` entry, which matches one or more labels. */
export function matchesHost(name: string, patterns: readonly string[]): boolean {
  const host = withoutRoot(name);
  return patterns.some((pattern) => {
    const lower = withoutRoot(toAsciiLowerCase(pattern));
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
 * Whether a page's origin and the requested host are the same. The scheme is not compared, since TLS often ends at a
 * proxy in front. A missing port is the default of the origin's scheme. `null` is never the same.
 */
export function isSameHost(origin: string, requested: Authority): boolean {
  const from = parseOrigin(origin);
  if (from === undefined || withoutRoot(from.host) !== withoutRoot(requested.host)) return false;
  const fallback = DEFAULT_PORTS[from.scheme] ?? "";
  // An application's own scheme without a port, such as tauri://localhost, names no network host.
  if (from.port === "" && fallback === "") return false;
  return (from.port || fallback) === (requested.port || fallback);
}

/**
 * Whether an origin is listed. An entry is a whole origin, `https://app.example`; `*.` before the host matches every
 * subdomain with that scheme and port. `null` must be listed as `null`.
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
