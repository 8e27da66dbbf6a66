/** The opening handshake over HTTP/2, from header fields to a judgement and to the response. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { judgeConnect, readConnect } from "../../src/handshake/extended_connect.ts";
import type { RefusalCode } from "../../src/handshake/refusal.ts";
import { extendedConnectAcceptance } from "../../src/handshake/server_response.ts";
import type { Judgement, JudgementPolicy, OpeningRequest } from "../../src/handshake/server_handshake.ts";
import { readAgain } from "../../src/handshake/request_target.ts";
import { amount, test } from "../harness.ts";
import { ACCEPT, KEY } from "./support.ts";

const VALID: Readonly<Record<string, string | readonly string[]>> = {
  ":method": "CONNECT",
  ":protocol": "websocket",
  ":scheme": "https",
  ":path": "/chat?room=1",
  ":authority": "localhost:8000",
  "sec-websocket-version": "13",
};

function judged(
  changes: Readonly<Record<string, string | readonly string[]>> = {},
  policy: JudgementPolicy = {},
): Judgement {
  const fields: string[] = [];
  for (const [name, values] of Object.entries({ ...VALID, ...changes })) {
    for (const value of Array.isArray(values) ? values : [values]) fields.push(name, value);
  }
  return judgeConnect(readConnect(fields), policy);
}

function opening(changes: Readonly<Record<string, string | readonly string[]>> = {}): OpeningRequest {
  const judgement = judged(changes);
  if (judgement.kind !== "opening") throw new assert.AssertionError({ message: JSON.stringify(judgement) });
  return judgement.request;
}

test("RFC 8441, section 5: an extended CONNECT is a valid opening handshake", () => {
  const { authority, resourceName, key, protocols, extensions, head } = opening({
    "sec-websocket-protocol": "chat, superchat",
    "sec-websocket-extensions": "permessage-deflate",
    origin: "https://localhost:8000",
  });
  assert.deepEqual([authority.host, authority.port], ["localhost", "8000"]);
  assert.equal(resourceName, "/chat?room=1");
  assert.equal(key, "");
  assert.deepEqual(protocols, ["chat", "superchat"]);
  assert.equal(extensions[0]!.name, "permessage-deflate");
  assert.equal(head.headers.get("host"), "localhost:8000");
  assert.equal(head.text.split("\r\n")[0], "CONNECT /chat?room=1 HTTP/2");
});

test("the text of the head gives the request once more", () => {
  const { headers, authority, resourceName } = readAgain(opening({ cookie: ["a=1", "b=2"] }).head.text);
  assert.deepEqual([authority.host, resourceName], ["localhost", "/chat?room=1"]);
  assert.deepEqual([...headers].filter(([name]) => name === "cookie").map(([, value]) => value), [
    "a=1",
    "b=2",
  ]);
});

test("requests that are valid in other ways too", () => {
  opening({ ":protocol": "WebSocket" });
  opening({ ":scheme": "http" });
  opening({ host: "LOCALHOST:8000" });
  opening({ ":authority": [], host: "localhost" });
  opening({ "content-length": "0" });
});

test("each rule that a request breaks", () => {
  const rows: [changes: Record<string, string | readonly string[]>, code: RefusalCode, status?: number][] = [
    [{ ":protocol": [] }, "method-not-allowed"],
    [{ ":protocol": "connect-udp" }, "protocol-unsupported"],
    [{ ":protocol": "" }, "protocol-unsupported"],
    [{ ":scheme": [] }, "request-target-invalid"],
    [{ ":scheme": "ftp" }, "request-target-invalid"],
    [{ ":path": [] }, "request-target-invalid"],
    [{ ":path": "" }, "request-target-invalid"],
    [{ ":path": "chat" }, "request-target-invalid"],
    [{ ":path": "*" }, "request-target-invalid"],
    [{ ":path": "http://localhost/" }, "request-target-invalid"],
    [{ ":path": "/a b" }, "request-target-invalid"],
    [{ ":path": "/a\r\nx: y" }, "request-target-invalid"],
    [{ ":path": "/é" }, "request-target-invalid"],
    [{ ":path": "/a#b" }, "request-target-invalid"],
    [{ ":path": "/a/../b" }, "request-target-invalid"],
    [{ ":path": "/a\\b" }, "request-target-invalid"],
    [{ ":path": "/%2e%2E/b" }, "request-target-invalid"],
    [{ ":authority": [] }, "host-missing"],
    [{ ":authority": "a b" }, "host-invalid"],
    [{ ":authority": "" }, "host-invalid"],
    [{ host: "evil.example" }, "host-repeated"],
    [{ host: ["localhost:8000", "localhost:8000"] }, "host-repeated"],
    [{ ":authority": [], host: ["a", "b"] }, "host-repeated"],
    [{ x: "a\nb" }, "control-character"],
    [{ x: "a\0" }, "control-character"],
    [{ "content-length": "x" }, "content-length-invalid"],
    [{ "content-length": "1" }, "body-not-allowed"],
    [{ "sec-websocket-version": [] }, "version-missing", 400],
    [{ "sec-websocket-version": "8" }, "version-unsupported", 400],
    [{ "sec-websocket-key": "x" }, "key-invalid"],
    [{ "sec-websocket-key": [KEY, KEY] }, "key-repeated"],
    [{ origin: "https://evil.example" }, "origin-not-allowed"],
    [{ origin: ["https://localhost:8000", "https://localhost:8000"] }, "origin-repeated"],
    [{ "sec-websocket-protocol": "a b" }, "subprotocol-invalid"],
    [{ "sec-websocket-extensions": ";" }, "extension-malformed"],
  ];
  for (const [changes, code, status] of rows) {
    const judgement = judged(changes);
    const message = JSON.stringify(changes);
    assert.equal(judgement.kind === "refused" ? judgement.refusal.code : judgement.kind, code, message);
    if (judgement.kind !== "refused") continue;
    if (status !== undefined) assert.equal(judgement.refusal.status, status, message);
    // RFC 9110, section 15.5.22, and RFC 9113, section 8.2.2, cannot both hold.
    assert.notEqual(judgement.refusal.status, 426, message);
  }
});

test("hosts, origins and paths are those of the policy", () => {
  const kindOf = (judgement: Judgement): string =>
    judgement.kind === "refused" ? judgement.refusal.code : judgement.kind;
  const policy: JudgementPolicy = {
    hosts: ["localhost"],
    originsOn: (path) => path === "/chat" ? ["https://page.example"] : undefined,
  };
  assert.equal(kindOf(judged({}, policy)), "opening");
  assert.equal(kindOf(judged({ origin: "https://page.example" }, policy)), "opening");
  assert.equal(kindOf(judged({ origin: "https://localhost:8000" }, policy)), "origin-not-allowed");
  assert.equal(kindOf(judged({ ":authority": "evil.example" }, policy)), "host-not-allowed");
  assert.equal(kindOf(judged({ ":path": "/other" }, policy)), "elsewhere");
});

test("the response that accepts: 200, and what was agreed", () => {
  const request = opening({ "sec-websocket-protocol": "chat" });
  assert.deepEqual(
    extendedConnectAcceptance(request, {
      protocol: "chat",
      extensions: "x",
      headers: [["Set-Cookie", "a=1"]],
    }),
    {
      status: 200,
      headers: [
        ["Sec-WebSocket-Protocol", "chat"],
        ["Sec-WebSocket-Extensions", "x"],
        ["Set-Cookie", "a=1"],
      ],
      body: new Uint8Array(0),
    },
  );
  assert.deepEqual(extendedConnectAcceptance(request).headers, []);
  const withKey = opening({ "sec-websocket-key": KEY });
  assert.deepEqual(extendedConnectAcceptance(withKey).headers, [["Sec-WebSocket-Accept", ACCEPT]]);
  for (
    const acceptance of [
      { protocol: "other" },
      { headers: [["Upgrade", "websocket"]] as const },
      { headers: [["X", "a\r\nb"]] as const },
      { extensions: "a\r\nb" },
    ]
  ) assert.throws(() => extendedConnectAcceptance(request, acceptance), TypeError);
});

test("whatever the fields: no exception, and an accepted head is read again as it was judged", () => {
  const name = fc.constantFrom(
    ...Object.keys(VALID),
    "host",
    "Origin",
    "sec-websocket-key",
    "cookie",
    ":",
    "x",
  );
  const value = fc.oneof(
    fc.constantFrom(...Object.values(VALID).map(String), "localhost", KEY, "", "a\r\nb: c", "\0", "é"),
    fc.string(),
  );
  const valid = Object.entries(VALID).flatMap(([key, each]) => [key, String(each)]);
  const fields = fc.array(fc.tuple(name, value), { maxLength: 4 });
  fc.assert(
    fc.property(fields, fc.boolean(), (extra, onValid) => {
      const judgement = judgeConnect(readConnect([...onValid ? valid : [], ...extra.flat()]), {});
      if (judgement.kind !== "opening") return;
      const { head, authority, resourceName } = judgement.request;
      const again = readAgain(head.text);
      assert.deepEqual(again.authority, authority);
      assert.equal(again.resourceName, resourceName);
      assert.deepEqual([...again.headers], [...head.headers]);
    }),
    { numRuns: amount(5000, 1000) },
  );
});
