import assert from "node:assert/strict";
import { test } from "../harness.ts";
import { headerFieldsOf, RequestHeadReader } from "../../src/http/head.ts";
import { bytesOf, FRAME } from "../handshake/support.ts";
import {
  answerHead,
  assertAnswerDefect,
  assertRequestDefect,
  readRequest,
  requestHead,
} from "../handshake/readers.ts";

const START = "GET / HTTP/1.1\r\n";

test("RFC 9112, section 2.1: a head is a start line, header lines and an empty line, and is kept as it came", () => {
  const raw = "GET /chat?room=1 HTTP/1.1\r\nHost: localhost\r\nX-One:  1 \r\n\r\n";
  const { head, rest } = readRequest(`${raw}${FRAME}`);
  assert.ok(head !== undefined);
  assert.equal(head.method, "GET");
  assert.equal(head.target, "/chat?room=1");
  assert.equal(head.minorVersion, 1);
  assert.deepEqual([...head.headers], [["host", "localhost"], ["x-one", "1"]]);
  assert.equal(head.text, raw);
  assert.equal(rest, FRAME);

  const answer = answerHead("HTTP/1.1 101 Switching Protocols\r\nA: b\r\n\r\n");
  assert.deepEqual(
    { ...answer, headers: [...answer.headers] },
    {
      status: 101,
      reason: "Switching Protocols",
      minorVersion: 1,
      headers: [["a", "b"]],
      text: "HTTP/1.1 101 Switching Protocols\r\nA: b\r\n\r\n",
    },
  );
});

test("RFC 9112, section 2.1: the header fields can be had again from the text of a head", () => {
  for (
    const lines of [
      "",
      "A: b\r\n",
      "Host: localhost\r\nX-One:  1:2 \r\nx-one:\t\r\nX-E: \u00e9\u0080\r\n",
      "A:\r\nB:c\r\nA: d , e\r\n",
    ]
  ) {
    const { headers, text } = requestHead(`${START}${lines}\r\n`);
    assert.deepEqual([...headerFieldsOf(text)], [...headers], JSON.stringify(lines));
  }
});

test("RFC 9112, section 2.1: until the empty line has come there is no end", () => {
  const raw = `${START}Host: localhost\r\n\r\n`;
  for (let length = 0; length < raw.length; length++) {
    const reader = new RequestHeadReader({ maxHeadSize: 1000, maxHeaders: 10 });
    assert.equal(reader.receive(bytesOf(raw.slice(0, length))), -1, `${length} bytes`);
    assert.equal(reader.defect, undefined);
    assert.equal(reader.size, length);
    assert.equal(reader.receive(new Uint8Array(0)), -1, "an empty chunk changes nothing");
    assert.equal(reader.receive(bytesOf(raw.slice(length) + "more")), raw.length - length);
    assert.equal(reader.head?.text, raw);
  }
});

test("RFC 9112, section 2.1: before its start line is read there is no head", () => {
  const reader = new RequestHeadReader({ maxHeadSize: 1000, maxHeaders: 10 });
  assert.equal(reader.head, undefined);
  reader.receive(bytesOf("GET / HTTP"));
  assert.equal(reader.head, undefined);
});

test("RFC 9112, section 2.2: one empty line before the start line is ignored", () => {
  const { head, rest } = readRequest(`\r\n${START}\r\n${FRAME}`);
  assert.equal(head?.text, `${START}\r\n`, "the empty line is not part of it");
  assert.equal(rest, FRAME);
  assert.equal(answerHead("\r\nHTTP/1.1 200 OK\r\n\r\n").status, 200);
});

test("RFC 9112, section 2.2: an endless run of empty lines is no HTTP, and stops at the second", () => {
  const { defect, handed } = readRequest("\r\n".repeat(5000));
  assert.equal(defect, "not-http");
  assert.equal(handed, 4);
});

test("RFC 9112, section 2.2: a line that ends with LF alone is refused, wherever it stands", () => {
  for (
    const raw of [
      "GET / HTTP/1.1\nHost: localhost\n\n",
      `${START}Host: localhost\n\r\n`,
      `${START}Host: localhost\r\n\n`,
      `${START}\n`,
      "\nGET / HTTP/1.1\r\n\r\n",
      `\r\n\n${START}\r\n`,
      `${START}\nHost: localhost\r\n\r\n`,
    ]
  ) {
    assertRequestDefect(raw, "line-feed-alone");
  }
  assertAnswerDefect("HTTP/1.1 101 Switching Protocols\n\n", "line-feed-alone");
});

test("RFC 9112, section 2.2: a CR without LF never ends a line", () => {
  for (
    const raw of [
      `${START}X: a\rb\r\n\r\n`,
      `${START}X: a\rSec-WebSocket-Key: b\r\n\r\n`,
      `${START}X: a\r\r\n\r\n`,
      `${START}\r\r\n\r\n`,
      "GET /\rHTTP/1.1 HTTP/1.1\r\n\r\n",
      "GET / HTTP/1.1\r\r\n\r\n",
      "\rGET / HTTP/1.1\r\n\r\n",
      "\r\r\n",
    ]
  ) {
    assertRequestDefect(raw, "control-character");
  }
  assertAnswerDefect("HTTP/1.1 200 O\rK\r\n\r\n", "control-character");
});

test("RFC 9110, section 5.5: of the control characters only a tab may stand in a line", () => {
  for (let code = 0; code < 0x100; code++) {
    const character = String.fromCharCode(code);
    if (character === "\n") continue;
    const isControl = (code < 0x20 && code !== 0x09) || code === 0x7f;
    for (const raw of [`${START}X: a${character}b\r\n\r\n`, `${START}X: ${character}\r\n\r\n`]) {
      assert.equal(readRequest(raw).defect, isControl ? "control-character" : undefined, `code ${code}`);
    }
  }
});

test("RFC 9110, section 5.5: obs-text stays as it is, each byte one character", () => {
  let octets = "";
  for (let code = 0x80; code < 0x100; code++) octets += String.fromCharCode(code);
  const raw = `${START}X: ${octets}\r\n\r\n`;
  const head = requestHead(raw);
  assert.equal(head.headers.get("x"), octets);
  assert.equal(head.text, raw);
  assert.equal(requestHead(`${START}X: \u00e2\u0084\u00aa\r\n\r\n`).headers.get("x"), "\u00e2\u0084\u00aa");
});

test("RFC 9112, section 5: white space around a value is not part of it, and a value may be empty", () => {
  const rows: [string, string][] = [
    ["X:a", "a"],
    ["X: a", "a"],
    ["X:\ta", "a"],
    ["X: \t  a \t ", "a"],
    ["X: a b\tc ", "a b\tc"],
    ["X:", ""],
    ["X: ", ""],
    ["X: \t ", ""],
    ["X: a: b:c", "a: b:c"],
    ["X::", ":"],
    ["X: \u00a0a\u00a0", "\u00a0a\u00a0"],
  ];
  for (const [line, value] of rows) {
    assert.deepEqual([...requestHead(`${START}${line}\r\n\r\n`).headers], [["x", value]], line);
  }
});

test("RFC 9110, section 5.1: field names come in any case and are kept in lower case, line by line", () => {
  const raw = `${START}HOST: a\r\nhost: b\r\nHoSt: c\r\nX!#$%&'*+-.^_\`|~9: d\r\n\r\n`;
  assert.deepEqual([...requestHead(raw).headers], [
    ["host", "a"],
    ["host", "b"],
    ["host", "c"],
    ["x!#$%&'*+-.^_`|~9", "d"],
  ]);
});

test("CVE-2026-21710: header names of an object's prototype are ordinary", () => {
  const { headers } = requestHead(`${START}__proto__: a\r\nconstructor: b\r\nhasOwnProperty: c\r\n\r\n`);
  assert.deepEqual([...headers], [["__proto__", "a"], ["constructor", "b"], ["hasownproperty", "c"]]);
});

test("RFC 9110, section 5.1: a name is a token, byte by byte", () => {
  for (let code = 0; code < 0x100; code++) {
    const character = String.fromCharCode(code);
    if (/[:\n]/.test(character)) continue;
    const { defect } = readRequest(`${START}X${character}Y: a\r\n\r\n`);
    if (/[!#$%&'*+\-.^_`|~0-9A-Za-z]/.test(character)) assert.equal(defect, undefined, `code ${code}`);
    else if (code >= 0x20 && code !== 0x7f || code === 0x09) {
      assert.equal(defect, "header-name-invalid", `code ${code}`);
    } else assert.equal(defect, "control-character", `code ${code}`);
  }
  for (const line of [": a", ":", "::", "\u00e9: a", "(a): b", '"a": b', "a b: c", "@: a", "/: a"]) {
    assertRequestDefect(`${START}${line}\r\n\r\n`, "header-name-invalid");
  }
  assertAnswerDefect("HTTP/1.1 101 Switching Protocols\r\n: a\r\n\r\n", "header-name-invalid");
});

test("RFC 9112, section 5.1: white space before the colon is refused, on any header", () => {
  for (const name of ["Host", "X", "Sec-WebSocket-Key", "Content-Length", "Transfer-Encoding", "(x"]) {
    for (const space of [" ", "\t", "  ", " \t"]) {
      assertRequestDefect(`${START}${name}${space}: a\r\n\r\n`, "header-space-before-colon");
    }
  }
  assertAnswerDefect("HTTP/1.1 101 Switching Protocols\r\nA : b\r\n\r\n", "header-space-before-colon");
});

test("RFC 9112, section 5: a line without a colon is refused", () => {
  for (const line of ["Host", "This is not a header", "a=b", "GET / HTTP/1.1", "x"]) {
    assertRequestDefect(`${START}${line}\r\n\r\n`, "header-without-colon");
  }
  assertAnswerDefect("HTTP/1.1 101 Switching Protocols\r\ngarbage line\r\n\r\n", "header-without-colon");
});

test("RFC 9112, sections 2.2 and 5.2: a request's line that begins with white space is refused", () => {
  for (const space of [" ", "\t", "  ", "\t \t"]) {
    assertRequestDefect(`${START}X: a\r\n${space}b\r\n\r\n`, "header-folded");
    assertRequestDefect(`${START}${space}X: a\r\n\r\n`, "header-folded");
    assertRequestDefect(`${START}X: a\r\n${space}Y: b\r\n\r\n`, "header-folded");
    assertRequestDefect(`${START}X: a\r\n${space}\r\n\r\n`, "header-folded");
  }
});

test("RFC 9112, section 5.2: a response's folded line continues the value before it after one space", () => {
  const status = "HTTP/1.1 101 Switching Protocols\r\n";
  for (const space of [" ", "\t", "  ", "\t \t"]) {
    const { headers } = answerHead(`${status}X: a\r\n${space}b \r\n${space}c\r\nY:\r\n${space}d\r\n\r\n`);
    assert.deepEqual([...headers], [["x", "a b c"], ["y", "d"]]);
    assertAnswerDefect(`${status}${space}X: a\r\n\r\n`, "header-folded");
  }
});

test("RFC 9112, section 2.2: what can begin no HTTP message is refused at its first byte", () => {
  for (let code = 0; code < 0x100; code++) {
    const character = String.fromCharCode(code);
    const { defect, handed } = readRequest(`${character}GET / HTTP/1.1\r\n\r\n`);
    if (/[!#$%&'*+\-.^_`|~0-9A-Za-z]/.test(character)) assert.equal(defect, undefined, `code ${code}`);
    else if (code === 0x15 || code === 0x16) {
      assert.equal(defect, "tls-on-plain-port");
      assert.equal(handed, 1);
    } else if (character === "\n") assert.equal(defect, "line-feed-alone");
    else if (character === "\r") assert.equal(defect, "control-character");
    else {
      assert.equal(defect, "not-http", `code ${code}`);
      assert.equal(handed, 1);
    }
  }
  assertRequestDefect("\x05\x01\x00", "not-http");
  assertRequestDefect("\r\n\x16\x03\x01", "tls-on-plain-port");
  assertRequestDefect("\r\n \r\n", "not-http");
  assertAnswerDefect("\x15\x03\x03\x00\x02\x02\x28", "tls-on-plain-port");
  assertAnswerDefect("\x16\x03\x03", "tls-on-plain-port");
  assertAnswerDefect("\x00", "not-http");
});
