/** What a client does with servers that are not as they should be. */
import assert from "node:assert/strict";
import { connect, type ConnectOptions, HandshakeError, serve, TransportError } from "../../mod.ts";
import { acceptKey } from "../../src/handshake/accept_key.ts";
import { test } from "../harness.ts";
import { type RawPeer, RawServer } from "../raw_peer.ts";

/** A server that reads the request and answers with what the test makes of its key. */
async function answering(
  respond: (accept: string, peer: RawPeer) => string,
  use: (url: string) => Promise<void>,
): Promise<void> {
  await using server = await RawServer.listen(async (peer) => {
    const request = await peer.until("\r\n\r\n");
    const key = /^Sec-WebSocket-Key: (.*)\r$/m.exec(request)![1]!;
    peer.write(respond(acceptKey(key), peer));
  });
  await use(`ws://127.0.0.1:${server.port}/chat?room=1`);
}

async function failure(url: string, options?: ConnectOptions): Promise<HandshakeError> {
  try {
    await connect(url, options);
  } catch (error) {
    assert.ok(error instanceof HandshakeError, String(error));
    assert.equal(error.code, "handshake-failed");
    return error;
  }
  throw new assert.AssertionError({ message: "the opening handshake was done" });
}

const accepted = (accept: string, more = ""): string =>
  `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n${more}\r\n`;

test("RFC 6455, section 4.1: the request names host, port and resource, and carries the caller's headers", async () => {
  let request = "";
  await using server = await RawServer.listen(async (peer) => {
    request = await peer.until("\r\n\r\n");
    peer.end();
  });
  await failure(`ws://127.0.0.1:${server.port}/a%20b?c=d`, {
    headers: { "Cookie": "id=7" },
    protocols: ["v2", "v1"],
  });
  const lines = request.split("\r\n");
  assert.equal(lines[0], "GET /a%20b?c=d HTTP/1.1");
  assert.ok(lines.includes(`Host: 127.0.0.1:${server.port}`));
  assert.ok(lines.includes("Sec-WebSocket-Protocol: v2, v1"));
  assert.ok(lines.some((line) => line.toLowerCase() === "cookie: id=7"));
});

test("RFC 6455, section 4.1: the acceptance may come in any split, with frames behind it", async () => {
  await answering((accept, peer) => {
    const bytes = accepted(accept, "Sec-WebSocket-Protocol: v1\r\n") + "\x81\x02hi\x81\x03you";
    void peer.writeBytewise(bytes);
    return "";
  }, async (url) => {
    const socket = await connect(url, { protocols: "v1" });
    assert.equal(socket.protocol, "v1");
    const messages = [];
    for await (const message of socket) if (messages.push(message) === 2) break;
    assert.deepEqual(messages, ["hi", "you"]);
    socket.abort();
    await socket.closed;
  });
});

test("each wrong response has its reason and its section", async () => {
  const cases: [reason: string, respond: (accept: string) => string][] = [
    ["accept-mismatch", () => accepted("AAAAAAAAAAAAAAAAAAAAAAAAAAA=")],
    ["upgrade-missing", (accept) => accepted(accept).replace("Upgrade: websocket\r\n", "")],
    ["connection-missing", (accept) => accepted(accept).replace("Connection: Upgrade\r\n", "")],
    ["subprotocol-not-offered", (accept) => accepted(accept, "Sec-WebSocket-Protocol: v9\r\n")],
    ["extension-not-offered", (accept) => accepted(accept, "Sec-WebSocket-Extensions: x-foo\r\n")],
    ["response-malformed", () => "SSH-2.0-OpenSSH_9.2p1\r\n"],
    ["http-version", (accept) => accepted(accept).replace("HTTP/1.1", "HTTP/1.0")],
  ];
  for (const [reason, respond] of cases) {
    await answering(respond, async (url) => {
      const error = await failure(url);
      assert.equal(error.step, "response");
      assert.equal(error.reason, reason);
      assert.match(error.section!, /^RFC \d+, section /);
    });
  }
});

test("a refusal is told with its status, headers and body, and its sentence stands in the message", async () => {
  const server = await serve({ port: 0, origins: ["https://app.example"] }, {});
  const error = await failure(server.url, { headers: { origin: "https://evil.example" } });
  assert.equal(error.reason, "unexpected-status");
  assert.equal(error.status, 403);
  assert.equal(new Map(error.headers!).get("connection"), "close");
  assert.match(error.body!, /origin-not-allowed/);
  assert.match(error.message, /403 Forbidden.*Pages of this origin may not connect/);
  await server.shutdown();
});

test("a refusal's body is read no further than 4 KiB, nor waited for when it does not come", async () => {
  await answering((_, peer) => {
    peer.write("HTTP/1.1 500 Oops\r\nContent-Type: text/plain\r\n\r\n" + "\x1b[31m" + "x".repeat(100_000));
    return "";
  }, async (url) => {
    const error = await failure(url);
    assert.equal(error.body!.length, 4096);
    assert.ok(!error.message.includes("\x1b"), "control characters stay out of logs");
  });
  await answering(() => "HTTP/1.1 404 Not Found\r\nContent-Length: 10\r\n\r\nabc", async (url) => {
    const error = await failure(url);
    assert.equal(error.status, 404);
    assert.equal(error.body, "abc");
  });
});

test("a refusal that is known when the deadline passes is told, with what has come of its body", async () => {
  const bodies: [fields: string, sent: string, body: string | undefined][] = [
    ["", "abc", "abc"],
    ["Content-Length: 10\r\n", "abc", "abc"],
    ["Content-Length: 10\r\n", "", undefined],
    ["Transfer-Encoding: chunked\r\n", "3\r\nabc\r\n9\r\nde", "abcde"],
  ];
  await Promise.all(bodies.map(async ([fields, sent, body]) => {
    const answer = `HTTP/1.1 403 Forbidden\r\n${fields}Content-Type: text/plain\r\n\r\n${sent}`;
    await answering(() => answer, async (url) => {
      const error = await failure(url, { handshakeTimeout: 800 });
      assert.deepEqual([error.step, error.reason, error.status], ["response", "unexpected-status", 403]);
      assert.equal(error.body, body);
      if (body !== undefined) assert.ok(error.message.endsWith(` It says: ${body}`), error.message);
    });
  }));
});

test("while a refusal's body is awaited, the signal still gives up", async () => {
  const controller = new AbortController();
  const reason = new Error("changed my mind");
  await answering(() => {
    setTimeout(() => controller.abort(reason), 100);
    return "HTTP/1.1 403 Forbidden\r\n\r\nabc";
  }, async (url) => {
    await assert.rejects(connect(url, { signal: controller.signal, handshakeTimeout: 800 }), reason);
  });
});

test("a deadline beyond what a timer can wait for is none", async () => {
  for (const handshakeTimeout of [2 ** 31, Infinity]) {
    await answering((accept, peer) => {
      setTimeout(() => peer.write(accepted(accept)), 50);
      return "";
    }, async (url) => {
      const socket = await connect(url, { handshakeTimeout });
      socket.abort();
      await socket.closed;
    });
  }
});

test("a server that closes without an answer, or breaks off, is told apart", async () => {
  await answering((_, peer) => (peer.end(), ""), async (url) => {
    const error = await failure(url);
    assert.equal(error.reason, "response-truncated");
    assert.match(error.message, /without an answer/);
  });
  await answering((_, peer) => (setTimeout(() => peer.end(), 5), "HTTP/1.1 101 Swi"), async (url) => {
    assert.match((await failure(url)).message, /in the middle of its response/);
  });
});

test("a server that is silent is given up at the deadline, or when the signal says so", async () => {
  await using server = await RawServer.listen(() => {});
  const url = `ws://127.0.0.1:${server.port}/`;
  // Long enough to connect in, on a busy machine too: the step says that it has.
  const error = await failure(url, { handshakeTimeout: 800 });
  assert.equal(error.reason, "timed-out");
  assert.equal(error.step, "response");
  assert.match(error.message, /800 ms/);

  const controller = new AbortController();
  const reason = new Error("changed my mind");
  setTimeout(() => controller.abort(reason), 20);
  await assert.rejects(connect(url, { signal: controller.signal }), reason);
  await assert.rejects(connect(url, { signal: controller.signal }), reason);
});

test("nobody listens: the step is connect, the reason the transport's", async () => {
  const server = await RawServer.listen(() => {});
  await server[Symbol.asyncDispose]();
  const error = await failure(`ws://127.0.0.1:${server.port}/`);
  assert.equal(error.step, "connect");
  assert.equal(error.reason, "connection-refused");
  assert.ok(error.cause instanceof TransportError);
});

test("wss to a server that speaks no TLS fails, and never goes on in plain text", async () => {
  let received = "";
  await using server = await RawServer.listen(async (peer) => {
    received = await peer.until("\x16");
    peer.write("HTTP/1.1 400 Bad Request\r\n\r\n");
    peer.end();
  });
  const error = await failure(`wss://127.0.0.1:${server.port}/`);
  assert.equal(error.step, "connect");
  assert.ok(!received.includes("GET"));
});

test("URLs, headers and subprotocols that cannot be used throw at the call", async () => {
  const wrong: [string, ConnectOptions?][] = [
    ["not a url"],
    ["ftp://example.com/"],
    ["ws://example.com/#part"],
    ["ws://user:secret@example.com/"],
    ["ws://127.0.0.1:1/", { protocols: ["a b"] }],
    ["ws://127.0.0.1:1/", { protocols: ["a", "a"] }],
    ["ws://127.0.0.1:1/", { headers: { "Sec-WebSocket-Key": "x" } }],
    ["ws://127.0.0.1:1/", { headers: [["x-evil", "a\r\nb: c"]] }],
  ];
  for (const [url, options] of wrong) {
    await assert.rejects(
      connect(url, options),
      (error: unknown) => error instanceof TypeError || error instanceof SyntaxError,
      url,
    );
  }
});

test("http: and https: URLs are taken for ws: and wss:", async () => {
  const server = await serve({ port: 0 }, {});
  const socket = await connect(new URL(server.url.replace("ws:", "http:")));
  await socket.close();
  await server.shutdown();
});

test("a handler given to connect() gets every message, those behind the acceptance too, and answers at once", async () => {
  await answering((accept) => accepted(accept) + "\x81\x02hi\x81\x03you\x83\x00", async (url) => {
    const log: unknown[] = [];
    const socket = await connect(url, { closeTimeout: 100 }, {
      open: () => void log.push("open"),
      message: (socket, message) => (log.push(message, socket.readyState), undefined),
      close: (_, { code }) => void log.push(code),
    });
    const { code, error } = await socket.closed;
    assert.equal(code, 1006);
    assert.match(error!.message, /^Opcode 3 /);
    assert.deepEqual(log, ["open", "hi", "open", "you", "open", 1006]);
    assert.throws(() => socket[Symbol.asyncIterator](), TypeError);
  });
});

test("a function given to connect() has the connection until it returns; what it throws goes to the error option", async () => {
  await using server = await serve({ port: 0 }, { message: (socket, message) => void socket.send(message) });
  const heard: unknown[] = [];
  const socket = await connect(server.url, {}, async (socket) => {
    socket.send("hello");
    for await (const message of socket) {
      heard.push(message);
      break;
    }
  });
  assert.deepEqual([(await socket.closed).code, heard], [1000, ["hello"]]);
  const wrong = new Error("no");
  const errors: unknown[] = [];
  const failing = await connect(server.url, { error: (error) => void errors.push(error) }, () => {
    throw wrong;
  });
  const { code, error } = await failing.closed;
  assert.deepEqual([code, error, errors], [1011, wrong, [wrong]]);
});
