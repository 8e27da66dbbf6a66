/**
 * The server's side of the opening handshake over HTTP/2 (RFC 8441): an extended CONNECT, judged by the rules of HTTP/1.1
 * wherever they are the same.
 *
 * @module
 */
import { parseAuthority } from "../http/authority.ts";
import { HeaderFields, toAsciiLowerCase, trimmed } from "../http/header_fields.ts";
import type { RequestHead } from "../http/head.ts";
import { hasControlCharacter, isVisibleAscii } from "../http/printable.ts";
import { isKey } from "./accept_key.ts";
import { isHostAllowed } from "./admission_policy.ts";
import { type RefusalCode, refuse } from "./refusal.ts";
import { readTarget } from "./request_target.ts";
import {
  announcesBody,
  bodyDefect,
  isNotAsItSays,
  type Judgement,
  type JudgementPolicy,
  judgeOffer,
  NOT_OURS,
  originsAt,
  pathOf,
} from "./server_handshake.ts";

/** A CONNECT request of HTTP/2. */
export interface ConnectRequest {
  /** The request head: method and target, and the header fields, with `:authority` as `host`. */
  readonly head: RequestHead;
  /** `:protocol`, in lower case; `undefined` for a CONNECT that is not extended. */
  readonly protocol: string | undefined;
  /** `:scheme`. */
  readonly scheme: string | undefined;
}

/** Reads a CONNECT request from its header fields: names and values in turn, as `node:http2` has them. */
export function readConnect(fields: readonly string[]): ConnectRequest {
  const pseudo = new Map<string, string>();
  const headers = new HeaderFields();
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const name = toAsciiLowerCase(fields[i]!);
    const value = fields[i + 1]!;
    if (name.startsWith(":")) pseudo.set(name, value);
    else headers.append(name, trimmed(value, 0, value.length));
  }
  const target = pseudo.get(":path") ?? "";
  const authority = pseudo.get(":authority");
  // RFC 9113, section 8.3.1: a server "SHOULD treat a request as malformed if it contains a Host header field that
  // identifies an entity that differs from the entity in the ":authority" pseudo-header field."
  const host = headers.get("host");
  const all = new HeaderFields();
  if (authority !== undefined) all.append("host", authority);
  for (const [name, value] of headers) {
    const isTheSame = name === "host" && authority !== undefined &&
      toAsciiLowerCase(host!) === toAsciiLowerCase(authority);
    if (!isTheSame) all.append(name, value);
  }
  let text = `CONNECT ${target} HTTP/2\r\n`;
  for (const [name, value] of all) text += `${name}: ${value}\r\n`;
  return {
    head: { method: "CONNECT", target, minorVersion: 0, headers: all, text: text + "\r\n" },
    protocol: pseudo.has(":protocol") ? toAsciiLowerCase(pseudo.get(":protocol")!) : undefined,
    scheme: pseudo.get(":scheme"),
  };
}

/** Judges a CONNECT request. */
export function judgeConnect({ head, protocol, scheme }: ConnectRequest, policy: JudgementPolicy): Judgement {
  // No refusal of HTTP/2 has status 426, which demands the header Upgrade: RFC 9113, section 8.2.2, forbids that.
  const refused = (code: RefusalCode, status?: number): Judgement => ({
    kind: "refused",
    refusal: refuse(code, status === undefined ? {} : { status }),
    head,
  });
  if (protocol === undefined) return refused("method-not-allowed");
  // RFC 9220, section 3: "If a server [...] receives an Extended CONNECT request with a ":protocol" value that is unknown
  // or is not supported, the server SHOULD respond to the request with a 501 (Not Implemented) status code".
  if (protocol !== "websocket") return refused("protocol-unsupported");

  const { headers, target } = head;
  for (const [, value] of headers) if (hasControlCharacter(value)) return refused("control-character");
  // RFC 8441, section 5: the scheme "MUST be "https" for "wss"-schemed WebSockets and "http" for "ws"-schemed
  // WebSockets". Behind a proxy that terminates TLS, both come without TLS.
  const isHttp = scheme === "http" || scheme === "https";
  const resourceName = target.startsWith("/") && isVisibleAscii(target)
    ? readTarget(target)?.resourceName
    : undefined;
  if (!isHttp || resourceName === undefined) return refused("request-target-invalid");
  const path = pathOf(resourceName);
  if (isNotAsItSays(path)) return refused("request-target-invalid");

  if (headers.count("host") > 1) return refused("host-repeated");
  const host = headers.get("host");
  if (host === undefined) return refused("host-missing");
  const authority = parseAuthority(host);
  if (authority === undefined) return refused("host-invalid");
  if (!isHostAllowed(authority, policy)) return refused("host-not-allowed");
  const origins = originsAt(path, policy);
  if (origins === NOT_OURS) return { kind: "elsewhere", head, authority, resourceName };

  const defect = bodyDefect(head);
  if (defect !== undefined) return refused(defect);
  if (announcesBody(head)) return refused("body-not-allowed");

  const version = headers.get("sec-websocket-version");
  if (version === undefined) return refused("version-missing", 400);
  if (version !== "13") return refused("version-unsupported", 400);
  // RFC 8441, section 5: implementations "do not do the processing of the Sec-WebSocket-Key and Sec-WebSocket-Accept
  // header fields". A client that sends a key nevertheless wants it answered.
  const key = headers.get("sec-websocket-key") ?? "";
  if (headers.count("sec-websocket-key") > 1) return refused("key-repeated");
  if (key !== "" && !isKey(key)) return refused("key-invalid");
  return judgeOffer({ head, key, authority, resourceName }, origins);
}
