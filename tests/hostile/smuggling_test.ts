/** Requests that a proxy and a server could read differently: the shapes of request smuggling, against the whole stack. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { acceptor } from "../../mod.ts";
import { test } from "../harness.ts";
import { exchange, RawServer, REQUEST, request } from "../raw_peer.ts";
import {
  acceptance,
  BYE,
  clientFrame,
  closeCodeIn,
  ECHO,
  failClient,
  framesIn,
  heard,
  HI,
  serving,
  stillServes,
  TEXT,
  withPeer,
} from "./support.ts";

const PLAIN = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
const SECOND = "GET /internal HTTP/1.1\r\nHost: localhost\r\n\r\n";
const MASKED_GET = clientFrame({ opcode: TEXT, payload: SECOND });

/** The statuses of all responses in what a server said. */
function responsesIn(received: string): number[] {
  return [...received.matchAll(/HTTP\/1\.\d (\d{3}) /g)].map(([, status]) => Number(status));
}

/** The same, of all that it says to this until it ends the connection. */
async function responses(port: number, text: string): Promise<number[]> {
  return responsesIn(await exchange(port, text));
}

/** A server with both doors: WebSockets, and pages. What reached either is written down. */
async function watched(use: (port: number, reached: string[]) => Promise<void>): Promise<void> {
  const reached: string[] = [];
  await serving(
    {
      upgrade: ({ url }) => void reached.push(`upgrade ${url}`),
      fetch: ({ url }) => (reached.push(`fetch ${url}`), new Response("page")),
    },
    ECHO,
    async ({ port }) => {
      await use(port, reached);
      await stillServes(port);
    },
  );
}

test("websocket-smuggle (2019): a second request behind a refused handshake is never answered, and never reaches a hook", async () => {
  await watched(async (port, reached) => {
    const refused = [
      request({ "Sec-WebSocket-Version": "777" }),
      request({ "Sec-WebSocket-Version": undefined }),
      request({ "Sec-WebSocket-Key": "short" }),
      request({ "Connection": "keep-alive" }),
      request({ "Upgrade": "h2c", "Connection": "Upgrade, HTTP2-Settings" }),
      request({ "Origin": "http://evil.example" }),
      request({ "Host": "evil.example" }),
      request({}, "POST / HTTP/1.1"),
      request({}, "GET / HTTP/1.0"),
    ];
    for (const first of refused) {
      for (const second of [SECOND, REQUEST, SECOND + SECOND, MASKED_GET]) {
        const received = await exchange(port, first + second);
        assert.equal(responsesIn(received).length, 1, first);
        const { status, head } = heard(received);
        assert.ok(status >= 400, first);
        assert.match(head, /\r\nConnection: close/, first);
      }
    }
    assert.deepEqual(reached, []);
  });
});

test("websocket-smuggle (2019): a second request that comes after the refusal was read is not answered either", async () => {
  await watched(async (port, reached) => {
    await withPeer(port, async (peer) => {
      peer.write(request({ "Sec-WebSocket-Version": "777" }));
      await peer.until("\r\n\r\n");
      peer.write(SECOND);
      peer.write(REQUEST + HI);
      assert.equal(responsesIn(await peer.untilEnd()).length, 1);
    });
    assert.deepEqual(reached, []);
  });
});

test("websocket-smuggle (2019): behind an accepted handshake a second request is no frame: one response, then 1002", async () => {
  await watched(async (port, reached) => {
    for (
      const second of [SECOND, REQUEST, "POST / HTTP/1.1\r\n\r\n", "\r\n" + SECOND, "PRI * HTTP/2.0\r\n\r\n"]
    ) {
      const received = await exchange(port, REQUEST + second);
      assert.equal(responsesIn(received).length, 1, second);
      assert.equal(closeCodeIn(framesIn(heard(received).rest)), 1002, second);
    }
    assert.equal(reached.filter((each) => !each.startsWith("upgrade ")).length, 0);
  });
});

test("websocket-smuggle (2019): behind a page comes what was asked next, and nothing behind the last", async () => {
  await watched(async (port, reached) => {
    const page = (more = ""): string => `GET / HTTP/1.1\r\nHost: localhost\r\n${more}\r\n`;
    for (const second of [SECOND, REQUEST + HI]) {
      // node:http may refuse all for what comes behind the last.
      const [status, ...others] = await responses(port, page("Connection: close\r\n") + second);
      assert.ok(status === 200 || status === 400);
      assert.deepEqual(others, []);
    }
    assert.deepEqual(reached.splice(0), ["fetch http://localhost/", "fetch http://localhost/"]);
    assert.deepEqual(await responses(port, page() + REQUEST + BYE), [200, 101]);
    assert.equal(reached.length, 2);
  });
});

test("the class of bodies read as frames (ws, faye, Bun): a handshake with a body is refused, and its body is nothing", async () => {
  await watched(async (port, reached) => {
    const frame = HI.length;
    for (
      const headers of [
        { "Content-Length": `${frame}` },
        { "Content-Length": "1" },
        { "Transfer-Encoding": "chunked" },
        { "Transfer-Encoding": "gzip, chunked" },
      ]
    ) {
      for (const body of [HI, `${frame.toString(16)}\r\n${HI}\r\n0\r\n\r\n`]) {
        assert.deepEqual(await responses(port, request(headers) + body), [400], JSON.stringify(headers));
        // Without a handshake it is node:http that reads the body: one answer, and no frame.
        const plain = {
          Upgrade: undefined,
          "Sec-WebSocket-Key": undefined,
          "Sec-WebSocket-Version": undefined,
        };
        const page = request({ ...headers, ...plain, Connection: "close" }) + body;
        const [status, ...others] = await responses(port, page);
        assert.ok(status === 200 || status === 400, JSON.stringify(headers));
        assert.deepEqual(others, []);
      }
    }
    assert.deepEqual(reached.filter((each) => !each.startsWith("fetch ")), []);
    assert.deepEqual(await responses(port, request({ "Content-Length": "0" }) + BYE), [101]);
  });
});

test("CL.TE, TE.CL and their kin: lengths that two readers could read differently are refused with 400", async () => {
  await watched(async (port, reached) => {
    const shapes = [
      ["Content-Length: 5", "Transfer-Encoding: chunked"],
      ["Transfer-Encoding: chunked", "Content-Length: 0"],
      ["Content-Length: 0", "Content-Length: 5"],
      ["Content-Length: 0, 5"],
      ["Content-Length: +0"],
      ["Content-Length: -0"],
      ["Content-Length: 0x0"],
      ["Content-Length: 0 0"],
      ["Content-Length: "],
      ["Content-Length: \x00"],
      ["Transfer-Encoding: xchunked"],
      ["Transfer-Encoding: chunked, identity"],
      ["Transfer-Encoding:\x0bchunked"],
      ["Transfer-Encoding : chunked"],
      [" Transfer-Encoding: chunked"],
      ["X: y", "\tTransfer-Encoding: chunked"],
      ["X: y\nTransfer-Encoding: chunked"],
      ["X: y\rTransfer-Encoding: chunked"],
      ["Transfer\x00-Encoding: chunked"],
      ["Transfer-Encoding\xa0: chunked"],
      ["Transfer-Encoding: identity"],
      ["Transfer-Encoding: "],
    ];
    for (const lines of shapes) {
      for (const text of [REQUEST, PLAIN, PLAIN.replace("GET", "POST")]) {
        const smuggled = text.replace("\r\n\r\n", `\r\n${lines.join("\r\n")}\r\n\r\n`) + "0\r\n\r\n" + SECOND;
        assert.deepEqual(await responses(port, smuggled), [400], JSON.stringify(lines));
      }
    }
    assert.deepEqual(reached, []);
  });
});

test("obs-fold, bare LF, bare CR, NUL and white space before a colon: a head that could be cut in two ways is refused", async () => {
  await watched(async (port, reached) => {
    const head = "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n";
    const key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
    for (
      const text of [
        `${head}X: y\r\n ${key}`,
        `${head}X: y\r\n\t${key}`,
        `${head}X: y\n${key}`,
        `${head}X: y\r${key}`,
        `${head}X: y\0${key}`,
        `${head}X : y\r\n${key}`,
        `${head}X\t: y\r\n${key}`,
        `${head}X\r\n${key}`,
        `${head}: y\r\n${key}`,
        `${head}X Y: z\r\n${key}`,
        `${head}X\x80: z\r\n${key}`,
        (head + key).replaceAll("\r\n", "\n"),
        (head + key).replaceAll("\r\n", "\r"),
        (head + key).replace("GET / ", "GET  / "),
        (head + key).replace("GET / ", "GET\t/ "),
        (head + key).replace(" HTTP", "  HTTP"),
        (head + key).replace("HTTP/1.1", "HTTP/1.1 "),
        (head + key).replace("HTTP/1.1", "http/1.1"),
        (head + key).replace("HTTP/1.1", "HTTP/1.10"),
        (head + key).replace("GET", "get x"),
        " " + head + key,
        "\r\n\r\n" + head + key,
        head.replace("\r\n", "\r\n Host: evil.example\r\n") + key,
      ]
    ) {
      const received = await exchange(port, text + SECOND);
      const { status } = heard(received);
      assert.ok(status === 400 || status === 505, `${status}: ${JSON.stringify(text)}`);
      assert.equal(responsesIn(received).length, 1, JSON.stringify(text));
    }
    assert.deepEqual(reached, []);
  });
});

test("duplicated headers: what must stand once and stands twice is refused, be both alike or not", async () => {
  await watched(async (port, reached) => {
    for (
      const [line, status] of [
        ["Host: localhost", 400],
        ["Host: evil.example", 400],
        ["host: localhost", 400],
        ["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", 400],
        ["Sec-WebSocket-Key: AQIDBAUGBwgJCgsMDQ4PEC==", 400],
        ["Sec-WebSocket-Version: 13", 426],
        ["Sec-WebSocket-Version: 8", 426],
        ["Origin: http://localhost\r\nOrigin: http://localhost", 400],
        ["Origin: http://localhost\r\nOrigin: http://evil.example", 400],
        ["Content-Length: 0\r\nContent-Length: 1", 400],
      ] as const
    ) {
      for (
        const text of [
          REQUEST.replace("\r\n\r\n", `\r\n${line}\r\n\r\n`),
          REQUEST.replace("\r\n", `\r\n${line}\r\n`),
        ]
      ) {
        assert.deepEqual(await responses(port, text), [status], line);
      }
    }
    assert.deepEqual(reached, []);
  });
});

test("CVE-2026-44578 (Next.js): the authority of an absolute target is compared, and never dialled", async () => {
  let dialled = 0;
  await using inner = await RawServer.listen(() => void dialled++);
  const absolute = `GET http://127.0.0.1:${inner.port}/latest/meta-data HTTP/1.1`;
  const urls: string[] = [];
  await serving(
    {
      hosts: ["localhost"],
      upgrade: ({ url }) => void urls.push(url),
      fetch: ({ url }) => (urls.push(url), new Response("page")),
    },
    ECHO,
    async ({ port }) => {
      for (
        const target of [
          absolute,
          "GET http://169.254.169.254/latest HTTP/1.1",
          "GET ws://[::1]:22/ HTTP/1.1",
        ]
      ) {
        assert.deepEqual(await responses(port, request({}, target)), [421], target);
        assert.deepEqual(await responses(port, `${target}\r\nHost: localhost\r\n\r\n`), [421], target);
      }
      assert.deepEqual(await responses(port, "CONNECT 127.0.0.1:22 HTTP/1.1\r\nHost: localhost\r\n\r\n"), [
        400,
      ]);
      assert.deepEqual(urls, []);
      // RFC 9112, section 3.2.2: it replaces the Host, whatever that says.
      const own = request({ Host: "evil.example" }, "GET http://localhost/a HTTP/1.1");
      assert.deepEqual(await responses(port, own + BYE), [101]);
      assert.deepEqual(urls, ["http://localhost/a"]);
    },
  );
  await serving({ hosts: "any" }, ECHO, async ({ port }) => {
    assert.deepEqual(await responses(port, request({}, absolute) + BYE), [101]);
  });
  assert.equal(dialled, 0);
});

test("smuggling behind node:http: what its parser lets through is refused by ours, or by it, with one response", async () => {
  const reached: string[] = [];
  const server = createServer((_, response) => void response.end("page"));
  const accept = acceptor({ upgrade: ({ url }) => void reached.push(url) }, ECHO);
  server.on("upgrade", accept);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  try {
    for (
      const text of [
        request({ "Sec-WebSocket-Version": "777" }) + SECOND,
        request({ "Content-Length": `${HI.length}` }) + HI,
        request({ "Transfer-Encoding": "chunked" }) + `${HI.length.toString(16)}\r\n${HI}\r\n0\r\n\r\n`,
        request({ "Host": undefined }),
        REQUEST.replace("\r\n", "\r\nHost: evil.example\r\n"),
        request({ "Host": "a, b" }),
        request({}, "GET / HTTP/1.0"),
        request({}, "GET * HTTP/1.1"),
        request({ "Origin": "http://evil.example" }),
      ]
    ) {
      const received = await exchange(port, text);
      const { status } = heard(received);
      assert.ok(status >= 400 && status < 600, `${status}: ${text}`);
      assert.equal(responsesIn(received).length, 1, text);
    }
    assert.deepEqual(reached, []);
    assert.match(await exchange(port, REQUEST + HI + BYE), /hi/);
  } finally {
    await accept.shutdown({ deadline: 0 });
    const closed = once(server, "close");
    server.close();
    server.closeAllConnections?.();
    await closed;
  }
});

test("response smuggling: a client takes no second response, no body and no folded line for frames or headers", async () => {
  const cases: [answer: (request: string) => string, reason: string][] = [
    [(request) => "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" + acceptance(request), "unexpected-status"],
    [(request) => acceptance(request).replace("\r\n\r\n", "\n\n"), "response-malformed"],
    [
      (request) => acceptance(request).replace("Upgrade: websocket", "X: y\r\n Upgrade: websocket"),
      "upgrade-missing",
    ],
    [(request) => acceptance(request).replace("Upgrade:", "Upgrade :"), "response-malformed"],
    [(request) => acceptance(request).replace("HTTP/1.1", "HTTP/1.0"), "http-version"],
    [(request) => acceptance(request, "Sec-WebSocket-Accept: x\r\n"), "accept-repeated"],
    [(request) => acceptance(request, "X: y\0z\r\n"), "response-malformed"],
  ];
  for (const [answer, reason] of cases) {
    assert.equal((await failClient(answer)).reason, reason, String(answer));
  }
});
