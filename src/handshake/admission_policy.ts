/**
 * Whom a server admits: the origins of pages that may connect, against cross-site WebSocket hijacking (RFC 6455, section
 * 10.2), and the host names that it answers for, against DNS rebinding.
 *
 * @module
 */
import { type Authority, isLoopbackHost, isSameHost, matchesHost, matchesOrigin } from "../http/authority.ts";

/** Whom a server admits. */
export interface AdmissionPolicy {
  /**
   * Origins whose pages may connect. `"same-host"` (the default) admits a page of the host and port that the
   * request names; a list admits whole origins, `https://app.example` or `https://*.example.com`; `"any"` switches
   * the check off. A request without `Origin` does not come from a browser and is admitted (RFC 6455, section 10.2).
   *
   * @default "same-host"
   */
  readonly origins?: "same-host" | "any" | (string & Record<never, never>) | readonly string[];
  /**
   * Host names that the server answers for, against DNS rebinding: names, `*.example.com`, or `"loopback"` for
   * localhost, 127.0.0.0/8 and [::1]. The port is not compared.
   *
   * @default "any"; of `serve()` on a loopback address `"loopback"`
   */
  readonly hosts?: "loopback" | "any" | (string & Record<never, never>) | readonly string[];
}

/** Whether the server answers for the host that a request names. */
export function isHostAllowed({ host }: Authority, { hosts = "any" }: AdmissionPolicy): boolean {
  if (hosts === "any") return true;
  return hosts === "loopback" ? isLoopbackHost(host) : matchesHost(host, listOf(hosts));
}

/** Whether pages of this origin may connect. */
export function isOriginAllowed(
  origin: string,
  authority: Authority,
  { origins = "same-host" }: AdmissionPolicy,
): boolean {
  if (origins === "any") return true;
  return origins === "same-host" ? isSameHost(origin, authority) : matchesOrigin(origin, listOf(origins));
}

/** One string is a list of one. */
function listOf(list: string | readonly string[]): readonly string[] {
  return typeof list === "string" ? [list] : list;
}
