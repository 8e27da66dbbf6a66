import assert from "node:assert/strict";
import { test } from "../harness.ts";
import { HeaderFields } from "../../src/http/header_fields.ts";
import { judge } from "../../src/handshake/server_handshake.ts";
import { assertOpening, assertRefused } from "./verdicts.ts";
import { KEY, plainRequest, request } from "./support.ts";

test("RFC 6455, section 4.2.1: Connection is a list of tokens that holds Upgrade, in any case", () => {
  for (
    const connection of [
      "Upgrade",
      "upgrade",
      "uPgRaDe",
      "UPGRADE",
      "keep-alive, Upgrade",
      "keep-alive,Upgrade",
      "Upgrade, keep-alive",
      "keep-alive \t,\t Upgrade , x",
      ", Upgrade ,,",
      "Upgrade, Upgrade",
      "close, Upgrade",
      ["keep-alive", "Upgrade"],
      ["Upgrade", "keep-alive"],
      ["", "Upgrade"],
    ]
  ) {
    assertOpening(request({ Connection: connection }));
  }
});

test("RFC 6455, section 4.2.1: a Connection without the token Upgrade is refused, with a word on proxies", () => {
  for (
    const connection of [
      [],
      "",
      ",",
      "keep-alive",
      "close",
      "x-upgrade",
      "upgradex",
      "upgrade x",
      "up grade",
      "upgrade;x",
      '"Upgrade"',
      "keep-alive Upgrade",
      "websocket",
      "up, grade",
      ["up", "grade"],
      "upgrade\u00a0",
    ]
  ) {
    assertRefused(request({ Connection: connection }), "connection-missing");
  }
});

test("RFC 9110, section 7.8: Upgrade is a list of protocols that holds websocket, in any case", () => {
  for (
    const upgrade of [
      "websocket",
      "WebSocket",
      "WEBSOCKET",
      "h2c, websocket",
      "websocket, h2c",
      "h2c,WebSocket",
      ",websocket,",
      ["h2c", "websocket"],
      ["websocket", "websocket"],
    ]
  ) {
    assertOpening(request({ Upgrade: upgrade }));
  }
});

test("RFC 6455, section 4.2.1: an Upgrade without websocket is refused, with a word on proxies", () => {
  for (
    const upgrade of [
      [],
      "",
      ",",
      "h2c",
      "websocketx",
      "xwebsocket",
      "web socket",
      "websocket x",
      "websocket;x",
      "websocket/13",
      '"websocket"',
      "true",
      "web, socket",
    ]
  ) {
    assertRefused(request({ Upgrade: upgrade }), "upgrade-missing");
    assertRefused(request({ Upgrade: upgrade, Connection: "close" }), "upgrade-missing");
  }
  assertRefused(plainRequest("GET / HTTP/1.1", { Host: "a", "Sec-WebSocket-Key": KEY }), "upgrade-missing");
  assertRefused(
    plainRequest("GET / HTTP/1.1", { Host: "a", "Sec-WebSocket-Version": "13" }),
    "upgrade-missing",
  );
});

test("RFC 6455, section 2.1: KELVIN SIGN is no k, neither as UTF-8 nor as a character", () => {
  assertRefused(request({ Upgrade: "websoc\u00e2\u0084\u00aaet" }), "upgrade-missing");
  const headers = new HeaderFields();
  for (
    const [name, value] of [
      ["host", "localhost"],
      ["upgrade", "websoc\u212aet"],
      ["connection", "Upgrade"],
      ["sec-websocket-key", KEY],
      ["sec-websocket-version", "13"],
    ] as const
  ) {
    headers.append(name, value);
  }
  const judgement = judge({ method: "GET", target: "/", minorVersion: 1, headers, text: "" });
  assert.ok(judgement.kind === "refused");
  assert.equal(judgement.refusal.code, "upgrade-missing");
});

test("RFC 6455, section 4.2.1: a request without a key is refused with 400", () => {
  assertRefused(request({ "Sec-WebSocket-Key": [] }), "key-missing");
});

test("RFC 6455, section 11.3.1: a second key is refused with 400, even if equal", () => {
  for (
    const keys of [[KEY, KEY], [KEY, "AQIDBAUGBwgJCgsMDQ4PEC=="], ["", KEY], [KEY, ""], ["", ""], [
      KEY,
      KEY,
      KEY,
    ]]
  ) {
    assertRefused(request({ "Sec-WebSocket-Key": keys }), "key-repeated");
  }
  assertRefused(request({ "sec-websocket-key": KEY }), "key-repeated");
});

test("RFC 6455, section 4.2.1: a key that is not 16 bytes in Base64 is refused with 400", () => {
  for (
    const key of [
      "",
      "=",
      "AQEBAQEBAQEBAQEBAQEB",
      "AQEBAQEBAQEBAQEBAQEBAQEB",
      "AQEBAQEBAQEBAQEBAQEBAQE=",
      "dGhlIHNhbXBsZSBub25jZQ",
      "dGhlIHNhbXBsZSBub25jZQ=",
      "dGhlIHNhbXBsZSBub25jZQ===",
      "dGhlIHNhbXBsZSBub25jZQ==AAAA",
      "dGhlIHNhbXBsZSBub25jZQ==, x",
      `${KEY},${KEY}`,
      "dGhlIHNh bXBsZSBub25jZQ==",
      "dGhlIHNhbXBsZSBub25j-_==",
      "dGhlIHNhbXBsZSBub25jZ\u00e9==",
      '"dGhlIHNhbXBsZSBub25jZQ=="',
      "__proto__",
    ]
  ) {
    assertRefused(request({ "Sec-WebSocket-Key": key }), "key-invalid");
  }
});

test("RFC 6455, section 1.2: the RFC's own key with pad bits set opens a WebSocket", () => {
  const key = "AQIDBAUGBwgJCgsMDQ4PEC==";
  assert.equal(assertOpening(request({ "Sec-WebSocket-Key": key })).key, key);
});

test("RFC 6455, section 4.2.1: a request without a version is refused with 426 and ours", () => {
  assertRefused(request({ "Sec-WebSocket-Version": [] }), "version-missing");
  assertRefused(request({ "Sec-WebSocket-Version": [], "Sec-WebSocket-Key": [] }), "version-missing");
});

test("RFC 6455, section 4.4: any version but the two characters 13 is refused with 426 and ours", () => {
  for (
    const version of [
      "",
      "8",
      "0",
      "7",
      "12",
      "14",
      "131",
      "113",
      "130",
      "255",
      "777",
      "013",
      "0013",
      "+13",
      "-13",
      "13.0",
      "13.",
      "1.3e1",
      "0xD",
      "0xd",
      "0b1101",
      "0o15",
      "1 3",
      "13\u00a0",
      "\u00a013",
      "13;",
      "13,",
      ",13",
      "13, 8",
      "8, 13",
      "13, 13",
      '"13"',
      "thirteen",
      "\u00b9\u00b3",
      "__proto__",
      ["13", "13"],
      ["13", "8"],
      ["8", "13"],
      ["", "13"],
    ]
  ) {
    assertRefused(request({ "Sec-WebSocket-Version": version }), "version-unsupported");
  }
});

test("RFC 6455, section 11.3.4: offered subprotocols come in order, in one line or several, each once", () => {
  const rows: [string | string[], string[]][] = [
    ["chat", ["chat"]],
    ["a,b", ["a", "b"]],
    ["a, b", ["a", "b"]],
    [" a\t,\tb ", ["a", "b"]],
    [["chat", "superchat"], ["chat", "superchat"]],
    [["a, b", "c"], ["a", "b", "c"]],
    ["chat, chat", ["chat"]],
    ["b, a, b", ["b", "a"]],
    ["Chat, chat", ["Chat", "chat"]],
    ["v1.a+json!#$%&'*^_`|~-", ["v1.a+json!#$%&'*^_`|~-"]],
    ["", []],
    [",,, ,", []],
    ["a,,b,", ["a", "b"]],
    ["__proto__, constructor, hasOwnProperty", ["__proto__", "constructor", "hasOwnProperty"]],
  ];
  for (const [value, expected] of rows) {
    assert.deepEqual(assertOpening(request({ "Sec-WebSocket-Protocol": value })).protocols, expected);
  }
});

test("RFC 6455, section 4.1: a subprotocol that is no token is refused with 400", () => {
  for (
    const value of [
      "a b",
      "a/b",
      "a, b c",
      "ch\u00e4t\u00ff",
      "\u00ff",
      '"a"',
      "a;b",
      "a=b",
      "(a)",
      "a\tb",
      "b, a@c",
    ]
  ) {
    assertRefused(request({ "Sec-WebSocket-Protocol": value }), "subprotocol-invalid");
  }
  assertRefused(request({ "Sec-WebSocket-Protocol": ["a", "b c"] }), "subprotocol-invalid");
});

test("RFC 6455, section 9.1: offered extensions come in order, in one line or several", () => {
  assert.deepEqual(
    assertOpening(request({ "Sec-WebSocket-Extensions": ['x-a; b="c", y', "x-a; d"] })).extensions,
    [
      { name: "x-a", parameters: [["b", "c"]] },
      { name: "y", parameters: [] },
      { name: "x-a", parameters: [["d", true]] },
    ],
  );
  assert.equal(assertOpening(request({ "Sec-WebSocket-Extensions": ["", "x"] })).extensions.length, 1);
});

test("RFC 6455, section 9.1: extensions that break the grammar are refused with 400", () => {
  for (
    const value of [
      "",
      ",",
      ";",
      "a b",
      "a; =15",
      "a;",
      "a; b=",
      'a; b="c',
      'a; b="c d"',
      'a; b=""',
      "a/b",
      "\u00ff",
      ["a", ";"],
    ]
  ) {
    assertRefused(request({ "Sec-WebSocket-Extensions": value }), "extension-malformed");
  }
});
