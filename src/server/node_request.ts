/**
 * Requests that `node:http` has read, judged by our rules.
 *
 * @module
 */
import { HeaderFields, toAsciiLowerCase, trimmed } from "../http/header_fields.ts";
import type { RequestHead } from "../http/head.ts";
import type { UpgradedRequest } from "../http/without_upgrade.ts";
import { refuse } from "../handshake/refusal.ts";
import { judge, type Judgement, type JudgementPolicy } from "../handshake/server_handshake.ts";

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
