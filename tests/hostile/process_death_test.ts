/** One input must not end the process, nor anybody else's connection: advisories of that class, against the whole stack. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer as createTlsServer } from "node:tls";
import { connect, type ConnectionHandler, HandshakeError, ProtocolError, serve } from "../../mod.ts";
import { tls } from "../fixtures.ts";
import { test } from "../harness.ts";
import { exchange, RawServer, REQUEST, request } from "../raw_peer.ts";
import {
  acceptance,
  attackClient,
  BINARY,
  BYE,
  clientFrame,
  deferred,
  ECHO,
  failClient,
  heard,
  HI,
  rejection,
  say,
  serverFrame,
  serving,
  stillServes,
  TEXT,
  turns,
  until,
  withOpen,
  withPeer,
} from "./support.ts";

async function status(port: number, text: string): Promise<number> {
  return heard(await exchange(port, text)).status;
}

test("CVE-2022-21676 (engine.io): a bad frame in the segment of the handshake fails that connection alone", async () => {
  await serving({}, ECHO, async ({ port }) => {
    for (const rsv of [1, 2, 3, 4, 7]) {
      const { close, texts } = await say(port, clientFrame({ opcode: TEXT, payload: "x", rsv }) + HI);
      assert.deepEqual([close, texts], [1002, []]);
    }
    await stillServes(port);
  });
});

test("CVE-2024-37890 (ws): header lines beyond the limit are refused with 431, wherever the real ones stand", async () => {
  await serving({}, ECHO, async ({ port }) => {
    const [line, ...rest] = REQUEST.split("\r\n");
    for (const [count, expected] of [[95, 101], [96, 431], [2001, 431]] as const) {
      const flood = Array<string>(count).fill("!!: x");
      const text = [line, ...flood, ...rest].join("\r\n");
      assert.equal(await status(port, text + BYE), expected, `${count} lines more`);
    }
    await stillServes(port);
  });
});

test("npm advisory 550 (ws), CVE-2026-21710 (Node): names of Object.prototype are names like others", async () => {
  const seen: (string | null)[] = [];
  await serving(
    {
      upgrade: (request) =>
        void seen.push(request.headers.get("__proto__"), request.headers.get("constructor")),
    },
    ECHO,
    async ({ port }) => {
      for (const name of ["__proto__", "constructor", "hasOwnProperty", "toString"]) {
        const opened = request({
          [name === "__proto__" ? "constructor" : "__proto__"]: "a",
          "Sec-WebSocket-Extensions": `${name}, ${name}; ${name}=${name}`,
          "Sec-WebSocket-Protocol": name,
        });
        assert.deepEqual((await say(port, HI + BYE, opened)).texts, ["hi"]);
      }
      assert.deepEqual(seen.slice(0, 4), [null, "a", "a", null]);
      assert.equal(await status(port, request({ "Sec-WebSocket-Extensions": ",;constructor" })), 400);
      await stillServes(port);
    },
  );
});

/** A ClientHello of TLS 1.2 that asks for a server of this name. */
function clientHello(name: string): string {
  const u16 = (value: number): string => String.fromCharCode(value >> 8, value & 0xff);
  const sized = (text: string): string => u16(text.length) + text;
  const serverName = u16(0) + sized(sized("\0" + sized(name)));
  const body = "\x03\x03" + "r".repeat(32) + "\0" + sized("\xc0\x2f\xc0\x2b") + "\x01\0" + sized(serverName);
  // The length of the message has three bytes.
  return "\x16\x03\x01" + sized("\x01\0" + sized(body));
}

test("CVE-2026-21637 (Node): what is no TLS, or asks for an odd server name, ends alone", async () => {
  const server = await serve({ port: 0, tls }, ECHO);
  try {
    for (
      const bytes of [
        REQUEST,
        "\x16\x03\x01\xff\xff" + "x".repeat(70_000),
        "\x15\x03\x01\x00\x02\x02\x00",
        "\0".repeat(100),
        ...["", "__proto__", "\xff\0\r\n", ".", "a".repeat(3000)].map(clientHello),
      ]
    ) {
      await withPeer(server.port, async (peer) => {
        peer.write(bytes);
        peer.end();
        await turns();
      });
    }
    const socket = await connect(server.url, { tls: { ca: tls.ca } });
    socket.send("hi");
    for await (const message of socket) {
      assert.equal(message, "hi");
      break;
    }
    await socket.close();
  } finally {
    await server.shutdown({ deadline: 0 });
  }
});

test("CVE-2026-1528 (undici): a server's 64-bit lengths fail a client's connection, and nothing else", async () => {
  const cases: [length: bigint, code: number][] = [
    [2n ** 31n, 1009],
    [2n ** 32n + 5n, 1009],
    [2n ** 53n - 1n, 1009],
    [2n ** 53n, 1009],
    [2n ** 63n - 1n, 1009],
    [2n ** 63n, 1002],
    [2n ** 64n - 1n, 1002],
  ];
  for (const [length, code] of cases) {
    for (const opcode of [TEXT, BINARY]) {
      const { close, frames, messages } = await attackClient(serverFrame({ opcode, length, form: 64 }));
      assert.ok(close.error instanceof ProtocolError);
      assert.equal(close.error.statusCode, code, `a length of ${length}`);
      assert.deepEqual([close.code, frames.length, messages], [1006, 1, []]);
    }
  }
});

test("CVE-2026-2229 (undici): window bits that a server must not answer fail the handshake", async () => {
  const values = ["1000", "7", "16", "0", "-8", "010", "0xf", "1e1", "15.0", '""', "9".repeat(400), " "];
  for (const side of ["server", "client"]) {
    for (const value of values) {
      const line = `Sec-WebSocket-Extensions: permessage-deflate; ${side}_max_window_bits=${value}\r\n`;
      const compressed = serverFrame({ opcode: TEXT, rsv: 4, payload: Uint8Array.of(0xf2, 0x48, 0) });
      const error = await failClient((request) => acceptance(request, line) + compressed, {
        compression: true,
      });
      assert.match(error.reason, /^extension-(parameters|malformed)$/, line);
    }
  }
});

test("CVE-2026-45541 (ESP-IDF): subprotocols that are nothing but commas are no subprotocols", async () => {
  await serving({ protocols: ["chat"] }, ECHO, async ({ port }) => {
    for (const value of [",", ",,,, ,", " , ", ""]) {
      const { head } = await say(port, BYE, request({ "Sec-WebSocket-Protocol": value }));
      assert.doesNotMatch(head, /sec-websocket-protocol/i);
    }
  });
});

test("Granian's advisory of 2026, websocket 1.0.35: subprotocols that are no tokens are refused, before upgrade() is asked", async () => {
  let asked = 0;
  await serving({ upgrade: () => void asked++ }, ECHO, async ({ port }) => {
    for (const value of ["\xff", "ch\xe9t", "a b", "a, b c", "a\tb", "a/b", "a;b", '"a"']) {
      assert.equal(await status(port, request({ "Sec-WebSocket-Protocol": value })), 400, value);
    }
    assert.equal(asked, 0);
    await stillServes(port);
  });
});

test("CVE-2024-38355, CVE-2022-2421, CVE-2023-32695 (socket.io): what a handler throws at a crafted message ends that connection alone", async () => {
  await serving({ closeTimeout: 50 }, {
    message: (socket, message) => socket.send(JSON.parse(String(message)).event.toUpperCase()),
  }, async ({ port, errors }) => {
    await withOpen(port, async (bystander) => {
      for (const packet of ['{"event":7}', "[]", "null", "{", '{"event":{"toUpperCase":1}}']) {
        const { close } = await say(port, clientFrame({ opcode: TEXT, payload: packet }));
        assert.equal(close, 1011, packet);
      }
      bystander.write(clientFrame({ opcode: TEXT, payload: '{"event":"hi"}' }));
      await bystander.until("HI");
    });
    assert.equal(errors.splice(0).length, 5);
  });
});

test("CVE-2024-38355 (socket.io): whatever a handler throws or rejects with, at whatever time, is caught", async () => {
  const throwIt = (): never => {
    throw undefined;
  };
  const handlers: ConnectionHandler[] = [
    { open: throwIt },
    { message: throwIt },
    { message: () => Promise.reject(null) },
    { message: () => ({ then: throwIt }) },
    {
      message: () => ({
        get then() {
          return throwIt();
        },
      }),
    },
    () => throwIt(),
    () => Promise.reject(Symbol("odd")),
  ];
  for (const handler of handlers) {
    await serving({ closeTimeout: 50 }, handler, async ({ port, errors }) => {
      const { close } = await say(port, HI);
      assert.equal(close, 1011);
      await until(() => errors.length > 0);
      assert.equal(errors.splice(0).length, 1);
    });
  }
  const closed = deferred();
  await serving({}, { close: () => (closed.resolve(), throwIt()) }, async ({ port, errors }) => {
    await say(port, BYE);
    await closed.promise;
    await until(() => errors.length > 0);
    errors.splice(0);
  });
});

test("CVE-2022-41940, CVE-2023-31125 (engine.io): crafted targets reach upgrade() whole, or are refused", async () => {
  const targets = [
    ...[
      "/?EIO=4&transport=websocket&sid=%00",
      "/%",
      "/%zz?__proto__[x]=1",
      "//",
      "//evil.example/",
      "/\\..\\",
    ],
    ...["/?" + "a".repeat(8000), "/..%2f..%2fetc", "/?a=%ff%fe", "/;/?;", "/{}|^`<>\"'"],
  ];
  const paths: string[] = [];
  await serving({ upgrade: ({ url }) => void paths.push(new URL(url).host) }, ECHO, async ({ port }) => {
    for (const target of targets) {
      assert.equal(await status(port, request({}, `GET ${target} HTTP/1.1`) + BYE), 101, target);
    }
    assert.deepEqual(new Set(paths), new Set(["localhost"]));
    for (
      const target of ["*", "chat", "\\", "?", "/#a", "http://", "http:///", "ftp://localhost/", "/\xff"]
    ) {
      assert.equal(await status(port, request({}, `GET ${target} HTTP/1.1`)), 400, target);
    }
  });
});

test("CVE-2022-41940, CVE-2023-31125 (engine.io): a host of which no URL can be made is refused, and no hook has to throw for it", async () => {
  let reached = 0;
  const odd = ["%00", "xn--", "1.2.3.4.5", "256.256.256.256", "0x7f.1.1.999", "a%20b", "a%2fb", "%ff"];
  await serving({ hosts: "any", upgrade: () => void reached++ }, {
    open: (socket) => socket.send(new URL(socket.request!.url).host),
  }, async ({ port, errors }) => {
    for (const host of odd) {
      assert.equal(await status(port, request({ Host: host }) + BYE), 400, `Host: ${host}`);
      assert.equal(
        await status(port, request({}, `GET http://${host}/ HTTP/1.1`) + BYE),
        400,
        `GET http://${host}/`,
      );
    }
    assert.deepEqual([reached, errors], [0, []]);
  });
  // Those that the default of a loopback address lets through.
  await serving({}, {
    open: (socket) => socket.send(new URL(socket.request!.url).host),
  }, async ({ port }) => {
    for (const host of ["%00.localhost", "xn--.localhost", "a%2fb.localhost"]) {
      assert.equal(await status(port, request({ Host: host }) + BYE), 400, `Host: ${host}`);
    }
  });
});

test("Deno issue 36327: a client offers and speaks HTTP/1.1 alone, whatever the server would like", async () => {
  const firstBytes: string[] = [];
  const protocols: unknown[] = [];
  const server = createTlsServer(
    { cert: tls.cert, key: tls.key, ALPNProtocols: ["h2", "http/1.1"] },
    (socket) => {
      protocols.push(socket.alpnProtocol);
      socket.on("error", () => {});
      socket.once("data", (data: Uint8Array) => {
        firstBytes.push(String.fromCharCode(...data.subarray(0, 3)));
        // PUSH_PROMISE and two interim responses, as HTTP/2 frames.
        socket.end(
          "\0\0\x04\x05\x04\0\0\0\x01\0\0\0\x02" + "\0\0\x01\x01\x04\0\0\0\x01\x88".repeat(2),
          "latin1",
        );
      });
    },
  );
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  const error = await rejection(connect(`wss://127.0.0.1:${port}/`, { tls: { ca: tls.ca } }));
  assert.ok(error instanceof HandshakeError);
  assert.equal(error.reason, "response-malformed");
  assert.deepEqual([firstBytes, protocols], [["GET"], ["http/1.1"]]);
  server.close();
  await once(server, "close");
});

test("CVE-2020-36406 (uWebSockets): topics come and go with subscribers that vanish in the midst of a broadcast", async () => {
  await serving({ maxTopics: 200 }, {
    open(socket) {
      for (let topic = 0; topic < 200; topic++) socket.subscribe(`room ${topic}`);
    },
    message(socket, message) {
      socket.unsubscribe(String(message));
    },
  }, async ({ server, port }) => {
    for (let round = 0; round < 5; round++) {
      for (let count = 0; count < 4; count++) {
        await withOpen(port, async (peer) => {
          peer.write(clientFrame({ opcode: TEXT, payload: `room ${count}` }));
          for (let topic = 0; topic < 200; topic++) server.publish(`room ${topic}`, "x".repeat(1000));
          await peer.until("xxx");
        });
        server.publish("room 7", "to those who have gone");
      }
    }
    await until(() => server.connections.size === 0);
    for (let topic = 0; topic < 200; topic++) assert.equal(server.subscriberCount(`room ${topic}`), 0);
  });
});

test("the class of CVE-2026-1528 (undici): a response whose Content-Length is no length fails the handshake, and nothing else", async () => {
  for (
    const length of [
      "-1",
      "-5",
      "-1e9",
      "1.5",
      "-0.5",
      "0x10",
      "1e400",
      "-Infinity",
      "NaN",
      "",
      "9".repeat(400),
    ]
  ) {
    for (const body of ["", "not here", "x".repeat(5000)]) {
      const error = await failClient(
        `HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\nContent-Length: ${length}\r\n\r\n${body}`,
      );
      assert.deepEqual([error.reason, error.status], ["unexpected-status", 404], length);
      assert.ok((error.body ?? "").length <= 4096);
    }
  }
});

test("the class of CVE-2026-1528 (undici): a proxy's Content-Length that is no length fails the handshake, and nothing else", async () => {
  for (const length of ["-1", "-5", "1.5", "NaN"]) {
    await using proxy = await RawServer.listen(async (peer) => {
      await peer.until("\r\n\r\n");
      peer.write(`HTTP/1.1 407 Who are you\r\nContent-Length: ${length}\r\n\r\nbody`);
      peer.end();
    });
    const error = await rejection(connect("ws://a.example/", { proxy: `http://127.0.0.1:${proxy.port}` }));
    assert.ok(error instanceof HandshakeError);
    assert.deepEqual([error.step, error.status], ["proxy", 407]);
  }
});

test("the class of CVE-2026-1528 (undici): whatever a server answers, a client's handshake fails with a reason", async () => {
  const answers: [answer: string | ((request: string) => string), reason: string][] = [
    ["", "response-truncated"],
    ["\0", "response-malformed"],
    ["HTTP/1.1 101\r\n\r\n", "upgrade-missing"],
    ["HTTP/1.1 1e2 OK\r\n\r\n", "response-malformed"],
    ["HTTP/1.1 99999 OK\r\n\r\n", "response-malformed"],
    ["HTTP/1.1 -20 OK\r\n\r\n", "response-malformed"],
    ["HTTP/2.0 101 OK\r\n\r\n", "response-malformed"],
    ["HTTP/1.1 200 OK\r\n: x\r\n\r\n", "response-malformed"],
    ["HTTP/1.1 200 OK\r\n x\r\n\r\n", "response-malformed"],
    ["HTTP/1.1 100 Continue\r\n\r\n".repeat(10_000), "response-malformed"],
    ["HTTP/1.1 200 OK\r\n" + "a: b\r\n".repeat(101) + "\r\n", "response-malformed"],
    ["HTTP/1.1 200 OK\r\na: " + "b".repeat(20_000) + "\r\n\r\n", "response-malformed"],
    ["HTTP/1.1 302 Found\r\nLocation: \xff\r\n\r\n", "unexpected-status"],
    [(request) => acceptance(request).replace("Accept: ", "Accept: x"), "accept-mismatch"],
    [(request) => acceptance(request, "Sec-WebSocket-Protocol: __proto__\r\n"), "subprotocol-not-offered"],
    [(request) => acceptance(request, "Sec-WebSocket-Extensions: constructor\r\n"), "extension-not-offered"],
    [(request) => acceptance(request, 'Sec-WebSocket-Extensions: a; b="\r\n'), "extension-malformed"],
  ];
  for (const [answer, reason] of answers) {
    assert.equal((await failClient(answer)).reason, reason, String(answer).slice(0, 60));
  }
});

test("CVE-2026-21637 (Node): a client that is given garbage for TLS fails with a reason", async () => {
  for (
    const bytes of [
      "\x16\x03\x03\xff\xff" + "x".repeat(70_000),
      "\x15\x03\x03\0\x02\x02\x28",
      "HTTP/1.1 400 No\r\n\r\n",
    ]
  ) {
    await using server = await RawServer.listen(async (peer) => {
      await peer.until("\x16");
      peer.write(bytes);
      peer.end();
    });
    const error = await rejection(connect(`wss://127.0.0.1:${server.port}/`, { tls: { ca: tls.ca } }));
    assert.ok(error instanceof HandshakeError);
    assert.equal(error.step, "connect");
  }
});
