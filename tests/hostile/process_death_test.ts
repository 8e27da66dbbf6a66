/** One input must not end a server, nor anybody else's connection: advisories of that class, against the whole stack. */
import assert from "node:assert/strict";
import { connect, type ConnectionHandler, serve } from "../../mod.ts";
import { tls } from "../fixtures.ts";
import { test } from "../harness.ts";
import { exchange, REQUEST, request } from "../raw_peer.ts";
import {
  BYE,
  clientFrame,
  deferred,
  ECHO,
  heard,
  HI,
  say,
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
  await serving({ closeTimeout: 300 }, {
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
    await serving({ closeTimeout: 300 }, handler, async ({ port, errors }) => {
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
      const target of [
        "*",
        "chat",
        "\\",
        "/\\..\\",
        "/a/../b",
        "?",
        "/#a",
        "http://",
        "http:///",
        "ftp://localhost/",
        "/\xff",
      ]
    ) {
      assert.equal(await status(port, request({}, `GET ${target} HTTP/1.1`)), 400, target);
    }
  });
});

test("CVE-2022-41940, CVE-2023-31125 (engine.io): a host of which no URL can be made is refused, and no hook has to throw for it", async () => {
  let reached = 0;
  const odd = ["%00", "1.2.3.4.5", "256.256.256.256", "0x7f.1.1.999", "a%20b", "a%2fb", "%ff"];
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
    for (const host of ["%00.localhost", "a%2fb.localhost"]) {
      assert.equal(await status(port, request({ Host: host }) + BYE), 400, `Host: ${host}`);
    }
  });
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
