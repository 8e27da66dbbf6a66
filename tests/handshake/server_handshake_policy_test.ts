import assert from "node:assert/strict";
import { test } from "../harness.ts";
import { assertOpening, assertPlain, assertRefused } from "./verdicts.ts";
import { judged, plainRequest, request } from "./support.ts";
import type { JudgementPolicy } from "../../src/handshake/server_handshake.ts";

test("RFC 6455, section 10.2: a page of the same host and port may connect", () => {
  const rows: [string, string][] = [
    ["http://localhost", "localhost"],
    ["http://localhost:80", "localhost"],
    ["http://localhost", "localhost:80"],
    ["http://localhost:8080", "localhost:8080"],
    ["https://app.example", "app.example"],
    ["https://APP.example", "app.EXAMPLE:443"],
    ["http://[::1]:8080", "[::1]:8080"],
  ];
  for (const [origin, host] of rows) {
    assertOpening(request({ Host: host, Origin: origin }));
    assertOpening(request({ Host: host, Origin: origin }), { origins: "same-host" });
  }
});

test("RFC 6455, section 4.2.1: a request without Origin comes from no browser and is admitted", () => {
  assertOpening(request());
  assertOpening(request(), { origins: ["https://app.example"] });
  assertOpening(request(), { origins: [] });
});

test("CVE-2018-14732, CVE-2025-24010, CVE-2025-30360: a page of any other origin is refused with 403", () => {
  for (
    const origin of [
      "http://evil.example",
      "http://localhost.evil.example",
      "http://evil-localhost",
      "http://sub.localhost",
      "http://203.0.113.7",
      "http://127.0.0.1",
      "http://[::1]",
      "http://localhost:8080",
      "http://localhost/",
      "http://localhost@evil.example",
      "http://localhost, http://localhost",
      "file://",
      "",
      "localhost",
      "*",
    ]
  ) {
    assertRefused(request({ Origin: origin }), "origin-not-allowed");
  }
  assertRefused(request({ Host: "localhost:8080", Origin: "http://localhost" }), "origin-not-allowed");
});

test("RFC 6454, section 7.1 (GHSA-jcc7-9wpm-mj36): the origin null is refused with 403 unless it is listed", () => {
  assertRefused(request({ Origin: "null" }), "origin-not-allowed");
  assertRefused(request({ Host: "null", Origin: "null" }), "origin-not-allowed");
  assertRefused(request({ Origin: "null" }), "origin-not-allowed", { origins: ["https://app.example"] });
  assertOpening(request({ Origin: "null" }), { origins: ["null"] });
});

test("RFC 6454, section 7.3: two Origin lines are refused with 400, whatever the policy", () => {
  for (const policy of [{}, { origins: "any" }, { origins: ["http://localhost"] }] as const) {
    assertRefused(request({ Origin: ["http://localhost", "http://localhost"] }), "origin-repeated", policy);
    assertRefused(
      request({ Origin: ["http://localhost", "http://evil.example"] }),
      "origin-repeated",
      policy,
    );
  }
});

test("CVE-2022-42975: listed origins are admitted, wildcards anchored at a label, and nothing else", () => {
  const policy = { origins: ["https://app.example", "https://*.example.com"] };
  for (const origin of ["https://app.example", "https://app.example:443", "https://a.b.example.com"]) {
    assertOpening(request({ Origin: origin }), policy);
  }
  for (
    const origin of [
      "http://localhost",
      "http://app.example",
      "https://example.com",
      "https://evilexample.com",
      "https://a.example.com.evil.example",
      "https://app.example:8443",
    ]
  ) {
    assertRefused(request({ Origin: origin }), "origin-not-allowed", policy);
  }
  assertRefused(request({ Origin: "http://localhost" }), "origin-not-allowed", { origins: [] });
});

test("RFC 6455, section 10.2: any origin is admitted where that is written out", () => {
  for (const origin of ["http://evil.example", "null", "", "nonsense"]) {
    assertOpening(request({ Origin: origin }), { origins: "any" });
  }
});

test("CVE-2025-66414, GHSA-9h52-p55h-vw2f: with hosts set to loopback only loopback names are answered", () => {
  const policy = { hosts: "loopback" } as const;
  for (
    const host of [
      "localhost",
      "LOCALHOST:8080",
      "app.localhost",
      "127.0.0.1",
      "127.1.2.3:1",
      "[::1]",
      "[::1]:80",
    ]
  ) {
    assertOpening(request({ Host: host }), policy);
    assertPlain(plainRequest("GET / HTTP/1.1", { Host: host }), policy);
  }
  for (
    const host of [
      "rebind.evil.example",
      "localhost.evil.example",
      "127.0.0.1.evil.example",
      "192.168.0.1",
      "[::2]",
      "0.0.0.0",
    ]
  ) {
    assertRefused(request({ Host: host, Origin: `http://${host}` }), "host-not-allowed", policy);
    assertRefused(plainRequest("GET / HTTP/1.1", { Host: host }), "host-not-allowed", policy);
    assertOpening(request({ Host: host, Origin: `http://${host}` }), { hosts: "any" });
    assertOpening(request({ Host: host, Origin: `http://${host}` }));
  }
});

test("RFC 9110, section 7.4: a list of hosts is kept to, whatever the port, with wildcards at labels", () => {
  const policy = { hosts: ["App.example", "*.example.com"] };
  for (const host of ["app.example", "APP.EXAMPLE:8080", "a.example.com", "a.b.example.com:1"]) {
    assertOpening(request({ Host: host }), policy);
  }
  for (
    const host of ["localhost", "example.com", "evilexample.com", "app.example.evil.example", "x.app.example"]
  ) {
    assertRefused(request({ Host: host }), "host-not-allowed", policy);
  }
  assertRefused(request(), "host-not-allowed", { hosts: [] });
});

test("CVE-2026-44578: an absolute target's authority is compared in place of Host, and only that", () => {
  const line = "GET http://169.254.169.254/latest/meta-data HTTP/1.1";
  assertRefused(request({}, { line }), "host-not-allowed", { hosts: "loopback" });
  assertRefused(plainRequest(line), "host-not-allowed", { hosts: ["localhost"] });
  assertRefused(request({ Origin: "http://localhost" }, { line }), "origin-not-allowed");
  const inside = "GET http://localhost:8080/ HTTP/1.1";
  assertOpening(request({ Host: "evil.example", Origin: "http://localhost:8080" }, { line: inside }), {
    hosts: "loopback",
  });
  assertRefused(
    request({ Host: "evil.example", Origin: "http://evil.example" }, { line: inside }),
    "origin-not-allowed",
  );
});

test("RFC 9112, section 3.2: an HTTP/1.0 request without Host names none, and is plain under any policy", () => {
  assert.equal(assertPlain("GET / HTTP/1.0\r\n\r\n", { hosts: "loopback" }).authority, undefined);
  assertRefused("GET / HTTP/1.0\r\nHost: evil.example\r\n\r\n", "host-not-allowed", { hosts: "loopback" });
});

test("one string is a list of one", () => {
  const page = { Host: "app.example", Origin: "https://page.example" };
  assertOpening(request(page), { origins: "https://page.example", hosts: "app.example" });
  assertRefused(request(page), "origin-not-allowed", { origins: "https://other.example" });
  assertRefused(request(page), "host-not-allowed", { hosts: "other.example" });
});

test("a WebSocket on a path that is not ours is for others, whatever else is wrong with it; hosts hold for it", () => {
  const policy: JudgementPolicy = {
    originsOn: (path) => path === "/chat" ? "same-host" : path === "/open" ? "any" : undefined,
    hosts: ["localhost"],
  };
  const foreign = { Origin: "https://other.example" };
  const at = (path: string, fields: Record<string, string> = {}): string =>
    request(fields, { line: `GET ${path} HTTP/1.1` });
  assertOpening(at("/chat?a=/open"), policy);
  assertRefused(at("/chat", foreign), "origin-not-allowed", policy);
  assertOpening(at("/open", foreign), policy);
  for (const fields of [{}, foreign, { "Sec-WebSocket-Key": "short" }, { "Content-Length": "5" }]) {
    const { judgement } = judged(at("/other?a=b", fields), policy);
    assert.equal(judgement.kind, "elsewhere");
    assert.ok(judgement.kind === "elsewhere");
    assert.equal(judgement.resourceName, "/other?a=b");
    assert.equal(judgement.head.target, "/other?a=b");
    assert.deepEqual(judgement.authority, { host: "localhost", port: "" });
  }
  assertRefused(at("/other", { Host: "evil.example" }), "host-not-allowed", policy);
  assertPlain(plainRequest("GET /other HTTP/1.1"), policy);
});
