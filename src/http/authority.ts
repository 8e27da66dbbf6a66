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

// Most requests name the host that the one before has named.
let lastText = "";
let lastAuthority: Authority | undefined;

/** Reads a `Host` value, or the authority of an absolute URI. Answers `undefined` when it is not valid. */
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

// RFC 3986, section 3.2.2: reg-name = *( unreserved / pct-encoded / sub-delims ), here with no comma: a list of
// hosts is what a merging proxy makes of two Host lines.
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

/** RFC 1034, section 3.1: a name that ends with a dot is the same name, written whole. */
function withoutRoot(host: string): string {
  return host.endsWith(".") ? host.slice(0, -1) : host;
}

/** Whether a host is a loopback name: `localhost`, `*.localhost`, 127.0.0.0/8 or `[::1]`. */
export function isLoopbackHost(name: string): boolean {
  const host = withoutRoot(name);
  if (host === "localhost" || host.endsWith(".localhost") || host === "[::1]") return true;
  return host.startsWith("127.") && isIpv4(host);
}

/** Whether a name is on the list: exactly, or below a `*.` entry, which stands for one label or more. */
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
 * Whether a page's origin is the host that it talks to. The scheme is not compared, since TLS often ends at a proxy
 * in front; a port that is left out is the default of the origin's own scheme. `null` is never the same.
 */
export function isSameHost(origin: string, requested: Authority): boolean {
  const from = parseOrigin(origin);
  if (from === undefined || withoutRoot(from.host) !== withoutRoot(requested.host)) return false;
  const fallback = DEFAULT_PORTS[from.scheme] ?? "";
  // Without a port, an application's own scheme, such as tauri://localhost, names no host of the network.
  if (from.port === "" && fallback === "") return false;
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
