import assert from "node:assert/strict";
import { test } from "../harness.ts";
import { type Acceptance, acceptanceText } from "../../src/handshake/server_response.ts";
import { assertOpening } from "./verdicts.ts";
import { ACCEPT, acceptFor, bytesOf, readResponse, request } from "./support.ts";

const OPENING = assertOpening(
  request({ "Sec-WebSocket-Protocol": "chat, superchat", "Sec-WebSocket-Extensions": "x" }),
);

function accept(acceptance?: Acceptance): [string, string][] {
  const { head, body } = readResponse(bytesOf(acceptanceText(OPENING, acceptance)));
  assert.equal(head.status, 101);
  assert.equal(head.reason, "Switching Protocols");
  assert.equal(head.minorVersion, 1);
  assert.equal(body, "");
  return [...head.headers];
}

const BASE: [string, string][] = [
  ["upgrade", "websocket"],
  ["connection", "Upgrade"],
  ["sec-websocket-accept", ACCEPT],
];

test("RFC 6455, section 4.2.2: the acceptance is 101 with Upgrade, Connection and Accept, and no more", () => {
  assert.equal(
    acceptanceText(OPENING),
    "HTTP/1.1 101 Switching Protocols\r\n" +
      "Upgrade: websocket\r\nConnection: Upgrade\r\n" +
      `Sec-WebSocket-Accept: ${ACCEPT}\r\n\r\n`,
  );
  assert.deepEqual(accept({}), BASE);
  assert.deepEqual(accept({ protocol: undefined, extensions: undefined }), BASE);
});

test("RFC 6455, section 4.2.2: Accept is made of the key as it was sent", () => {
  for (const key of ["AQIDBAUGBwgJCgsMDQ4PEC==", "//////////////////////==", "++++++++++++++++++++++=="]) {
    const text = acceptanceText(assertOpening(request({ "Sec-WebSocket-Key": ` ${key}\t` })));
    assert.ok(text.includes(`\r\nSec-WebSocket-Accept: ${acceptFor(key)}\r\n`), key);
  }
});

test("RFC 6455, section 4.2.2: a subprotocol is one that was offered, exactly", () => {
  assert.deepEqual(accept({ protocol: "superchat" }), [...BASE, ["sec-websocket-protocol", "superchat"]]);
  for (
    const protocol of ["", "Chat", "chat, superchat", "other", "chat\r\nX: y", "__proto__", "constructor"]
  ) {
    assert.throws(
      () => acceptanceText(OPENING, { protocol }),
      { name: "TypeError", message: /did not offer it\. Choose one that it did offer, or none\.$/ },
      protocol,
    );
  }
  assert.throws(() => acceptanceText(assertOpening(request()), { protocol: "chat" }), TypeError);
});

test("RFC 6455, section 4.2.2: extensions agreed upon are named", () => {
  assert.deepEqual(accept({ extensions: "x; y=1" }), [...BASE, ["sec-websocket-extensions", "x; y=1"]]);
});

test("RFC 6455, section 4.2.2: further headers follow, repeated ones too", () => {
  const headers: [string, string][] = [["Set-Cookie", "a=b"], ["Set-Cookie", "c=d"], [
    "X-Latin",
    "caf\u00e9",
  ]];
  assert.deepEqual(accept({ headers }), [
    ...BASE,
    ...headers.map(([name, value]): [string, string] => [name.toLowerCase(), value]),
  ]);
  assert.deepEqual(accept({ headers: new Map([["x", "y"]]) }), [...BASE, ["x", "y"]]);
});

test("RFC 9110, section 8.6: headers that are the handshake's own, or a body's, are not the caller's", () => {
  for (
    const name of [
      "Upgrade",
      "connection",
      "CONNECTION",
      "Sec-WebSocket-Accept",
      "Sec-WebSocket-Protocol",
      "sec-websocket-extensions",
      "Sec-WebSocket-Version",
      "Content-Length",
      "Transfer-Encoding",
    ]
  ) {
    assert.throws(
      () => acceptanceText(OPENING, { headers: [["X", "y"], [name, "0"]] }),
      { name: "TypeError", message: new RegExp(`^Cannot send header ${name} with the acceptance`) },
    );
  }
});

test("CVE-2026-1527, CVE-2020-35678: nothing that a caller passes begins a line of its own", () => {
  for (const value of ["a\r\nSet-Cookie: b", "a\nb", "a\rb", "a\0b", "a\x7f", "\u010a", "\u212a"]) {
    assert.throws(
      () => acceptanceText(OPENING, { headers: [["X", value]] }),
      TypeError,
      JSON.stringify(value),
    );
    assert.throws(
      () => acceptanceText(OPENING, { headers: [[value, "a"]] }),
      TypeError,
      JSON.stringify(value),
    );
    assert.throws(() => acceptanceText(OPENING, { extensions: value }), TypeError, JSON.stringify(value));
  }
  assert.throws(() => acceptanceText(OPENING, { headers: [["", "a"]] }), TypeError);
});

test("RFC 9110, section 7.8: Expect: 100-continue is answered with 100 before 101", () => {
  for (const expect of ["100-continue", "100-Continue", " 100-CONTINUE "]) {
    const text = acceptanceText(assertOpening(request({ Expect: expect })));
    assert.equal(text, `HTTP/1.1 100 Continue\r\n\r\n${acceptanceText(OPENING)}`);
  }
  for (const expect of ["", "200-ok", "100-continuex", "x-100-continue"]) {
    assert.equal(acceptanceText(assertOpening(request({ Expect: expect }))), acceptanceText(OPENING), expect);
  }
});
