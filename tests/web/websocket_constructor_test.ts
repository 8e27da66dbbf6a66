/** WebSockets Standard, the constructor, the attributes and the constants of WebSocket. */
import assert from "node:assert/strict";
import { connect, serve, WebSocket } from "../../mod.ts";
import { tls } from "../fixtures.ts";
import { test } from "../harness.ts";
import { RawServer } from "../raw_peer.ts";
import { echo, logOf, next, rawWebSocketServer, serving, standard, thrownBy, unusable } from "./support.ts";

standard("URLs that cannot be parsed, or are of another scheme, throw a SyntaxError DOMException", (Face) => {
  for (
    const url of [
      "ws://foo bar.com/",
      "wss://foo bar.com/",
      "/test",
      "test",
      "",
      "?query",
      "#test",
      "ws:",
      "ftp://127.0.0.1/",
      "mailto:example@example.org",
      "about:blank",
      "ws+unix:/tmp/socket",
    ]
  ) {
    const error = thrownBy(() => new Face(url));
    assert.ok(error instanceof DOMException, url);
    assert.equal(error.name, "SyntaxError", url);
    assert.equal(error.code, 12, url);
  }
}, ["bun"]);

standard("a fragment in the URL, an empty one too, throws a SyntaxError DOMException", (Face) => {
  for (const url of ["ws://127.0.0.1/#", "ws://127.0.0.1/#test", "ws://127.0.0.1/?a=b#c"]) {
    assert.equal(thrownBy(() => new Face(url)).name, "SyntaxError", url);
  }
});

standard(
  "subprotocols that are no tokens, or stand twice in any case, throw a SyntaxError DOMException",
  (Face) => {
    for (
      const protocols of [
        "",
        " ",
        "a b",
        "a,b",
        "a/b",
        'a"b',
        "\u0080",
        "\u007f",
        "\u4e16",
        "a\tb",
        "a=b",
        "(a)",
        ["a", "a"],
        ["a", "b", "A"],
        ["a", ""],
        [""],
      ]
    ) {
      const error = thrownBy(() => new Face("ws://127.0.0.1:1/", protocols));
      assert.equal(error.name, "SyntaxError", JSON.stringify(protocols));
    }
  },
);

test("WebSocket: without arguments, or without new, it throws a TypeError", () => {
  const Untyped = WebSocket as unknown as { new (): unknown; (url: string): unknown };
  assert.throws(() => new Untyped(), TypeError);
  assert.throws(() => Untyped("ws://127.0.0.1/"), TypeError);
});

standard("url is the URL, serialized, with http: and https: as ws: and wss:", async (Face) => {
  for (
    const [given, url] of [
      ["ws://127.0.0.1:1", "ws://127.0.0.1:1/"],
      ["WS://LocalHost:1/Path", "ws://localhost:1/Path"],
      ["ws://127.0.0.1:1/a b?c d", "ws://127.0.0.1:1/a%20b?c%20d"],
      ["http://127.0.0.1:1/a", "ws://127.0.0.1:1/a"],
      ["https://127.0.0.1:1/a", "wss://127.0.0.1:1/a"],
      ["ws://127.0.0.1:1/../b/./c?", "ws://127.0.0.1:1/b/c?"],
      ["wss://127.0.0.1:80/x", "wss://127.0.0.1:80/x"],
    ] as const
  ) {
    const socket = new Face(given);
    assert.equal(socket.url, url);
    assert.equal(new URL(url).href, url);
    socket.close();
    await next(socket, "close");
  }
}, ["node"]);

test("WebSocket: the default port is left out of url", async () => {
  for (
    const [given, url] of [["ws://127.0.0.1:80/x", "ws://127.0.0.1/x"], [
      "https://127.0.0.1:443/",
      "wss://127.0.0.1/",
    ]]
  ) {
    const socket = new WebSocket(given!);
    socket.close();
    assert.equal(socket.url, url);
    await next(socket, "close");
  }
});

standard("a URL object will do, and anything else is made a string", async (Face) => {
  await serving(echo, async (url) => {
    for (const given of [new URL(url), { toString: () => url } as unknown as string]) {
      const socket = new Face(given);
      await next(socket, "open");
      assert.equal(socket.url, url);
      socket.close();
      await next(socket, "close");
    }
  });
});

standard(
  "before open: CONNECTING, nothing buffered, no protocol, no extensions, blobs, no handlers",
  async (Face) => {
    await serving(echo, async (url) => {
      const socket = new Face(url, "chat");
      assert.equal(socket.readyState, 0);
      assert.equal(socket.bufferedAmount, 0);
      assert.equal(socket.protocol, "");
      assert.equal(socket.extensions, "");
      assert.equal(socket.binaryType, "blob");
      assert.equal(socket.onopen, null);
      assert.equal(socket.onmessage, null);
      assert.equal(socket.onerror, null);
      assert.equal(socket.onclose, null);
      await next(socket, "open");
      assert.equal(socket.readyState, 1);
      assert.equal(socket.protocol, "chat");
      socket.close();
      await next(socket, "close");
      assert.equal(socket.protocol, "chat");
      assert.equal(socket.url, url);
    }, { protocols: ["chat"] });
  },
  ["bun"],
);

standard("constants stand on class, prototype and instance, and are fixed", (Face) => {
  const constants = { CONNECTING: 0, OPEN: 1, CLOSING: 2, CLOSED: 3 };
  for (const [name, value] of Object.entries(constants)) {
    for (const holder of [Face, Face.prototype]) {
      const descriptor = Object.getOwnPropertyDescriptor(holder, name);
      assert.deepEqual(descriptor, { value, writable: false, enumerable: true, configurable: false });
    }
  }
}, ["deno"]);

standard("attributes and methods are enumerable members of the prototype", (Face) => {
  const members = new Set<string>();
  for (const name in Face.prototype) members.add(name);
  for (
    const name of [
      ...["url", "readyState", "bufferedAmount", "onopen", "onerror", "onclose", "extensions", "protocol"],
      ...["close", "onmessage", "binaryType", "send", "addEventListener", "dispatchEvent"],
    ]
  ) assert.ok(members.has(name), name);
  for (const name of ["url", "readyState", "bufferedAmount", "extensions", "protocol"]) {
    const descriptor = Object.getOwnPropertyDescriptor(Face.prototype, name)!;
    assert.equal(typeof descriptor.get, "function", name);
    assert.equal(descriptor.set, undefined, name);
  }
  assert.equal(Object.prototype.toString.call(Face.prototype), "[object WebSocket]");
  assert.equal(Object.getPrototypeOf(Face), EventTarget);
});

standard("the server's choice among the subprotocols is protocol", async (Face) => {
  await serving(echo, async (url) => {
    const socket = new Face(url, ["a", "b", "c"]);
    await next(socket, "open");
    assert.equal(socket.protocol, "b");
    socket.close();
    await next(socket, "close");
  }, { protocols: ["b", "c"] });
});

standard("a server that chooses none of the subprotocols fails the connection", async (Face) => {
  await using server = await rawWebSocketServer(() => {});
  const socket = new Face(`ws://127.0.0.1:${server.port}/`, ["a"]);
  const log = logOf(socket);
  await next(socket, "close");
  assert.deepEqual(log, ["error 3", 'close 1006 "" false 3']);
}, ["deno"]);

standard("a server that chooses a subprotocol that was not offered fails the connection", async (Face) => {
  for (const offered of [[], ["a"], ["B"]]) {
    await using server = await rawWebSocketServer(() => {}, "Sec-WebSocket-Protocol: b\r\n");
    const socket = new Face(`ws://127.0.0.1:${server.port}/`, offered);
    const log = logOf(socket);
    await next(socket, "close");
    assert.deepEqual(log, ["error 3", 'close 1006 "" false 3'], offered.join());
  }
}, ["deno"]);

standard("binaryType takes blob and arraybuffer; other values are ignored", async (Face) => {
  const socket = new Face("ws://127.0.0.1:1/");
  socket.binaryType = "arraybuffer";
  for (const wrong of ["", "Blob", "nodebuffer", "uint8array", "notBlobOrArrayBuffer", null, undefined, 1]) {
    socket.binaryType = wrong as BinaryType;
    assert.equal(socket.binaryType, "arraybuffer");
  }
  socket.binaryType = "blob";
  assert.equal(socket.binaryType, "blob");
  socket.close();
  await next(socket, "close");
}, ["bun", "node"]);

test("WebSocket: a user and a password in the URL go into an authorization header", async () => {
  for (
    const [credentials, expected] of [
      ["user:pass", "user:pass"],
      ["user", "user:"],
      [":p", ":p"],
      ["a%40b:%C3%A9", "a@b:é"],
      ["100%25:%25zz", "100%:%zz"],
    ] as const
  ) {
    const seen: string[] = [];
    await serving(echo, async (url) => {
      const socket = new WebSocket(url.replace("ws://", `ws://${credentials}@`));
      await next(socket, "open");
      assert.equal(new URL(socket.url).username, new URL(`ws://${credentials}@host/`).username);
      socket.close();
      await next(socket, "close");
    }, {
      upgrade: (request) => {
        seen.push(request.headers.get("authorization") ?? "");
      },
    });
    const decoded = Buffer.from(seen[0]!.replace("Basic ", ""), "base64").toString("utf8");
    assert.equal(decoded, expected);
  }
});

test("WebSocket: the third argument carries headers, TLS and limits, beyond the standard", async () => {
  const seen: (string | null)[] = [];
  const server = await serve({
    port: 0,
    tls,
    upgrade: (request) => {
      seen.push(request.headers.get("authorization"), request.headers.get("x-more"));
    },
  }, echo);
  const socket = new WebSocket(server.url.replace("127.0.0.1", "user:pass@127.0.0.1"), [], {
    headers: { authorization: "Bearer token", "x-more": "1" },
    tls: { ca: tls.ca },
    maxMessageSize: 3,
  });
  await next(socket, "open");
  assert.deepEqual(seen, ["Bearer token", "1"]);
  socket.send("four");
  assert.equal((await next(socket, "close")).code, 1006);
  await server.shutdown();
});

test("WebSocket: options that cannot be used throw at the call", () => {
  for (const [options, error] of unusable) {
    assert.throws(() => new WebSocket("ws://127.0.0.1:1/", [], options), error, JSON.stringify(options));
  }
});

test("WebSocket: they throw what connect() rejects with, in the same words", async () => {
  for (const [options] of unusable) {
    const { name, message } = thrownBy(() => new WebSocket("ws://127.0.0.1:1/", [], options)) as Error;
    await assert.rejects(connect("ws://127.0.0.1:1/", options), { name, message });
  }
});

test("WebSocket: the error event tells why, beyond the standard", async () => {
  await using server = await RawServer.listen(async (peer) => {
    await peer.until("\r\n\r\n");
    peer.write("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
  });
  const socket = new WebSocket(`ws://127.0.0.1:${server.port}/`);
  const event = await new Promise<{ error: Error; message: string }>((resolve) => socket.onerror = resolve);
  assert.equal(event.error.name, "HandshakeError");
  assert.match(event.message, /403/);
  assert.equal(event.message, event.error.message);
});
