/**
 * The request target (RFC 9112, section 3.2).
 *
 * @module
 */
import { headerFieldsOf } from "../http/head.ts";
import { type Authority, parseAuthority } from "../http/authority.ts";
import { type HeaderFields, toAsciiLowerCase } from "../http/header_fields.ts";

/** A request target. */
export interface Target {
  /** Host and port, if the target is an absolute URI. */
  readonly authority?: Authority;
  /** The path and query; `*` for the server as a whole. */
  readonly resourceName: string;
}

/** Parses origin-form, absolute-form, and the asterisk-form of OPTIONS (RFC 9112, section 3.2). */
export function readTarget(target: string, method = "GET"): Target | undefined {
  // RFC 9112, section 3.2.4: "only used for a server-wide OPTIONS request".
  if (target === "*" && method === "OPTIONS") return { resourceName: target };
  if (target.includes("#")) return undefined;
  if (target.startsWith("/")) return { resourceName: target };
  const lower = toAsciiLowerCase(target);
  // RFC 6455, section 4.2.1: "an absolute HTTP/HTTPS URI containing the /resource name/".
  const scheme = ["http://", "https://", "ws://", "wss://"].find((each) => lower.startsWith(each));
  if (scheme === undefined) return undefined;
  const rest = target.slice(scheme.length);
  const end = firstOf(rest, "/?");
  const authority = parseAuthority(rest.slice(0, end));
  if (authority === undefined) return undefined;
  const resourceName = rest.slice(end);
  return { authority, resourceName: resourceName.startsWith("/") ? resourceName : `/${resourceName}` };
}

function firstOf(text: string, characters: string): number {
  for (let i = 0; i < text.length; i++) if (characters.includes(text[i]!)) return i;
  return text.length;
}

/** Parses the text of an accepted request's head again: its header fields, authority and resource name. */
export function readAgain(
  text: string,
): { headers: HeaderFields; authority: Authority; resourceName: string } {
  const headers = headerFieldsOf(text);
  const { authority, resourceName } = readTarget(text.slice(text.indexOf(" ") + 1, text.indexOf(" HTTP/")))!;
  return { headers, authority: authority ?? parseAuthority(headers.get("host")!)!, resourceName };
}
