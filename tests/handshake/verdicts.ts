/** What each refusal must say, and assertions on the judgement of a raw request. */
import assert from "node:assert/strict";
import type { HeadLimits } from "../../src/http/head.ts";
import type { Refusal, RefusalCode } from "../../src/handshake/refusal.ts";
import type {
  JudgementPolicy,
  OpeningRequest,
  PlainJudgement,
  RefusedJudgement,
} from "../../src/handshake/server_handshake.ts";
import { refusalBytes } from "../../src/handshake/server_response.ts";
import { excerpt, type Judged, judged, LIMITS, readResponse } from "./support.ts";

/** What a refusal must say. */
export interface Expected {
  readonly status: number;
  readonly section: string;
  /** What to do about it. */
  readonly mends: RegExp;
  readonly headers?: Refusal["headers"];
}

const UPGRADE: Refusal["headers"][number] = ["Upgrade", "websocket"];
const VERSION: Refusal["headers"][number] = ["Sec-WebSocket-Version", "13"];

/** Every code there is: one more without a row here is an error of the compiler. */
export const EXPECTED: Readonly<Record<RefusalCode, Expected>> = {
  "tls-on-plain-port": { status: 400, section: "RFC 6455, section 3", mends: /ws:\/\/ instead of wss:\/\// },
  "not-http": { status: 400, section: "RFC 9112, section 3", mends: /with a WebSocket client/ },
  "line-feed-alone": { status: 400, section: "RFC 9112, section 2.2", mends: /end each line with CR LF/ },
  "control-character": { status: 400, section: "RFC 9110, section 5.5", mends: /remove it/ },
  "start-line-malformed": {
    status: 400,
    section: "RFC 9112, section 3",
    mends: /write "GET \/path HTTP\/1\.1"/,
  },
  "start-line-too-long": { status: 414, section: "RFC 9112, section 3", mends: /raise maxHeadSize/ },
  "http-version-unsupported": { status: 505, section: "RFC 6455, section 4.2.1", mends: /as HTTP\/1\.1/ },
  "request-target-invalid": { status: 400, section: "RFC 9112, section 3.2", mends: /percent-encoded/ },
  "header-folded": { status: 400, section: "RFC 9112, section 5.2", mends: /each header on one line/ },
  "header-space-before-colon": { status: 400, section: "RFC 9112, section 5.1", mends: /remove it/ },
  "header-without-colon": { status: 400, section: "RFC 9112, section 5", mends: /Name: value/ },
  "header-name-invalid": { status: 400, section: "RFC 9110, section 5.1", mends: /invalid character/ },
  "headers-too-large": { status: 431, section: "RFC 6585, section 5", mends: /raise maxHeadSize/ },
  "headers-too-many": { status: 431, section: "RFC 6585, section 5", mends: /raise maxHeaders/ },
  "host-missing": { status: 400, section: "RFC 9112, section 3.2", mends: /send exactly one/ },
  "host-repeated": { status: 400, section: "RFC 9112, section 3.2", mends: /send exactly one/ },
  "host-invalid": { status: 400, section: "RFC 9112, section 3.2", mends: /optional port/ },
  "host-not-allowed": { status: 421, section: "RFC 9110, section 7.4", mends: /hosts option/ },
  "content-length-invalid": { status: 400, section: "RFC 9112, section 6.3", mends: /single decimal/ },
  "transfer-encoding-invalid": {
    status: 400,
    section: "RFC 9112, section 6.3",
    mends: /does not end in chunked, or comes with a Content-Length/,
  },
  "body-not-allowed": {
    status: 400,
    section: "RFC 9110, section 7.8",
    mends: /without Transfer-Encoding and with no Content-Length other than 0/,
  },
  "method-not-allowed": {
    status: 405,
    section: "RFC 6455, section 4.1",
    mends: /opened with GET/,
    headers: [["Allow", "GET"]],
  },
  "protocol-unsupported": { status: 501, section: "RFC 9220, section 3", mends: /the :protocol websocket/ },
  "not-a-websocket-request": {
    status: 426,
    section: "RFC 6455, section 4.2.1",
    mends: /new WebSocket\(/,
    headers: [UPGRADE],
  },
  "upgrade-missing": {
    status: 426,
    section: "RFC 6455, section 4.2.1",
    mends: /Upgrade header.*proxy_set_header Upgrade \$http_upgrade/,
    headers: [UPGRADE],
  },
  "connection-missing": {
    status: 426,
    section: "RFC 6455, section 4.2.1",
    mends: /Connection header.*proxy_set_header Connection "upgrade"/,
    headers: [UPGRADE],
  },
  "key-missing": { status: 400, section: "RFC 6455, section 4.2.1", mends: /send 16 random bytes in Base64/ },
  "key-repeated": { status: 400, section: "RFC 6455, section 11.3.1", mends: /send exactly one/ },
  "key-invalid": { status: 400, section: "RFC 6455, section 4.2.1", mends: /22 characters and ==/ },
  "version-missing": {
    status: 426,
    section: "RFC 6455, section 4.2.1",
    mends: /send Sec-WebSocket-Version: 13/,
    headers: [UPGRADE, VERSION],
  },
  "version-unsupported": {
    status: 426,
    section: "RFC 6455, section 4.4",
    mends: /send Sec-WebSocket-Version: 13/,
    headers: [UPGRADE, VERSION],
  },
  "subprotocol-invalid": { status: 400, section: "RFC 6455, section 4.1", mends: /Sec-WebSocket-Protocol/ },
  "subprotocol-unsupported": { status: 400, section: "RFC 6455, section 4.2.2", mends: /subprotocols/ },
  "extension-malformed": { status: 400, section: "RFC 6455, section 9.1", mends: /name; parameter=value/ },
  "origin-repeated": { status: 400, section: "RFC 6454, section 7.3", mends: /send at most one/ },
  "origin-not-allowed": { status: 403, section: "RFC 6455, section 10.2", mends: /origins option/ },
  "path-not-found": { status: 404, section: "RFC 6455, section 4.2.2", mends: /at this path/ },
  "handshake-timeout": {
    status: 408,
    section: "RFC 9110, section 15.5.9",
    mends: /send the request at once, or raise handshakeTimeout/,
  },
  "body-timeout": { status: 408, section: "RFC 9110, section 15.5.9", mends: /raise requestTimeout/ },
  "connections-exhausted": { status: 503, section: "RFC 9110, section 15.6.4", mends: /maxConnections/ },
  "address-exhausted": { status: 429, section: "RFC 6585, section 4", mends: /close some first/ },
  "server-busy": { status: 503, section: "RFC 9110, section 15.6.4", mends: /try again later/ },
  "server-shutting-down": { status: 503, section: "RFC 9110, section 15.6.4", mends: /another instance/ },
  "upgrade-failed": { status: 500, section: "RFC 9110, section 15.6.1", mends: /log/ },
  "refused-by-application": { status: 403, section: "RFC 6455, section 4.2.2", mends: /application/ },
};

const DATE = new Date(Date.UTC(2026, 10, 9, 8, 7, 6));

/** Asserts that a refusal says what its code demands, and that its response is one whole HTTP response. */
export function assertRefusal(refusal: Refusal, code: RefusalCode, about: string): void {
  assert.equal(refusal.code, code, about);
  const { status, section, mends, headers = [] } = EXPECTED[code];
  assert.equal(refusal.status, status, code);
  assert.equal(refusal.section, section, code);
  assert.match(refusal.message, mends);
  assert.deepEqual(refusal.headers, headers, code);

  const { head, body } = readResponse(refusalBytes(refusal, undefined, DATE));
  assert.equal(head.status, status);
  assert.notEqual(head.reason, "", `${status} has a reason phrase`);
  assert.equal(head.headers.get("content-length"), String(new TextEncoder().encode(body).length));
  assert.equal(head.headers.get("connection"), status === 426 ? "close, Upgrade" : "close");
  assert.equal(head.headers.get("upgrade"), status === 426 ? "websocket" : undefined);
  assert.equal(head.headers.get("allow"), status === 405 ? "GET" : undefined);
  assert.equal(head.headers.get("date"), "Mon, 09 Nov 2026 08:07:06 GMT");
  for (const [name, value] of headers) assert.equal(head.headers.get(name.toLowerCase()), value);
  assert.ok(body.startsWith(refusal.message), "the body says why");
}

/** Asserts that a raw request is refused with this code, however it is cut. */
export function assertRefused(
  raw: string,
  code: RefusalCode,
  policy: JudgementPolicy = {},
  limits: HeadLimits = LIMITS,
): Judged & { judgement: RefusedJudgement } {
  const answer = judged(raw, policy, limits);
  const { judgement } = answer;
  assert.equal(judgement.kind, "refused", excerpt(raw));
  assert.ok(judgement.kind === "refused");
  assertRefusal(judgement.refusal, code, excerpt(raw));
  return { ...answer, judgement };
}

/** Asserts that a raw request opens a WebSocket, and that `rest` follows its head. */
export function assertOpening(
  raw: string,
  policy: JudgementPolicy = {},
  rest = "",
  limits: HeadLimits = LIMITS,
): OpeningRequest {
  const { judgement, rest: left } = judged(raw + rest, policy, limits);
  assert.ok(judgement.kind === "opening", `${excerpt(raw)}: ${excerpt(JSON.stringify(judgement))}`);
  assert.equal(left, rest, "what follows the head is left");
  assert.equal(judgement.request.head.text, raw, "the head is kept as it came");
  return judgement.request;
}

/** Asserts that a raw request is an ordinary one. */
export function assertPlain(raw: string, policy: JudgementPolicy = {}, rest = ""): PlainJudgement {
  const { judgement, rest: left } = judged(raw + rest, policy);
  assert.ok(judgement.kind === "plain", `${excerpt(raw)}: ${excerpt(JSON.stringify(judgement))}`);
  assert.equal(left, rest, "what follows the head is left");
  return judgement;
}
