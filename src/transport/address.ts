/**
 * Writes addresses in the same way on every runtime.
 *
 * @module
 */

/** Where to dial or listen: the common part of the options. */
export type Address = { hostname: string; port: number } | { path: string };

const MAPPED = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i;

/** An IP address, with an IPv4-mapped one as plain IPv4; `""` for none. */
export function plainAddress(address: string | undefined): string {
  if (address === undefined) return "";
  return MAPPED.exec(address)?.[1] ?? address;
}

/** A host as sockets need it: an IPv6 address without the brackets of a URL. */
export function bareHost(hostname: string): string {
  return hostname.startsWith("[") && hostname.endsWith("]") ? hostname.slice(1, -1) : hostname;
}

/** Describes an address in an error message. */
export function describeAddress(address: Address): string {
  if ("path" in address) return address.path;
  const host = bareHost(address.hostname);
  return host.includes(":") ? `[${host}]:${address.port}` : `${host}:${address.port}`;
}
