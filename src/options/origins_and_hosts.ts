/**
 * Entries of the lists `origins` and `hosts`: an entry that can never match throws.
 *
 * @module
 */
import { parseAuthority } from "../http/authority.ts";
import { listOf, type Reader } from "./values.ts";

/** The allowed origins. */
export const origins: Reader = (value, name) => {
  if (value === "same-host" || value === "any") return value;
  return listOf(value, name, "origins").map((entry) => originEntry(entry));
};

/** An entry that an `Origin` header can equal. Some devices send a path, and files send `null` or `file://`. */
function originEntry(entry: string): string {
  if (entry === "null" || entry === "file://") return entry;
  const cannot = (why: string): TypeError =>
    new TypeError(`Cannot use ${JSON.stringify(entry)} in option origins: ${why}`);
  if (entry === "*") throw cannot('to allow every origin, give "any" instead of the list.');
  if (entry === "any" || entry === "same-host") throw cannot("give it instead of the list.");
  const [, scheme = "", rest = ""] = /^([a-z][a-z0-9+.-]*):\/\/(.*)$/i.exec(entry) ?? [];
  if (scheme === "") {
    throw cannot(`an origin begins with its scheme, such as "https://${entry.replace(/^\/+/, "")}".`);
  }
  if (/^wss?$/i.test(scheme)) {
    throw cannot(`the page's origin is compared, which begins with http:// or https://.`);
  }
  const [host = "", path] = split(rest, "/");
  if (path !== undefined && path !== "") return entry;
  const authority = parseAuthority(toAscii(host));
  if (authority === undefined || !isHostPattern(authority.host)) {
    throw cannot(
      'the scheme must be followed by a host, optionally with a port: "https://app.example" or "https://*.app.example".',
    );
  }
  return `${scheme}://${authority.host}${authority.port === "" ? "" : `:${authority.port}`}`;
}

/** The host names that a server answers for. */
export const hosts: Reader = (value, name) => {
  if (value === "loopback" || value === "any") return value;
  return listOf(value, name, "host names").map((entry) => hostEntry(entry));
};

function hostEntry(entry: string): string {
  const cannot = (why: string): TypeError =>
    new TypeError(`Cannot use ${JSON.stringify(entry)} in option hosts: ${why}`);
  if (entry === "*") throw cannot('to answer for every name, give "any" instead of the list.');
  if (entry === "any" || entry === "loopback") throw cannot("give it instead of the list.");
  if (entry.includes("/")) throw cannot("give only the name, without a scheme or a path.");
  const bare = /^[0-9a-f:.]+$/i.test(entry) && entry.split(":").length > 2 ? `[${entry}]` : entry;
  const authority = parseAuthority(toAscii(bare));
  if (authority === undefined || !isHostPattern(authority.host)) {
    throw cannot('give a name, such as "app.example", or "*.app.example" for those below it.');
  }
  if (bare.endsWith(`:${authority.port}`)) throw cannot("the port is not compared: leave it out.");
  return authority.host;
}

function split(text: string, separator: string): [string, string | undefined] {
  const at = text.indexOf(separator);
  return at === -1 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}

/** A `*` matches the labels before a name, and is allowed nowhere else. */
function isHostPattern(host: string): boolean {
  return !host.replace(/^\*\.(?=.)/, "").includes("*");
}

/** An internationalized name in ASCII (punycode), as browsers write it in `Origin` and `Host`. */
function toAscii(authority: string): string {
  // deno-lint-ignore no-control-regex
  if (/^[\x00-\x7f]*$/.test(authority) || !URL.canParse(`http://${authority}`)) return authority;
  return new URL(`http://${authority}`).host;
}
