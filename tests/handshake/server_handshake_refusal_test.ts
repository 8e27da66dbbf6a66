import assert from "node:assert/strict";
import { test } from "../harness.ts";
import type { HeadDefect } from "../../src/http/head.ts";
import { type RefusalCode, refuse } from "../../src/handshake/refusal.ts";
import type { AdmissionPolicy } from "../../src/handshake/admission_policy.ts";
import { refusalBytes } from "../../src/handshake/server_response.ts";
import { assertRefused, EXPECTED } from "./verdicts.ts";
import { KEY, readResponse, request, textOf } from "./support.ts";
import { requestHead } from "./readers.ts";

/** What the layers above decide: the request itself never leads to these. */
type DecidedAbove =
  | "not-a-websocket-request"
  | "subprotocol-unsupported"
  | "path-not-found"
  | "protocol-unsupported"
  | "handshake-timeout"
  | "body-timeout"
  | "connections-exhausted"
  | "address-exhausted"
  | "server-busy"
  | "server-shutting-down"
  | "upgrade-failed"
  | "refused-by-application";

const START = "GET / HTTP/1.1\r\n";

/** One request for each code that a request can lead to: one more code without a row is an error of the compiler. */
const REQUESTS: Readonly<Record<Exclude<RefusalCode, DecidedAbove> | HeadDefect, string>> = {
  "tls-on-plain-port": "\x16\x03\x01",
  "not-http": "\x00",
  "line-feed-alone": "GET / HTTP/1.1\n",
  "control-character": `${START}X: \0\r\n`,
  "start-line-malformed": "GET /\r\n",
  "start-line-too-long": `GET /${"a".repeat(17_000)}`,
  "http-version-unsupported": "GET / HTTP/2.0\r\n",
  "request-target-invalid": request({}, { line: "GET * HTTP/1.1" }),
  "header-folded": `${START}X: a\r\n b\r\n`,
  "header-space-before-colon": `${START}X : a\r\n`,
  "header-without-colon": `${START}X\r\n`,
  "header-name-invalid": `${START}: a\r\n`,
  "headers-too-large": `${START}X: ${"a".repeat(17_000)}`,
  "headers-too-many": START + "X: a\r\n".repeat(101),
  "host-missing": request({ Host: [] }),
  "host-repeated": request({ Host: ["a", "a"] }),
  "host-invalid": request({ Host: "a b" }),
  "host-not-allowed": request({ Host: "evil.example" }),
  "content-length-invalid": request({ "Content-Length": "x" }),
  "transfer-encoding-invalid": request({ "Transfer-Encoding": "gzip" }),
  "body-not-allowed": request({ "Content-Length": "1" }),
  "method-not-allowed": request({}, { line: "POST / HTTP/1.1" }),
  "upgrade-missing": request({ Upgrade: [] }),
  "connection-missing": request({ Connection: [] }),
  "key-missing": request({ "Sec-WebSocket-Key": [] }),
  "key-repeated": request({ "Sec-WebSocket-Key": [KEY, KEY] }),
  "key-invalid": request({ "Sec-WebSocket-Key": "x" }),
  "version-missing": request({ "Sec-WebSocket-Version": [] }),
  "version-unsupported": request({ "Sec-WebSocket-Version": "8" }),
  "subprotocol-invalid": request({ "Sec-WebSocket-Protocol": "a b" }),
  "extension-malformed": request({ "Sec-WebSocket-Extensions": ";" }),
  "origin-repeated": request({ Origin: ["http://localhost", "http://localhost"] }),
  "origin-not-allowed": request({ Origin: "http://evil.example" }),
};

const POLICIES: Partial<Record<RefusalCode, AdmissionPolicy>> = { "host-not-allowed": { hosts: "loopback" } };

const DATE = new Date(Date.UTC(2026, 0, 2, 3, 4, 5));

for (const [code, raw] of Object.entries(REQUESTS) as [keyof typeof REQUESTS, string][]) {
  test(`${EXPECTED[code].section}: a request leads to ${code}, and to one whole response`, () => {
    assertRefused(raw, code, POLICIES[code]);
  });
}

test("RFC 9110, section 9.3.2: a refused HEAD is answered with the same head and no body", () => {
  for (const code of Object.keys(EXPECTED) as RefusalCode[]) {
    const refusal = refuse(code);
    const get = textOf(refusalBytes(refusal, requestHead(`GET / HTTP/1.1\r\n\r\n`), DATE));
    const head = textOf(refusalBytes(refusal, requestHead(`HEAD / HTTP/1.1\r\n\r\n`), DATE));
    assert.equal(head, get.slice(0, get.indexOf("\r\n\r\n") + 4), code);
    assert.notEqual(get.length, head.length, code);
    assert.equal(textOf(refusalBytes(refusal, undefined, DATE)), get);
  }
});

test("RFC 9112, section 6.2: Content-Length counts bytes, not characters", () => {
  const refusal = refuse("path-not-found", { detail: "\u63e1\u624b, caf\u00e9." });
  for (const accept of ["*/*", "application/json"]) {
    const { head, body } = readResponse(
      refusalBytes(refusal, requestHead(`GET / HTTP/1.1\r\nAccept: ${accept}\r\n\r\n`), DATE),
    );
    assert.ok(body.includes("\u63e1\u624b, caf\u00e9."));
    assert.equal(head.headers.get("content-length"), String(new TextEncoder().encode(body).length));
  }
});

test("RFC 9110, section 12.5.1: a peer that accepts JSON gets JSON, any other gets text", () => {
  const refusal = refuse("origin-not-allowed");
  const respond = (lines: string) =>
    readResponse(refusalBytes(refusal, requestHead(`GET / HTTP/1.1\r\n${lines}\r\n`), DATE));
  for (
    const lines of [
      "Accept: application/json\r\n",
      "Accept: APPLICATION/JSON\r\n",
      "Accept: text/html, application/json;q=0.9, */*\r\n",
      "Accept: text/html\r\nAccept: application/json\r\n",
    ]
  ) {
    const { head, body } = respond(lines);
    assert.equal(head.headers.get("content-type"), "application/json", lines);
    const { code, status, section, message } = refusal;
    assert.deepEqual(JSON.parse(body), { code, status, section, message });
  }
  for (const lines of ["", "Accept: */*\r\n", "Accept: text/html\r\n", "Accept: x-application/json\r\n"]) {
    const { head, body } = respond(lines);
    assert.equal(head.headers.get("content-type"), "text/plain; charset=utf-8", lines);
    assert.equal(body, `${refusal.message}\n(${refusal.code}; ${refusal.section})\n`);
  }
});

test("RFC 9110, section 6.6.1: the whole response, byte for byte", () => {
  const refusal = refuse("version-unsupported");
  const body = `${refusal.message}\n(version-unsupported; RFC 6455, section 4.4)\n`;
  assert.equal(
    textOf(refusalBytes(refusal, undefined, DATE)),
    "HTTP/1.1 426 Upgrade Required\r\n" +
      "Connection: close, Upgrade\r\n" +
      "Upgrade: websocket\r\n" +
      "Sec-WebSocket-Version: 13\r\n" +
      "Date: Fri, 02 Jan 2026 03:04:05 GMT\r\n" +
      "Content-Type: text/plain; charset=utf-8\r\n" +
      `Content-Length: ${body.length}\r\n` +
      "Cache-Control: no-store\r\n" +
      "X-Content-Type-Options: nosniff\r\n\r\n" +
      body,
  );
});

test("CVE-2020-35678: headers of a refusal cannot begin a line of their own", () => {
  const refusal = refuse("method-not-allowed", { allow: "GET\r\nSet-Cookie: a=b" });
  assert.throws(() => refusalBytes(refusal, undefined, DATE), TypeError);
});

test("RFC 9110, section 15.5: a status of the caller's own is written, with a reason if it has one", () => {
  const { head } = readResponse(
    refusalBytes(refuse("refused-by-application", { status: 401 }), undefined, DATE),
  );
  assert.equal(head.status, 401);
  assert.equal(head.reason, "Unauthorized");
  const other = readResponse(
    refusalBytes(refuse("refused-by-application", { status: 418 }), undefined, DATE),
  );
  assert.equal(other.head.status, 418);
  assert.equal(other.head.reason, "");
});
