/**
 * Requests that `node:http` has read, judged by our rules.
 *
 * @module
 */
import { HeaderFields, listHolds, toAsciiLowerCase, trimmed } from "../http/header_fields.ts";
import type { RequestHead } from "../http/head.ts";
import type { UpgradedRequest } from "../http/without_upgrade.ts";
import { refuse } from "../handshake/refusal.ts";
import { readTarget } from "../handshake/request_target.ts";
import { judge, type Judgement, type JudgementPolicy, pathOf } from "../handshake/server_handshake.ts";

/** Judges a request. */
export function judgementOf(request: UpgradedRequest, policy: JudgementPolicy): Judgement {
  // The parser of node:http accepts HTTP/0.9 and HTTP/2.0.
  if (!/^1\.[0-9]$/.test(request.httpVersion)) {
    return { kind: "refused", refusal: refuse("http-version-unsupported"), head: undefined };
  }
  return judge(headOf(request), policy);
}

/** The head of a request. */
export function headOf({ method = "", url = "", httpVersion, rawHeaders }: UpgradedRequest): RequestHead {
  const headers = new HeaderFields();
  let text = `${method} ${url} HTTP/${httpVersion}\r\n`;
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const [name, raw] = [rawHeaders[i]!, rawHeaders[i + 1]!];
    const value = trimmed(raw, 0, raw.length);
    headers.append(toAsciiLowerCase(name), value);
    text += `${name}: ${value}\r\n`;
  }
  return { method, target: url, minorVersion: Number(httpVersion.slice(2)), headers, text: text + "\r\n" };
}

/**
 * For whom an upgrade is: an acceptor's, for a WebSocket on a path of others, or for no WebSocket. What cannot be told is
 * the acceptor's to refuse.
 */
export function whoseIs(
  { method, url = "", rawHeaders }: UpgradedRequest,
  isOurs: (path: string) => unknown,
): { readonly kind: "ours" | "elsewhere" | "plain"; readonly upgrade: string } {
  let upgrade = "";
  let isWebSocket = false;
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = toAsciiLowerCase(rawHeaders[i]!);
    if (name === "upgrade") upgrade += `${upgrade === "" ? "" : ", "}${rawHeaders[i + 1]!}`;
    isWebSocket ||= name === "sec-websocket-key" || name === "sec-websocket-version";
  }
  if (!isWebSocket && !listHolds(upgrade, "websocket")) return { kind: "plain", upgrade };
  const target = readTarget(url, method);
  const kind = target === undefined || isOurs(pathOf(target.resourceName)) !== undefined
    ? "ours"
    : "elsewhere";
  return { kind, upgrade };
}
