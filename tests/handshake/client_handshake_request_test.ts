import assert from "node:assert/strict";
import { test } from "../harness.ts";
import { isKey } from "../../src/handshake/accept_key.ts";
import { ClientHandshake, type ClientHandshakeOptions } from "../../src/handshake/client_handshake.ts";
import { requestHead } from "./readers.ts";
import { bytesOf, clientOptions, textOf } from "./support.ts";

function client(options: Partial<ClientHandshakeOptions> = {}): ClientHandshake {
  return new ClientHandshake(clientOptions(options));
}

test("RFC 6455, section 4.1: the request is a GET with the five headers", () => {
  const handshake = client({ host: "app.example:8080", resourceName: "/chat?room=1" });
  assert.equal(
    handshake.requestText,
    "GET /chat?room=1 HTTP/1.1\r\n" +
      "Host: app.example:8080\r\n" +
      "Upgrade: websocket\r\n" +
      "Connection: Upgrade\r\n" +
      `Sec-WebSocket-Key: ${handshake.key}\r\n` +
      "Sec-WebSocket-Version: 13\r\n\r\n",
  );
  assert.equal(textOf(handshake.request()), handshake.requestText);
});

test("RFC 6455, section 4.1: the key is 16 random bytes, new for each connection", () => {
  const keys = Array.from({ length: 200 }, () => client().key);
  assert.ok(keys.every(isKey));
  assert.equal(new Set(keys).size, 200);
});

test("RFC 6455, section 4.1: subprotocols are offered in order, in one header", () => {
  const { headers } = requestHead(client({ protocols: ["chat", "superchat", "v1.a"] }).requestText);
  assert.equal(headers.get("sec-websocket-protocol"), "chat, superchat, v1.a");
  assert.equal(headers.count("sec-websocket-protocol"), 1);
  assert.equal(
    requestHead(client({ protocols: ["chat"] }).requestText).headers.get("sec-websocket-protocol"),
    "chat",
  );
  for (const protocols of [undefined, []]) {
    const options = protocols === undefined ? {} : { protocols };
    assert.equal(requestHead(client(options).requestText).headers.count("sec-websocket-protocol"), 0);
  }
});

test("RFC 6455, section 4.1: a subprotocol that is no token, or stands twice, is a SyntaxError", () => {
  for (
    const protocol of ["", " ", "a b", "a,b", "a/b", "a\r\nX: y", "caf\u00e9", "\u212a", "a\0", '"a"', "a;b"]
  ) {
    assert.throws(() => client({ protocols: ["a", protocol] }), {
      name: "SyntaxError",
      message: "Cannot offer subprotocol 2: it is not a token.",
    });
  }
  for (const protocols of [["a", "a"], ["a", "b", "a"], ["__proto__", "__proto__"]]) {
    assert.throws(() => client({ protocols }), {
      name: "SyntaxError",
      message: `Cannot offer subprotocol ${protocols.length}: it is repeated.`,
    });
  }
  client({ protocols: ["a", "A", "__proto__", "constructor"] });
});

test("RFC 6455, section 9.1: extensions are offered as given", () => {
  const offer = "permessage-deflate; client_max_window_bits, x";
  const { headers } = requestHead(client({ extensions: offer }).requestText);
  assert.equal(headers.get("sec-websocket-extensions"), offer);
  assert.equal(
    requestHead(client({ extensions: undefined }).requestText).headers.count("sec-websocket-extensions"),
    0,
  );
});

test("RFC 6455, section 4.1: further headers follow, repeated ones too", () => {
  const headers: [string, string][] = [["Origin", "http://a"], ["X", "1"], ["X", "caf\u00e9"], [
    "__proto__",
    "y",
  ]];
  assert.deepEqual(
    [...requestHead(client({ headers }).requestText).headers].slice(5),
    headers.map(([name, value]) => [name.toLowerCase(), value]),
  );
  assert.deepEqual(client({ headers: [["X", "\u00ff"]] }).request().at(-5), 0xff);
  assert.equal(requestHead(client({ headers: new Map([["a", "b"]]) }).requestText).headers.get("a"), "b");
});

test("RFC 6455, section 4.1: headers that the handshake sets by itself are a TypeError, in any case", () => {
  for (
    const name of [
      "Host",
      "HOST",
      "host",
      "Upgrade",
      "Connection",
      "Sec-WebSocket-Key",
      "sec-websocket-version",
      "Sec-WebSocket-Protocol",
      "Sec-WebSocket-Extensions",
      "Content-Length",
      "Transfer-Encoding",
    ]
  ) {
    assert.throws(() => client({ headers: [["X", "y"], [name, "0"]] }), {
      name: "TypeError",
      message: `Cannot send header ${name}: the opening handshake sets it.`,
    });
  }
});

test("CVE-2026-1527, CVE-2020-35678: nothing that a caller passes begins a line of its own", () => {
  for (
    const value of ["a\r\nX: y", "a\nX: y", "a\rX: y", "a\0", "a\x7f", "\u010a", "\u560d\u560a", "\u212a"]
  ) {
    const about = JSON.stringify(value);
    assert.throws(() => client({ host: value }), TypeError, about);
    assert.throws(() => client({ resourceName: `/${value}` }), TypeError, about);
    assert.throws(() => client({ extensions: value }), TypeError, about);
    assert.throws(() => client({ headers: [["X", value]] }), TypeError, about);
    assert.throws(() => client({ headers: [[value, "x"]] }), TypeError, about);
    assert.throws(() => client({ protocols: [value] }), SyntaxError, about);
  }
  for (const name of ["", "a b", "a:", "caf\u00e9"]) {
    assert.throws(() => client({ headers: [[name, "x"]] }), TypeError, name);
  }
});

test("RFC 9112, section 3.2: a resource name of other than visible ASCII is a TypeError", () => {
  for (let code = 0; code < 0x180; code++) {
    const character = String.fromCharCode(code);
    for (const resourceName of [`/${character}`, `/${character}a`]) {
      if (code > 0x20 && code < 0x7f && character !== "#") {
        assert.equal(requestHead(client({ resourceName }).requestText).target, resourceName);
      } else if (character !== "#") {
        assert.throws(() => client({ resourceName }), {
          name: "TypeError",
          message: "Cannot request this resource name: percent-encode it first.",
        }, `code ${code}`);
      }
    }
  }
});

test("RFC 6455, section 3: a resource name begins with a slash and has no fragment", () => {
  for (const resourceName of ["", "chat", "?a", "#a", "/#a", "/a?b#c", "http://localhost/"]) {
    assert.throws(() => client({ resourceName }), TypeError, resourceName);
  }
});

test("RFC 6455, section 4.1: each character of the request is one byte", () => {
  const handshake = client({ headers: [["X", "\u0080\u00ff\t"]] });
  assert.deepEqual(handshake.request(), bytesOf(handshake.requestText));
});
