import assert from "node:assert/strict";
import { test } from "../harness.ts";
import { checkHeader, headText, latin1Bytes, responseBytes, statusLine } from "../../src/http/response.ts";

test("RFC 9112, section 2.1: a head is its start line, its headers in order, and an empty line", () => {
  assert.equal(headText("HTTP/1.1 200 OK", []), "HTTP/1.1 200 OK\r\n\r\n");
  assert.equal(
    headText("GET / HTTP/1.1", [["Host", "a"], ["X", ""], ["X", "b"]]),
    "GET / HTTP/1.1\r\nHost: a\r\nX: \r\nX: b\r\n\r\n",
  );
  assert.equal(headText("x", new Map([["A", "b"]])), "x\r\nA: b\r\n\r\n");
});

test("RFC 9112, section 4: a status line has its reason, and its space where there is none", () => {
  const reasons: [number, string][] = [
    [100, "Continue"],
    [101, "Switching Protocols"],
    [200, "OK"],
    [204, "No Content"],
    [301, "Moved Permanently"],
    [302, "Found"],
    [304, "Not Modified"],
    [307, "Temporary Redirect"],
    [308, "Permanent Redirect"],
    [400, "Bad Request"],
    [401, "Unauthorized"],
    [403, "Forbidden"],
    [404, "Not Found"],
    [405, "Method Not Allowed"],
    [408, "Request Timeout"],
    [414, "URI Too Long"],
    [421, "Misdirected Request"],
    [426, "Upgrade Required"],
    [429, "Too Many Requests"],
    [431, "Request Header Fields Too Large"],
    [500, "Internal Server Error"],
    [501, "Not Implemented"],
    [503, "Service Unavailable"],
    [505, "HTTP Version Not Supported"],
    [599, ""],
  ];
  for (const [status, reason] of reasons) assert.equal(statusLine(status), `HTTP/1.1 ${status} ${reason}`);
});

test("CVE-2026-1527, CVE-2020-35678: no value can begin a line of its own", () => {
  for (let code = 0; code < 0x180; code++) {
    const character = String.fromCharCode(code);
    const forbidden = (code < 0x20 && code !== 0x09) || code === 0x7f || code > 0xff;
    for (const value of [character, `${character}a`, `a${character}`, `a${character}Set-Cookie: b`]) {
      if (forbidden) {
        const about = { name: "TypeError", message: /^Cannot send header X: its value contains a control/ };
        assert.throws(() => checkHeader("X", value), about, `code ${code}`);
        assert.throws(() => headText("x", [["A", "b"], ["X", value]]), about, `code ${code}`);
      } else checkHeader("X", value);
    }
  }
  for (
    const value of ["a\r\nb: c", "a\r\n\r\nHTTP/1.1 200 OK", "\u560a\u560d", "\u010a", "\u{1f600}", "\u212a"]
  ) {
    assert.throws(() => checkHeader("X", value), TypeError, JSON.stringify(value));
  }
});

test("CVE-2026-1527: a name is a token", () => {
  const token = /[!#$%&'*+\-.^_`|~0-9A-Za-z]/;
  for (let code = 0; code < 0x180; code++) {
    const character = String.fromCharCode(code);
    for (const name of [character, `${character}a`, `a${character}`]) {
      if (token.test(character)) checkHeader(name, "");
      else {
        const about = { name: "TypeError", message: /^Cannot send header ".*": its name is not a token\.$/ };
        assert.throws(() => checkHeader(name, ""), about, `code ${code}`);
        assert.throws(() => headText("x", [[name, ""]]), about, `code ${code}`);
      }
    }
  }
  for (const name of ["", "a:", "a: b\r\nc", "Set-Cookie: a\r\n\r\n"]) {
    assert.throws(() => checkHeader(name, ""), TypeError, JSON.stringify(name));
  }
});

test("RFC 9110, section 5.5: obs-text and tabs are written as they are, each character one byte", () => {
  const text = headText("x", [["A", "\t\u0080\u00ff"]]);
  assert.deepEqual([...latin1Bytes(text)], [0x78, 13, 10, 0x41, 0x3a, 0x20, 9, 0x80, 0xff, 13, 10, 13, 10]);
  assert.equal(latin1Bytes("").length, 0);
});

test("prototype names as headers are written like any other", () => {
  assert.equal(
    headText("x", [["__proto__", "a"], ["constructor", "b"]]),
    "x\r\n__proto__: a\r\nconstructor: b\r\n\r\n",
  );
});

test("texts become bytes that no later text changes, short ones and long ones", () => {
  const texts = Array.from({ length: 200 }, (_, index) => String.fromCharCode(index).repeat(7 * index));
  texts.push("", "a".repeat(20_000), "b");
  const all = texts.map((text) => latin1Bytes(text));
  for (const [index, bytes] of all.entries()) {
    assert.equal(String.fromCharCode(...bytes), texts[index], `text ${index}`);
  }
});

test("a whole response closes its connection, and names an upgrade in Connection", () => {
  const body = new TextEncoder().encode("握手");
  const plain = responseBytes({ status: 404, headers: [["Content-Length", "6"]], body });
  assert.equal(
    new TextDecoder().decode(plain),
    "HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 6\r\n\r\n握手",
  );
  const upgrade = responseBytes({
    status: 426,
    headers: [["upgrade", "websocket"]],
    body: new Uint8Array(0),
  });
  assert.equal(
    new TextDecoder().decode(upgrade),
    "HTTP/1.1 426 Upgrade Required\r\nConnection: close, Upgrade\r\nupgrade: websocket\r\n\r\n",
  );
  assert.throws(() => responseBytes({ status: 200, headers: [["X", "a\r\nb"]], body }), TypeError);
});
