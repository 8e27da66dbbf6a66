import assert from "node:assert/strict";
import { amount, test } from "../harness.ts";
import { ServerHandshake } from "../../src/handshake/server_handshake.ts";
import { assertOpening, assertPlain, assertRefused } from "./verdicts.ts";
import { bytesOf, feed, FRAME, KEY, LIMITS, random, request, splittings } from "./support.ts";

const WIDE = 15_000;

test("CVE-2026-21710, npm advisory 550: prototype names are ordinary, as headers, extensions and subprotocols", () => {
  for (const name of ["__proto__", "constructor", "hasOwnProperty", "toString", "valueOf", "prototype"]) {
    const opening = assertOpening(request({
      "Sec-WebSocket-Extensions": `${name}; ${name}=${name}, ${name}`,
      "Sec-WebSocket-Protocol": name,
    }, { more: [`${name}: a`, `${name}: b`] }));
    assert.equal(opening.head.headers.get(name.toLowerCase()), "a, b");
    assert.deepEqual(opening.protocols, [name]);
    assert.deepEqual(opening.extensions[0], { name, parameters: [[name, name]] });
    assertRefused(request({ Upgrade: name }), "upgrade-missing");
    assertRefused(request({ Connection: name }), "connection-missing");
    assertRefused(request({ Origin: name }), "origin-not-allowed");
    assertRefused(request({ Origin: `${name}://evil.example` }), "origin-not-allowed");
    assertRefused(request({ "Content-Length": name }), "content-length-invalid");
  }
  assertRefused(request({ "Sec-WebSocket-Extensions": ",;constructor" }), "extension-malformed");
});

test("CVE-2024-37890: a flood of headers before the real ones is refused with 431", () => {
  const flood = Array<string>(2500).fill("!!: x").join("\r\n");
  assertRefused(request({}, { line: `GET / HTTP/1.1\r\n${flood}` }), "headers-too-many");
  assertRefused(request({}, { line: `GET / HTTP/1.1\r\n${flood}` }), "headers-too-large", {}, {
    maxHeadSize: 16 * 1024,
    maxHeaders: 1_000_000,
  });
});

test("CVE-2021-32640: white space inside a subprotocol is read once", () => {
  for (const space of [" ", "\t"]) {
    assertRefused(request({ "Sec-WebSocket-Protocol": `b${space.repeat(WIDE)}x` }), "subprotocol-invalid");
  }
  const opening = assertOpening(request({ "Sec-WebSocket-Protocol": `b${" ".repeat(WIDE)},x` }));
  assert.deepEqual(opening.protocols, ["b", "x"]);
  const many = Array.from({ length: 2500 }, (_, i) => `p${i}`);
  assert.deepEqual(assertOpening(request({ "Sec-WebSocket-Protocol": many.join(",") })).protocols, many);
  assert.deepEqual(assertOpening(request({ "Sec-WebSocket-Protocol": "a,".repeat(7000) })).protocols, ["a"]);
});

test("CVE-2020-7662, CVE-2020-7663: hostile quoted strings in extensions are read once", () => {
  const escaped = "\\c".repeat(WIDE / 2);
  for (
    const value of [
      `a; b="${escaped}`,
      `a; b="${escaped}"e`,
      `a; b="${"\\".repeat(WIDE)}`,
      `a${" ".repeat(WIDE)}b`,
    ]
  ) {
    assertRefused(request({ "Sec-WebSocket-Extensions": value }), "extension-malformed");
  }
  assert.equal(
    assertOpening(request({ "Sec-WebSocket-Extensions": "a,".repeat(7000) })).extensions.length,
    7000,
  );
  assert.equal(
    assertOpening(request({ "Sec-WebSocket-Extensions": `a${";b".repeat(7000)}` })).extensions[0]?.parameters
      .length,
    7000,
  );
});

test("CVE-2023-26103: runs of white space and commas in Connection and Upgrade are read once", () => {
  for (const run of ["\t", " ", ",", " ,"]) {
    const value = run.repeat(WIDE / run.length);
    assertRefused(request({ Connection: `x${value}y` }), "connection-missing");
    assertRefused(request({ Upgrade: `x${value}y` }), "upgrade-missing");
    assertOpening(request({ Connection: `x${value},Upgrade` }));
    assertOpening(request({ Upgrade: `websocket,${value}x` }));
  }
});

test("RFC 6455, section 4.4: a version with a run of white space inside is refused", () => {
  assertRefused(request({ "Sec-WebSocket-Version": `1${" ".repeat(WIDE)}3` }), "version-unsupported");
  assertRefused(request({ "Sec-WebSocket-Version": "13".repeat(WIDE / 2) }), "version-unsupported");
});

test("RFC 9112, section 3.2: long hosts, origins, targets and lengths are read once", () => {
  const dots = "a.".repeat(WIDE / 2);
  assertOpening(request({ Host: dots }), { hosts: ["*.a."] });
  assertRefused(request({ Host: dots }), "host-not-allowed", { hosts: "loopback" });
  assertRefused(request({ Host: ":".repeat(WIDE) }), "host-invalid");
  assertRefused(request({ Host: `[${":".repeat(WIDE)}` }), "host-invalid");
  assertOpening(request({ Host: `a:${"0".repeat(WIDE)}` }));
  assertRefused(request({ Host: `a:${"9".repeat(WIDE)}` }), "host-invalid");
  assertRefused(request({ Origin: `http://${dots}` }), "origin-not-allowed");
  assertRefused(request({ Origin: "://".repeat(WIDE / 3) }), "origin-not-allowed");
  assertRefused(request({}, { line: `GET http://${"/".repeat(WIDE)} HTTP/1.1` }), "request-target-invalid");
  assertRefused(request({ "Content-Length": "9".repeat(WIDE) }), "body-not-allowed");
  assertRefused(request({ "Content-Length": "0,".repeat(WIDE / 2) + "1" }), "content-length-invalid");
});

test("CVE-2026-45541, Granian advisory: empty and non-ASCII subprotocols do no harm", () => {
  assert.deepEqual(assertOpening(request({ "Sec-WebSocket-Protocol": "," })).protocols, []);
  assertRefused(request({ "Sec-WebSocket-Protocol": "\u00ff" }), "subprotocol-invalid");
});

test("RFC 6455, section 4.2.1: every other byte at every place of a request is judged, and nothing throws", () => {
  const raw = request({ "Sec-WebSocket-Protocol": "a, b", Origin: "http://localhost" });
  for (let place = 0; place < raw.length; place++) {
    for (const byte of ["\0", "\t", "\n", "\r", " ", '"', ",", ":", ";", "=", "a", "\x7f", "\x80", "\xff"]) {
      const handshake = new ServerHandshake(LIMITS);
      const mutated = raw.slice(0, place) + byte + raw.slice(place + 1);
      const answer = handshake.receive(bytesOf(mutated + "\r\n\r\n"));
      assert.ok(answer !== undefined, JSON.stringify(mutated));
      if (answer.judgement.kind === "refused") assert.ok(answer.judgement.refusal.status >= 400);
    }
  }
});

test("RFC 9112, section 2.2: random bytes and random cuts of heads are judged alike, and nothing throws", () => {
  const next = random(20261109);
  const words = [
    ...[
      "GET",
      "/",
      "HTTP/1.1",
      "\r\n",
      "\r\n",
      "\r\n\r\n",
      " ",
      ":",
      ": ",
      ",",
      ";",
      "\t",
      "\n",
      "\r",
      "\0",
      "\xff",
    ],
    ...["Host", "localhost", "Upgrade", "websocket", "Connection", "Upgrade", "Sec-WebSocket-Key", KEY],
    ...[
      "Sec-WebSocket-Version",
      "13",
      "Origin",
      "http://",
      "null",
      "Content-Length",
      "0",
      "[::1]",
      "%",
      "@",
      "#",
    ],
  ];
  for (let round = 0; round < amount(400, 150); round++) {
    let raw = next() < 0.8 ? "GET / HTTP/1.1\r\n" : "";
    if (next() < 0.5) raw = request().slice(0, -2);
    for (let i = Math.floor(next() * 12); i > 0; i--) raw += words[Math.floor(next() * words.length)]!;
    raw += "\r\n\r\n";
    const seen = splittings(bytesOf(raw)).map((pieces) => {
      const handshake = new ServerHandshake(LIMITS);
      const fed = feed(pieces, (chunk) => handshake.receive(chunk));
      if (fed === undefined) return "pending";
      const { judgement } = fed.answer;
      if (judgement.kind !== "refused") return `${judgement.kind} ${fed.position}`;
      return `${judgement.refusal.code} ${judgement.head === undefined ? "" : fed.position}`;
    });
    assert.deepEqual(new Set(seen).size, 1, `${JSON.stringify(raw)}: ${seen}`);
  }
});

test("RFC 6455, section 4.2.1: a request for nothing special still opens beside all of the above", () => {
  assertOpening(request(), {}, FRAME);
  assertPlain("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
});
