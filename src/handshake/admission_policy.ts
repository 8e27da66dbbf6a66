/**
 * Which clients a server accepts: page origins, against cross-site WebSocket hijacking (RFC 6455, section 10.2), and
 * host names, against DNS rebinding.
 *
 * @module
 */
import { type Authority, isLoopbackHost, isSameHost, matchesHost, matchesOrigin } from "../http/authority.ts";

/** Which clients a server accepts. */
export interface AdmissionPolicy {
  /**
   * Allowed page origins. `"same-host"` (the default): pages of the host and port that the request names. A list:
   * whole origins, such as `https://app.example` or `https://*.example.com`. `"any"`: no check. A request without `Origin` does not come from a browser and is accepted (RFC 6455, section 10.2).
   *
   * @default "same-host"
   */
  readonly origins?: "same-host" | "any" | (string & Record<never, never>) | readonly string[];
  /**
   * Host names that the server answers for, against DNS rebinding: names, `*.example.com`, or `"loopback"` for
   * localhost, 127.0.0.0/8 and [::1]. The port is ignored.
   *
   * @default "any"; `"loopback"` for `serve()` on a loopback address
   */
  readonly hosts?: "loopback" | "any" | (string & Record<never, never>) | readonly string[];
}

/** Whether the server answers for the host in the request. */
export function isHostAllowed({ host }: Authority, { hosts = "any" }: AdmissionPolicy): boolean {
  if (hosts === "any") return true;
  return hosts === "loopback" ? isLoopbackHost(host) : matchesHost(host, listOf(hosts));
}

/** Whether pages of this origin may connect. */
export function isOriginAllowed(
  origin: string,
  authority: Authority,
  origins: AdmissionPolicy["origins"] = "same-host",
): boolean {
  if (origins === "any") return true;
  return origins === "same-host" ? isSameHost(origin, authority) : matchesOrigin(origin, listOf(origins));
}

/** A string is a list of one. */
function listOf(list: string | readonly string[]): readonly string[] {
  return typeof list === "string" ? [list] : list;
}
