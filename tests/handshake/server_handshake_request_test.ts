import assert from "node:assert/strict";
import { test } from "../harness.ts";
import { assertOpening, assertPlain, assertRefused } from "./verdicts.ts";
import { assertPending, FRAME, judged, KEY, plainRequest, request } from "./support.ts";

test("RFC 6455, section 4.2.1: any method but GET is refused with 405, in any case", () => {
  for (
    const method of ["POST", "HEAD", "PUT", "OPTIONS", "DELETE", "get", "Get", "GETX", "XGET", "__proto__"]
  ) {
    const { judgement } = assertRefused(request({}, { line: `${method} / HTTP/1.1` }), "method-not-allowed");
    assert.equal(judgement.head?.method, method);
  }
  assertRefused(request({ "Content-Length": "5" }, { line: "POST / HTTP/1.1" }), "method-not-allowed");
});

test("RFC 9110, section 7.8: an HTTP/1.0 request opens no WebSocket", () => {
  assertRefused(request({}, { line: "GET / HTTP/1.0" }), "http-version-unsupported");
  assertRefused(request({ Host: [] }, { line: "GET / HTTP/1.0" }), "http-version-unsupported");
});

test("RFC 9112, section 2.3: a higher minor version of HTTP/1 is read as HTTP/1.1", () => {
  for (const minor of [2, 9]) {
    const opening = assertOpening(request({}, { line: `GET / HTTP/1.${minor}` }));
    assert.equal(opening.head.minorVersion, minor);
  }
  assertRefused(request({ Host: [] }, { line: "GET / HTTP/1.2" }), "host-missing");
});

test("RFC 9110, section 15.6.6: another major version is refused with 505", () => {
  for (const version of ["HTTP/0.9", "HTTP/2.0", "HTTP/3.0"]) {
    assertRefused(request({}, { line: `GET / ${version}` }), "http-version-unsupported");
  }
  assertRefused("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "http-version-unsupported");
});

test("RFC 9112, section 3: a malformed request line is refused with 400", () => {
  for (
    const line of [
      "GET /",
      "GET / http/1.1",
      "GET / HTTP/1.10",
      "GET\t/\tHTTP/1.1",
      "GET / HTTP/1.1 ",
      "GET",
      "G@T / HTTP/1.1",
    ]
  ) {
    assertRefused(request({}, { line }), "start-line-malformed");
  }
});

test("RFC 9112, section 3.2: a request without Host is refused with 400", () => {
  assertRefused(request({ Host: [] }), "host-missing");
  assertRefused(plainRequest("GET / HTTP/1.1", {}), "host-missing");
  assertRefused(request({ Host: [] }, { line: "GET http://localhost/ HTTP/1.1" }), "host-missing");
});

test("RFC 9112, section 3.2: two Host lines are refused with 400, even if equal", () => {
  for (
    const hosts of [["localhost", "localhost"], ["localhost", "evil.example"], ["", "localhost"], [
      "a",
      "b",
      "c",
    ]]
  ) {
    assertRefused(request({ Host: hosts }), "host-repeated");
    assertRefused(plainRequest("GET / HTTP/1.1", { Host: hosts }), "host-repeated");
    assertRefused(plainRequest("GET / HTTP/1.0", { Host: hosts }), "host-repeated");
    assertRefused(request({ Host: hosts }, { line: "GET http://localhost/ HTTP/1.1" }), "host-repeated");
  }
  assertRefused(request({ host: "localhost" }), "host-repeated");
});

test("RFC 9112, section 3.2: an invalid Host is refused with 400", () => {
  for (
    const host of [
      "",
      "local host",
      "user@localhost",
      "localhost, evil.example",
      "localhost,localhost",
      "localhost:80x",
      "localhost:65536",
      "localhost:-1",
      "http://localhost",
      "localhost/",
      "[::1",
      "::1",
      "h\u00e9",
      "a\\b",
      "\u00e2\u0084\u00aa",
    ]
  ) {
    assertRefused(request({ Host: host }), "host-invalid");
    assertRefused(plainRequest("GET / HTTP/1.1", { Host: host }), "host-invalid");
    assertRefused(plainRequest("GET / HTTP/1.0", { Host: host }), "host-invalid");
    const absolute = "GET http://localhost/ HTTP/1.1";
    if (host !== "") assertRefused(request({ Host: host }, { line: absolute }), "host-invalid");
  }
});

test("RFC 9112, section 3.2: any other form of target is refused with 400", () => {
  for (
    const target of [
      "*",
      "chat",
      "localhost:80",
      "",
      "?a",
      "#a",
      "/#a",
      "/a?b#c",
      "http://localhost/#a",
      "/a b",
      " /",
      "/\u00e9",
      "ftp://localhost/",
      "httpx://localhost/",
      "xhttp://localhost/",
      "http:/localhost/",
      "http:localhost",
      "http://",
      "http:///chat",
      "http://?a",
      "http://user@localhost/",
      "http://user:password@localhost/",
      "http://local,host/",
      "http://localhost:x/",
      "http://localhost:65536/",
      "http://[::1/",
      "file:///etc/passwd",
      "__proto__",
      "\\chat",
    ]
  ) {
    assertRefused(request({}, { line: `GET ${target} HTTP/1.1` }), "request-target-invalid");
    assertRefused(plainRequest(`GET ${target} HTTP/1.1`), "request-target-invalid");
  }
  assertRefused(request({}, { line: "CONNECT localhost:80 HTTP/1.1" }), "request-target-invalid");
  assert.equal(assertPlain(plainRequest("OPTIONS * HTTP/1.1")).resourceName, "*");
  assertRefused(request({}, { line: "OPTIONS * HTTP/1.1" }), "method-not-allowed");
});

test("RFC 9112, section 5.1: white space before a colon is refused with 400", () => {
  for (const name of ["Host", "Upgrade", "Sec-WebSocket-Key", "X-Foo", "Content-Length"]) {
    assertRefused(request({}, { more: [`${name} : a`] }), "header-space-before-colon");
    assertRefused(request({}, { more: [`${name}\t: a`] }), "header-space-before-colon");
  }
});

test("RFC 9112, section 5.2: a folded line is refused with 400, and a key inside it does not count", () => {
  assertRefused(request({}, { more: ["X: a", " b"] }), "header-folded");
  assertRefused(
    request({ "Sec-WebSocket-Key": [] }, { more: ["X: a", ` Sec-WebSocket-Key: ${KEY}`] }),
    "header-folded",
  );
  assertRefused(request({}, { line: "GET / HTTP/1.1\r\n X: a" }), "header-folded");
});

test("RFC 9112, section 5: lines without a colon and bad names are refused with 400", () => {
  assertRefused(request({}, { more: ["This is not a header"] }), "header-without-colon");
  for (const line of [": a", "X(Foo): a", "X-F\u00f6\u00f6: a", "X Foo: a", "X@: a"]) {
    assertRefused(request({}, { more: [line] }), "header-name-invalid");
  }
  assertRefused(request({}, { more: ["X-\0: a"] }), "control-character");
});

test("RFC 9112, section 2.2: LF alone and CR alone are refused with 400, and end no line", () => {
  assertRefused(request().replaceAll("\r\n", "\n"), "line-feed-alone");
  assertRefused(request().slice(0, -2) + "\n", "line-feed-alone");
  assertRefused(request({}, { more: ["X: a\nY: b"] }), "line-feed-alone");
  assertRefused(request({}, { more: ["X: a\rb"] }), "control-character");
  assertRefused(
    request({ "Sec-WebSocket-Key": [] }, { more: [`X: a\rSec-WebSocket-Key: ${KEY}`] }),
    "control-character",
  );
  for (const character of ["\0", "\x01", "\x08", "\x0b", "\x1f", "\x7f"]) {
    assertRefused(request({}, { more: [`X: a${character}b`] }), "control-character");
    assertRefused(request({}, { line: `GET /${character} HTTP/1.1` }), "control-character");
  }
});

test("RFC 9112, section 6.2: Content-Length: 0 is no body", () => {
  for (const length of ["0", "00", "0000000000000000000000", "0, 0", ["0", "0"], ["0", "0", "0"]]) {
    assertOpening(request({ "Content-Length": length }), {}, FRAME);
  }
});

test("RFC 9110, section 7.8: a handshake with a body is refused with 400, and what follows is no frame", () => {
  for (
    const length of ["5", "14", "1", "01", "14, 14", ["14", "14"], "9".repeat(400), "18446744073709551616"]
  ) {
    const { rest } = assertRefused(request({ "Content-Length": length }) + FRAME, "body-not-allowed");
    assert.equal(rest, FRAME);
    assert.ok(assertPlain(plainRequest("GET / HTTP/1.1", { Host: "a", "Content-Length": length })).hasBody);
    assert.ok(assertPlain(plainRequest("HEAD / HTTP/1.1", { Host: "a", "Content-Length": length })).hasBody);
  }
  for (const coding of ["chunked", "Chunked", "gzip, chunked", "gzip,,chunked,"]) {
    assertRefused(request({ "Transfer-Encoding": coding }), "body-not-allowed");
    assert.ok(
      assertPlain(plainRequest("GET / HTTP/1.1", { Host: "a", "Transfer-Encoding": coding })).hasBody,
    );
  }
});

test("RFC 9112, section 6.3: a body whose end cannot be told is refused with 400, whatever the method", () => {
  for (const method of ["GET", "HEAD", "POST", "PUT"]) {
    const refused = (headers: Record<string, string>): void => {
      const line = `${method} / HTTP/1.1`;
      assertRefused(request(headers, { line }), "transfer-encoding-invalid");
      assertRefused(plainRequest(line, { Host: "a", ...headers }), "transfer-encoding-invalid");
    };
    for (const coding of ["gzip", "identity", "chunked, gzip", "xchunked", ""]) {
      refused({ "Transfer-Encoding": coding });
    }
    for (const length of ["0", "5"]) refused({ "Transfer-Encoding": "chunked", "Content-Length": length });
  }
});

test("RFC 9112, section 6.3: an invalid Content-Length, or two that differ, are refused with 400", () => {
  const lengths: (string | string[])[] = [
    "",
    ",",
    " , ,",
    "abc",
    "-1",
    "-0",
    "+0",
    "0x0",
    "0.0",
    "0e0",
    "1e1",
    "0 0",
    "0;",
    "0/",
    "0:",
    '"0"',
    "\u00b2",
    "0, 5",
    "0, 00",
    ["0", "5"],
    ["5", "0"],
    ["0", "00"],
    ["0", "a"],
    ["", ""],
  ];
  for (const length of lengths) {
    assertRefused(request({ "Content-Length": length }), "content-length-invalid");
    assertRefused(
      request({ "Content-Length": length }, { line: "POST / HTTP/1.1" }),
      "content-length-invalid",
    );
    assertRefused(
      plainRequest("POST / HTTP/1.1", { Host: "a", "Content-Length": length }),
      "content-length-invalid",
    );
  }
});

test("RFC 9112, section 3: a target of 8000 octets and more opens a WebSocket, 414 comes beyond the limit", () => {
  const target = (length: number): string => `/?${"a".repeat(length)}`;
  for (const length of [7980, 12_000]) assertOpening(request({}, { line: `GET ${target(length)} HTTP/1.1` }));
  assertRefused(request({}, { line: `GET ${target(17_000)} HTTP/1.1` }), "start-line-too-long");
  const { decidedAt } = assertRefused(`GET /${"a".repeat(70_000)}`, "start-line-too-long");
  assert.equal(decidedAt, 16 * 1024 + 1);
});

test("RFC 6585, section 5: headers too large or too many are refused with 431, exactly beyond the limits", () => {
  const padded = (size: number): string => {
    const empty = request({ "X-Pad": "" });
    return request({ "X-Pad": "a".repeat(size - empty.length) });
  };
  const limits = { maxHeadSize: 1024, maxHeaders: 8 };
  assertOpening(padded(1024), {}, FRAME, limits);
  const { decidedAt } = assertRefused(padded(1025), "headers-too-large", {}, limits);
  assert.equal(decidedAt, 1025);
  const extra = (count: number): string => request({}, { more: Array<string>(count).fill("X: a") });
  assertOpening(extra(3), {}, FRAME, limits);
  assertRefused(extra(4), "headers-too-many", {}, limits);
  assertPending(request().slice(0, -2), { maxHeadSize: request().length, maxHeaders: 5 });
  const endless = assertRefused(request().slice(0, -2) + "X: " + "a".repeat(70_000), "headers-too-large");
  assert.equal(endless.decidedAt, 16 * 1024 + 1);
});

test("RFC 9112, section 2.2: what is no HTTP is refused with 400 at once", () => {
  assert.equal(assertRefused("\x16\x03\x01\x02\0\x01\0\x01\xfc", "tls-on-plain-port").decidedAt, 1);
  assert.equal(assertRefused("\x05\x01\x00", "not-http").decidedAt, 1);
  assert.equal(assertRefused("\r\n".repeat(8000), "not-http").decidedAt, 4);
  assert.equal(assertRefused(FRAME, "not-http").decidedAt, 1);
  assertRefused("SSH-2.0-OpenSSH_9.6\r\n", "start-line-malformed");
  assertRefused("{}\r\n", "not-http");
});

test("RFC 9110, section 3.1: of a head that cannot be read nothing is kept", () => {
  const { judgement } = judged(request({}, { more: ["x"] }));
  assert.ok(judgement.kind === "refused");
  assert.equal(judgement.head, undefined);
  const whole = judged(request({ Host: [] })).judgement;
  assert.ok(whole.kind === "refused");
  assert.equal(whole.head?.method, "GET");
});
