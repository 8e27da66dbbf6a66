import assert from "node:assert/strict";
import { test } from "../harness.ts";
import { refusalBody, type RefusalCode, refuse } from "../../src/handshake/refusal.ts";
import { assertRefusal, EXPECTED } from "./verdicts.ts";

const CODES = Object.keys(EXPECTED) as RefusalCode[];

for (const code of CODES) {
  const { status, section } = EXPECTED[code];
  test(`${section}: ${code} is refused with ${status} and says what to do`, () => {
    const refusal = refuse(code);
    assertRefusal(refusal, code, code);
    assert.match(refusal.message, /^[A-Z].*[.;]$/, "whole sentences");
    assert.match(refusal.section, /^RFC \d{4}, section \d+(\.\d+)*$/);
    assert.ok(!/[^\x20-\x7e]/.test(refusal.message), "ASCII");
  });
}

test("RFC 9110, section 15: a refusal is a 4xx or 5xx, never a success", () => {
  for (const code of CODES) {
    const { status } = refuse(code);
    assert.ok(status >= 400 && status <= 599, code);
  }
});

test("RFC 9110, section 15.5.22: a 426 names the protocol, whoever chose the status", () => {
  assert.deepEqual(refuse("refused-by-application", { status: 426 }).headers, [["Upgrade", "websocket"]]);
  assert.deepEqual(refuse("not-a-websocket-request", { status: 400 }).headers, []);
});

test("RFC 9110, section 15.5.6: a 405 names the methods that are allowed", () => {
  assert.deepEqual(refuse("method-not-allowed").headers, [["Allow", "GET"]]);
  assert.deepEqual(refuse("method-not-allowed", { allow: "GET, HEAD" }).headers, [["Allow", "GET, HEAD"]]);
  assert.deepEqual(refuse("not-a-websocket-request", { status: 405 }).headers, [["Allow", "GET"]]);
  assert.deepEqual(refuse("not-a-websocket-request", { allow: "GET, HEAD" }).headers, [[
    "Upgrade",
    "websocket",
  ]]);
});

test("RFC 6455, section 4.4: a refused version is answered with ours, whatever the status", () => {
  for (const status of [400, 426]) {
    for (const code of ["version-missing", "version-unsupported"] as const) {
      const refusal = refuse(code, { status });
      assert.equal(refusal.status, status);
      assert.deepEqual(refusal.headers, [["Upgrade", "websocket"], ["Sec-WebSocket-Version", "13"]]);
    }
  }
});

test("RFC 9110, section 15.5: a detail is a further sentence behind the message", () => {
  const plain = refuse("path-not-found");
  const detailed = refuse("path-not-found", { detail: "Try /chat." });
  assert.equal(detailed.message, `${plain.message} Try /chat.`);
  assert.deepEqual({ ...detailed, message: "" }, { ...plain, message: "" });
  assert.equal(refuse("path-not-found", { detail: undefined }).message, plain.message);
});

test("RFC 6455, section 4.2.1: a lost Upgrade or Connection header names all three nginx directives", () => {
  for (const code of ["upgrade-missing", "connection-missing"] as const) {
    const { message } = refuse(code);
    assert.match(message, /proxy_http_version 1\.1;/);
    assert.match(message, /proxy_set_header Upgrade \$http_upgrade;/);
    assert.match(message, /proxy_set_header Connection "upgrade";/);
  }
});

test("RFC 9110, section 15.5: a body is two lines of text, or one JSON object", () => {
  for (const code of CODES) {
    const refusal = refuse(code, { detail: 'With "quotes", \\ and \u63e1\u624b.' });
    assert.equal(
      refusalBody(refusal, false),
      `${refusal.message}\n(${code}; ${refusal.section})\n`,
    );
    const json = refusalBody(refusal, true);
    assert.ok(json.endsWith("}\n"));
    const { status, section, message } = refusal;
    assert.deepEqual(JSON.parse(json), { code, status, section, message });
  }
});

test("RFC 9110, section 10.2.3: a refusal may say after how many seconds to try again", () => {
  const { status, headers } = refuse("server-shutting-down", { retryAfter: 7 });
  assert.equal(status, 503);
  assert.deepEqual(headers, [["Retry-After", "7"]]);
  assert.deepEqual(refuse("server-shutting-down").headers, []);
});
