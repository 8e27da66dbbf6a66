import assert from "node:assert/strict";
import { test } from "../harness.ts";
import {
  answerHead,
  assertAnswerDefect,
  assertRequestDefect,
  readRequest,
  requestHead,
} from "../handshake/readers.ts";

function requestLine(line: string): string {
  return `${line}\r\n\r\n`;
}

test("RFC 9112, section 3: a request line is method, target and version", () => {
  const rows: [string, string, string, number][] = [
    ["GET / HTTP/1.1", "GET", "/", 1],
    ["GET / HTTP/1.0", "GET", "/", 0],
    ["GET / HTTP/1.2", "GET", "/", 2],
    ["GET / HTTP/1.9", "GET", "/", 9],
    ["get / HTTP/1.1", "get", "/", 1],
    ["OPTIONS * HTTP/1.1", "OPTIONS", "*", 1],
    ["CONNECT localhost:80 HTTP/1.1", "CONNECT", "localhost:80", 1],
    ["M-SEARCH http://a/b?c=d#e HTTP/1.1", "M-SEARCH", "http://a/b?c=d#e", 1],
    ["__proto__ /constructor HTTP/1.1", "__proto__", "/constructor", 1],
  ];
  for (const [line, method, target, minorVersion] of rows) {
    const head = requestHead(requestLine(line));
    assert.deepEqual([head.method, head.target, head.minorVersion], [method, target, minorVersion], line);
  }
});

test("RFC 9112, section 3: a line of other than three parts is malformed", () => {
  for (
    const line of [
      "GET",
      "GET ",
      "GET /",
      "GET / ",
      "GET /\tHTTP/1.1",
      "GET\t/\tHTTP/1.1",
      "GET\t/ HTTP/1.1",
      "GET HTTP/1.1",
      "HTTP/1.1",
      "HTTP/2.0",
      "GET / HTTP/1.1 ",
      "GET / HTTP/1.1\t",
      "GET / HTTP/1.1 x",
      "G(T / HTTP/1.1",
      "G\u00c9T / HTTP/1.1",
      "GET/ / HTTP/1.1",
      "GET:/ HTTP/1.1",
      "HTTP/1.1 101 Switching Protocols",
    ]
  ) {
    assertRequestDefect(requestLine(line), "start-line-malformed");
  }
});

test("RFC 9112, section 2.3: the version is HTTP/, a digit, a point and a digit, in that case", () => {
  for (
    const version of [
      "",
      "HTTP",
      "HTTP/",
      "HTTP/1",
      "HTTP/1.",
      "HTTP/.1",
      "HTTP/11",
      "HTTP/1.1.1",
      "HTTP/1.10",
      "HTTP/01.1",
      "HTTP/1,1",
      "HTTP/1 1",
      "HTTP/a.1",
      "HTTP/1.a",
      "HTTP//.1",
      "HTTP/:.1",
      "HTTP/1./",
      "HTTP/1.:",
      "HTTP/2.a",
      "http/1.1",
      "Http/1.1",
      "HTTPS/1.1",
      "HTTP-1.1",
      "XHTTP/1.1",
      "TTPS/1.1",
      "HTTP/1.\u00b9",
      "WS/1.1.1",
    ]
  ) {
    assertRequestDefect(requestLine(`GET / ${version}`), "start-line-malformed");
  }
});

test("RFC 9110, section 15.6.6: another major version is not spoken here", () => {
  for (const version of ["HTTP/0.9", "HTTP/0.0", "HTTP/2.0", "HTTP/2.1", "HTTP/3.0", "HTTP/9.9"]) {
    assertRequestDefect(requestLine(`GET / ${version}`), "http-version-unsupported");
  }
  assertRequestDefect("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "http-version-unsupported");
});

test("RFC 9112, section 3.2: a target is visible ASCII, and not empty", () => {
  for (let code = 0; code < 0x100; code++) {
    const character = String.fromCharCode(code);
    if (character === "\n") continue;
    const { defect } = readRequest(requestLine(`GET /${character} HTTP/1.1`));
    if (code > 0x20 && code < 0x7f) assert.equal(defect, undefined, `code ${code}`);
    else if (code === 0x20 || code === 0x09 || code >= 0x80) {
      assert.equal(defect, "request-target-invalid", `code ${code}`);
    } else assert.equal(defect, "control-character", `code ${code}`);
  }
  for (const line of ["GET  HTTP/1.1", "GET  / HTTP/1.1", "GET /  HTTP/1.1", "GET /a b HTTP/1.1"]) {
    assertRequestDefect(requestLine(line), "request-target-invalid");
  }
});

test("RFC 9112, section 3: a request line of 8000 octets and more is read", () => {
  for (const length of [7980, 8000, 12000]) {
    const target = `/?${"a".repeat(length)}`;
    assert.equal(requestHead(requestLine(`GET ${target} HTTP/1.1`)).target, target);
  }
});

test("RFC 9112, section 4: a status line is version, three digits, and a reason that may be left out", () => {
  const rows: [string, number, string, number][] = [
    ["HTTP/1.1 101 Switching Protocols", 101, "Switching Protocols", 1],
    ["HTTP/1.0 200 OK", 200, "OK", 0],
    ["HTTP/1.1 101 ", 101, "", 1],
    ["HTTP/1.1 101", 101, "", 1],
    ["HTTP/1.1 100 Continue", 100, "Continue", 1],
    ["HTTP/1.1 999 \u00e9t\u00e9", 999, "\u00e9t\u00e9", 1],
    ["HTTP/1.1 200  two  spaces ", 200, " two  spaces ", 1],
    ["HTTP/1.1 200 a\tb", 200, "a\tb", 1],
  ];
  for (const [line, status, reason, minorVersion] of rows) {
    const head = answerHead(requestLine(line));
    assert.deepEqual([head.status, head.reason, head.minorVersion], [status, reason, minorVersion], line);
  }
});

test("RFC 9112, section 4: any other status line is malformed", () => {
  for (
    const line of [
      "HTTP/1.1",
      "HTTP/1.1 ",
      "HTTP/1.1 1",
      "HTTP/1.1 10",
      "HTTP/1.1 10 OK",
      "HTTP/1.1 1011",
      "HTTP/1.1 101OK",
      "HTTP/1.1 101\tOK",
      "HTTP/1.1 101-OK",
      "HTTP/1.1  101 OK",
      "HTTP/1.1\t101 OK",
      "HTTP/1.1x101 OK",
      "HTTP/1.1 abc",
      "HTTP/1.1 1a1 OK",
      "HTTP/1.1 10a OK",
      "HTTP/1.1 10/ OK",
      "HTTP/1.1 10: OK",
      "HTTP/1.1 -10 OK",
      "HTTP/1.1 +10 OK",
      "HTTP/1.1 001 OK",
      "HTTP/1.1 099 OK",
      "HTTP/1.1 0x1 OK",
      "HTTP/2 200",
      "http/1.1 200 OK",
      "ICY 200 OK",
      "GET / HTTP/1.1",
      "SSH-2.0-OpenSSH_9.6",
      "220 mail.example ESMTP",
    ]
  ) {
    assertAnswerDefect(requestLine(line), "start-line-malformed");
  }
  assertAnswerDefect("HTTP/2.0 200 OK\r\n\r\n", "http-version-unsupported");
  assertAnswerDefect("HTTP/0.9 200 OK\r\n\r\n", "http-version-unsupported");
});
