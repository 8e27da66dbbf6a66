import assert from "node:assert/strict";
import { test } from "../harness.ts";
import { ServerHandshake } from "../../src/handshake/server_handshake.ts";
import { acceptanceText } from "../../src/handshake/server_response.ts";
import { readAgain } from "../../src/handshake/request_target.ts";
import { assertOpening, assertPlain, assertRefused } from "./verdicts.ts";
import {
  ACCEPT,
  assertPending,
  bytesOf,
  FRAME,
  judged,
  KEY,
  LIMITS,
  plainRequest,
  request,
} from "./support.ts";

test("RFC 6455, section 4.2.1: a request with the five headers opens a WebSocket", () => {
  const opening = assertOpening(request());
  assert.equal(opening.key, KEY);
  assert.equal(opening.resourceName, "/");
  assert.deepEqual(opening.authority, { host: "localhost", port: "" });
  assert.deepEqual(opening.protocols, []);
  assert.deepEqual(opening.extensions, []);
  assert.equal(opening.head.method, "GET");
  assert.equal(opening.head.target, "/");
  assert.equal(opening.head.minorVersion, 1);
  assert.ok(acceptanceText(opening).includes(`Sec-WebSocket-Accept: ${ACCEPT}\r\n`));
});

test("RFC 6455, section 1.2: the RFC's own request opens a WebSocket", () => {
  const opening = assertOpening(
    "GET /chat HTTP/1.1\r\n" +
      "Host: server.example.com\r\n" +
      "Upgrade: websocket\r\n" +
      "Connection: Upgrade\r\n" +
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
      "Origin: http://example.com\r\n" +
      "Sec-WebSocket-Protocol: chat, superchat\r\n" +
      "Sec-WebSocket-Version: 13\r\n\r\n",
    { origins: ["http://example.com"] },
  );
  assert.deepEqual(opening.protocols, ["chat", "superchat"]);
  assert.equal(opening.resourceName, "/chat");
});

test("RFC 9110, section 5.1: header names come in any case", () => {
  const next = [
    (name: string) => name.toLowerCase(),
    (name: string) => name.toUpperCase(),
    (name: string) => [...name].map((each, i) => i % 2 ? each.toUpperCase() : each.toLowerCase()).join(""),
  ];
  for (const change of next) {
    const lines = request({ "Sec-WebSocket-Protocol": "a", "Sec-WebSocket-Extensions": "x" })
      .replace(/^([\w-]+):/gm, (_, name: string) => `${change(name)}:`);
    const opening = assertOpening(lines);
    assert.deepEqual(opening.protocols, ["a"]);
    assert.equal(opening.extensions.length, 1);
  }
});

test("RFC 6455, section 4.2.1: Connection: keep-alive, Upgrade, as Firefox sends it, opens a WebSocket", () => {
  assertOpening(request({ Connection: "keep-alive, Upgrade" }));
});

test("RFC 6455, section 4.2.1: a,b with no space after the comma is two subprotocols", () => {
  assert.deepEqual(assertOpening(request({ "Sec-WebSocket-Protocol": "a,b" })).protocols, ["a", "b"]);
});

test("RFC 9112, section 2.1: a request that comes one byte at a time is judged at its last byte", () => {
  const handshake = new ServerHandshake(LIMITS);
  const bytes = bytesOf(request());
  for (let i = 0; i < bytes.length; i++) {
    const answer = handshake.receive(bytes.subarray(i, i + 1));
    if (i < bytes.length - 1) assert.equal(answer, undefined, `byte ${i}`);
    else {
      assert.equal(answer?.judgement.kind, "opening");
      assert.equal(answer.end, 1);
    }
  }
});

test("RFC 6455, section 4.1: the end is where the frames begin that came in the packet of the request", () => {
  const raw = request();
  const answer = new ServerHandshake(LIMITS).receive(bytesOf(raw + FRAME));
  assert.equal(answer?.judgement.kind, "opening");
  assert.equal(answer.end, raw.length);
});

test("RFC 9110, section 8.6: Content-Length: 0 opens a WebSocket", () => {
  assertOpening(request({ "Content-Length": "0" }), {}, FRAME);
});

test("RFC 9110, section 5.3: headers come in any order", () => {
  const [line, ...fields] = request().trimEnd().split("\r\n");
  for (let shift = 0; shift < fields.length; shift++) {
    const turned = [...fields.slice(shift), ...fields.slice(0, shift)];
    assertOpening([line, ...turned, "", ""].join("\r\n"));
    assertOpening([line, ...turned.reverse(), "", ""].join("\r\n"));
  }
});

test("RFC 9112, section 2.1: a request that is cut anywhere is awaited, then judged", () => {
  const raw = request();
  for (const length of [0, 1, 3, 14, 16, 90, raw.length - 3, raw.length - 2, raw.length - 1]) {
    assertPending(raw.slice(0, length));
  }
  for (let cut = 0; cut <= raw.length; cut++) {
    const handshake = new ServerHandshake(LIMITS);
    const first = handshake.receive(bytesOf(raw.slice(0, cut)));
    if (cut === raw.length) assert.equal(first?.end, cut);
    else {
      assert.equal(first, undefined, `${cut}`);
      assert.equal(handshake.receive(bytesOf(raw.slice(cut)))?.end, raw.length - cut);
    }
  }
});

test("RFC 9112, section 2.1: whether anything has come is known", () => {
  const handshake = new ServerHandshake(LIMITS);
  assert.equal(handshake.begun, false);
  handshake.receive(new Uint8Array(0));
  assert.equal(handshake.begun, false);
  handshake.receive(bytesOf("G"));
  assert.equal(handshake.begun, true);
});

test("CVE-2022-21676: frames in the packet of the request are left for the WebSocket, good or bad", () => {
  const hostile = [
    FRAME,
    FRAME + FRAME,
    "\xff\xff\xff\xff",
    "\xf1\x80\0\0\0\0",
    "\0",
    "\r\n",
    "\r\n\r\n",
    "GET /internal HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "\x88\x80\0\0\0\0",
  ];
  for (const rest of hostile) assertOpening(request(), {}, rest);
});

test("RFC 9110, section 7.8: what follows a refused request is never another request", () => {
  const second = "GET /internal HTTP/1.1\r\nHost: localhost\r\n\r\n";
  const { rest } = assertRefused(request({ "Sec-WebSocket-Version": "777" }) + second, "version-unsupported");
  assert.equal(rest, second);
});

test("RFC 9112, section 2.2: one empty line before the request is ignored", () => {
  const { judgement, rest } = judged(`\r\n${request()}${FRAME}`);
  assert.equal(judgement.kind, "opening");
  assert.equal(rest, FRAME);
  assertRefused(`\r\n\r\n${request()}`, "not-http");
});

test("RFC 9110, section 5.6.3: white space around values is not part of them", () => {
  const opening = assertOpening(request({
    Host: "\tlocalhost ",
    Upgrade: "  websocket\t",
    Connection: "\t Upgrade \t",
    "Sec-WebSocket-Key": `\t  ${KEY} \t `,
    "Sec-WebSocket-Version": " 13\t",
  }));
  assert.equal(opening.key, KEY);
  assertOpening(request().replaceAll(": ", ":"));
});

test("RFC 9110, section 5.5: headers that are not ours may hold anything but control characters", () => {
  const opening = assertOpening(request({}, {
    more: [
      "X-Empty:",
      "X-Empty2: ",
      "X-Latin: caf\u00e9 \u00ff",
      "Cookie: a=" + "x".repeat(4000),
      'User-Agent: Mozilla/5.0 (X; Y) "quoted" {}[]<>@,;:\\',
      "Pragma: no-cache",
    ],
  }));
  assert.equal(opening.head.headers.get("x-empty"), "");
  assert.equal(opening.head.headers.get("x-latin"), "caf\u00e9 \u00ff");
});

test("RFC 9112, section 3.2.1: path and query are the resource name, as they came", () => {
  for (
    const target of [
      "/",
      "/chat",
      "//chat",
      "/a/..b/.c/d.",
      "/a?b/../c\\d",
      "/?a=b",
      "/a?b?c",
      "/%00%ff",
      "/a;b,c",
      '/[x]|^`{}"<>',
    ]
  ) {
    assert.equal(assertOpening(request({}, { line: `GET ${target} HTTP/1.1` })).resourceName, target);
  }
});

test("RFC 3986, section 5.2.4: a path that a URL would change is refused, and an ordinary request's is not", () => {
  for (const path of ["/a/../b", "/.", "/..", "/a/.", "/%2e%2E/a", "/a/.%2e", "/a\\b", "/a/./b?c"]) {
    assertRefused(request({}, { line: `GET ${path} HTTP/1.1` }), "request-target-invalid");
    assertRefused(request({}, { line: `GET http://localhost${path} HTTP/1.1` }), "request-target-invalid");
    assert.equal(assertPlain(plainRequest(`GET ${path} HTTP/1.1`)).resourceName, path);
  }
});

test("RFC 9112, section 3.2.2: an absolute target names resource and authority, and Host is ignored", () => {
  const rows: [string, string, { host: string; port: string }][] = [
    ["http://other.example/", "/", { host: "other.example", port: "" }],
    ["http://Other.Example:8080/chat?a=b", "/chat?a=b", { host: "other.example", port: "8080" }],
    ["https://other.example/a//b", "/a//b", { host: "other.example", port: "" }],
    ["ws://other.example", "/", { host: "other.example", port: "" }],
    ["wss://other.example?a=/b", "/?a=/b", { host: "other.example", port: "" }],
    ["HTTP://other.example/A", "/A", { host: "other.example", port: "" }],
    ["WsS://[::1]:1/", "/", { host: "[::1]", port: "1" }],
  ];
  for (const [target, resourceName, authority] of rows) {
    const opening = assertOpening(request({}, { line: `GET ${target} HTTP/1.1` }));
    assert.equal(opening.resourceName, resourceName, target);
    assert.deepEqual(opening.authority, authority, target);
    assert.equal(opening.head.target, target);
    const plain = assertPlain(plainRequest(`GET ${target} HTTP/1.1`));
    assert.deepEqual(plain.authority, authority, target);
    assert.equal(plain.resourceName, resourceName, target);
  }
});

test("RFC 9112, section 3.2.2: an absolute target goes with an empty Host, which is valid and ignored", () => {
  const authority = { host: "localhost", port: "" };
  for (const line of ["GET http://localhost/ HTTP/1.1", "GET WS://LOCALHOST HTTP/1.1"]) {
    const opening = assertOpening(request({ Host: "", Origin: "http://localhost" }, { line }));
    assert.deepEqual(opening.authority, authority, line);
    assert.deepEqual(readAgain(opening.head.text).authority, authority, line);
    assert.deepEqual(assertPlain(plainRequest(line, { Host: "" })).authority, authority, line);
    assertOpening(request({ Host: "" }, { line }), { hosts: "loopback" });
    assertRefused(request({ Host: "" }, { line }), "host-not-allowed", { hosts: ["a.example"] });
    assertRefused(request({ Host: ["", ""] }, { line }), "host-repeated");
  }
});

test("RFC 6455, section 4.2.1: an ordinary request is no failure, and is handed on", () => {
  const rows: [string, Record<string, string>][] = [
    ["GET / HTTP/1.1", {}],
    ["HEAD /health HTTP/1.1", {}],
    ["POST /form HTTP/1.1", { "Content-Length": "5" }],
    ["PUT / HTTP/1.1", { "Transfer-Encoding": "chunked" }],
    ["DELETE / HTTP/1.1", {}],
    ["get / HTTP/1.1", {}],
    ["GET / HTTP/1.1", { Upgrade: "h2c", Connection: "Upgrade, HTTP2-Settings", "HTTP2-Settings": "a" }],
    ["GET / HTTP/1.1", { Upgrade: "websocketx", Connection: "Upgrade" }],
    ["GET / HTTP/1.1", { Connection: "Upgrade" }],
    ["GET / HTTP/1.1", { Upgrade: "" }],
    ["GET / HTTP/1.1", { "Content-Length": "0" }],
    ["GET / HTTP/1.1", { "Sec-WebSocket-Protocol": "a b", "Sec-WebSocket-Extensions": ";" }],
    ["GET / HTTP/1.1", { Origin: "http://evil.example" }],
    ["GET / HTTP/1.0", {}],
  ];
  for (const [line, fields] of rows) {
    const plain = assertPlain(plainRequest(line, { Host: "localhost:1", ...fields }), {}, "rest");
    assert.equal(plain.head.method, line.slice(0, line.indexOf(" ")));
    assert.deepEqual(plain.authority, { host: "localhost", port: "1" });
  }
  const { authority, resourceName } = assertPlain("GET /a HTTP/1.0\r\n\r\n");
  assert.equal(authority, undefined, "HTTP/1.0 needs no Host");
  assert.equal(resourceName, "/a");
});
