/** What is no WebSocket of ours is handed to node:http, and its upgrades come back. As the peer sees it, on raw sockets. */
import assert from "node:assert/strict";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import {
  connect,
  type ConnectionHandler,
  type Refusal,
  serve,
  type ServeOptions,
  type Server,
} from "../../mod.ts";
import { test } from "../harness.ts";
import { dial, exchange, REQUEST, request } from "../raw_peer.ts";

const echo: ConnectionHandler = { message: (socket, message) => socket.send(message) };
const CLOSE = "\x88\x80\x37\xfa\x21\x3d";
const HI = "\x81\x82\x37\xfa\x21\x3d\x5f\x93";

/** Answers with what it was asked, and how much of a body came. */
function application(request: IncomingMessage, response: ServerResponse): void {
  let size = 0;
  request.on("data", (chunk: Uint8Array) => size += chunk.length);
  request.on("end", () => {
    response.end(`<${request.method} ${request.url} ${size} ${request.headers.upgrade ?? "-"}>`);
  });
}

async function serving(
  options: ServeOptions,
  use: (port: number, server: Server) => Promise<void>,
): Promise<void> {
  const server = await serve({ port: 0, ...options }, echo);
  try {
    await use(server.port, server);
  } finally {
    await server.shutdown({ deadline: 2000 });
  }
}

const get = (path: string, more = ""): string => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n${more}\r\n`;
const LAST = "Connection: close\r\n";
const statuses = (response: string): string[] =>
  [...response.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, each]) => each!);

test("keep-alive: several requests on one connection, with bodies, chunked and not", async () => {
  await serving({ http: application }, async (port) => {
    const peer = await dial(port);
    peer.write(get("/a"));
    await peer.until("<GET /a 0 ->");
    peer.write("POST /b HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhe");
    peer.write("llo");
    await peer.until("<POST /b 5 ->");
    peer.write(
      "PUT /c HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n",
    );
    await peer.until("<PUT /c 7 ->");
    peer.write(`DELETE /d HTTP/1.1\r\nHost: localhost\r\n${LAST}\r\n`);
    assert.match(await peer.untilEnd(), /<DELETE \/d 0 ->$/);
    await peer.destroy();
  });
});

test("RFC 9112, section 9.3.2: pipelined requests are answered in order, whole and in single bytes", async () => {
  const slow = (request: IncomingMessage, response: ServerResponse): void => {
    if (request.url === "/slow") setTimeout(() => response.end("<slow>"), 50);
    else application(request, response);
  };
  await serving({ http: slow }, async (port) => {
    const text = get("/slow") + "POST /b HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc" +
      get("/c", LAST);
    const whole = await exchange(port, text);
    assert.match(whole, /<slow>[^]*<POST \/b 3 ->[^]*<GET \/c 0 ->$/);
    const peer = await dial(port);
    await peer.writeBytewise(text);
    assert.match(await peer.untilEnd(), /<slow>[^]*<POST \/b 3 ->[^]*<GET \/c 0 ->$/);
    await peer.destroy();
  });
});

test("RFC 9110, section 10.1.1: 100-continue, by the first and by a later request", async () => {
  await serving({ http: application }, async (port) => {
    const peer = await dial(port);
    const head = "POST /a HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n";
    peer.write(head);
    await peer.until("HTTP/1.1 100 Continue\r\n\r\n");
    peer.write("abc");
    await peer.until("<POST /a 3 ->");
    peer.write(head);
    await peer.until("<POST /a 3 ->HTTP/1.1 100 Continue\r\n\r\n");
    peer.write("abc");
    peer.write(get("/b", LAST));
    assert.deepEqual(statuses(await peer.untilEnd()), ["100", "200", "100", "200", "200"]);
    await peer.destroy();
  });
});

test("RFC 9112, section 3.2.4: OPTIONS * reaches the application", async () => {
  await serving({ http: application }, async (port) => {
    const response = await exchange(port, `OPTIONS * HTTP/1.1\r\nHost: localhost\r\n${LAST}\r\n`);
    assert.match(response, /<OPTIONS \* 0 ->$/);
  });
});

test("an upgrade on a kept-alive connection opens, with frames in its packet, and is counted once", async () => {
  await serving(
    { http: application, maxConnections: 1, maxConnectionsPerAddress: 1 },
    async (port, server) => {
      const peer = await dial(port);
      peer.write(get("/a"));
      await peer.until("<GET /a 0 ->");
      assert.deepEqual(statuses(await exchange(port, get("/"))), ["503"], "a connection of HTTP counts");
      peer.write(REQUEST + HI);
      await peer.until("\x81\x02hi");
      assert.equal(server.connections.size, 1);
      assert.deepEqual(statuses(await exchange(port, get("/"))), ["503"]);
      peer.write(HI + CLOSE);
      assert.ok((await peer.untilEnd()).endsWith("\x81\x02hi\x88\x00"));
      await peer.destroy();
      // The server may learn of the end a moment later.
      while (statuses(await exchange(port, get("/", LAST)))[0] !== "200") {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    },
  );
});

test("an upgrade behind a request that has not been answered waits for the response", async () => {
  const slow = (_: IncomingMessage, response: ServerResponse): void => {
    response.write("<be");
    setTimeout(() => response.end("gun>"), 50);
  };
  await serving({ http: slow }, async (port) => {
    const peer = await dial(port);
    peer.write(get("/slow") + REQUEST + HI);
    peer.write(HI + CLOSE);
    assert.match(await peer.untilEnd(), /gun>[^]*HTTP\/1\.1 101 [^]*\x81\x02hi\x81\x02hi\x88\x00$/);
    await peer.destroy();
  });
});

test("a later request meets the rules of the first: hosts, origins, a bad key", async () => {
  const refusals: string[] = [];
  const refused = ({ code }: Refusal): void => void refusals.push(code);
  const evil = get("/a").replace("localhost", "evil.example");
  const tests: [string, string, string][] = [
    [evil, "421", "host-not-allowed"],
    [get("/a").replace("Host: localhost", "Host: localhost\r\nHost: localhost"), "400", "host-repeated"],
    [get("/a").replace("Host: localhost", "Host: local,host"), "400", "host-invalid"],
    [request({ Origin: "https://evil.example" }), "403", "origin-not-allowed"],
    [request({ "Sec-WebSocket-Key": "short" }), "400", "key-invalid"],
    [request({ "Sec-WebSocket-Version": "8" }), "426", "version-unsupported"],
    [request({ Connection: "keep-alive" }), "426", "connection-missing"],
  ];
  await serving({ http: application, refused }, async (port) => {
    for (const [text, status, code] of tests) {
      const peer = await dial(port);
      peer.write(get("/a") + get("/b"));
      await peer.until("<GET /b 0 ->");
      peer.write(text + get("/never"));
      const rest = await peer.untilEnd();
      assert.deepEqual(statuses(rest), ["200", "200", status], code);
      assert.equal(refusals.at(-1), code);
      await peer.destroy();
    }
  });
});

test("option path: one, a list, a function; other upgrades reach the application's own listeners", async () => {
  const rules = [
    "/chat",
    ["/chat", "/other"],
    (path: string) => path.startsWith("/chat"),
  ];
  for (const path of rules) {
    const http = createServer(application);
    http.on("upgrade", (incoming: IncomingMessage, socket: Duplex) => {
      if (incoming.url === "/theirs") socket.end("HTTP/1.1 101 Theirs\r\n\r\n");
    });
    await serving({ http, path, handshakeTimeout: 300 }, async (port) => {
      const socket = await connect(`ws://127.0.0.1:${port}/chat?a=b`);
      await socket.close();
      assert.match(
        await exchange(port, request({}, "GET /theirs HTTP/1.1")),
        /^HTTP\/1\.1 101 Theirs\r\n\r\n$/,
      );
      // Nobody does anything about it.
      assert.deepEqual(statuses(await exchange(port, request({}, "GET /nobody HTTP/1.1"))), ["404"]);
      const peer = await dial(port);
      peer.write(get("/a"));
      await peer.until("<GET /a 0 ->");
      peer.write(request({}, "GET /theirs HTTP/1.1"));
      await peer.until("101 Theirs");
      await peer.destroy();
    });
  }
});

test("a WebSocket on a path of nobody is refused with 404 at once, by the first request and by a later one", async () => {
  await serving({ http: application, path: "/chat" }, async (port) => {
    assert.deepEqual(statuses(await exchange(port, request({}, "GET /nobody HTTP/1.1"))), ["404"]);
    const peer = await dial(port);
    peer.write(get("/a"));
    await peer.until("<GET /a 0 ->");
    peer.write(request({}, "GET /nobody HTTP/1.1"));
    assert.deepEqual(statuses(await peer.untilEnd()), ["200", "404"]);
    await peer.destroy();
  });
});

test("RFC 9110, section 7.8: a request that offers h2c or TLS gets its response, with its body, and the connection stays", async () => {
  const bare = createServer(application);
  const listening = createServer(application);
  listening.on("upgrade", () => {});
  for (const http of [application, bare, listening]) {
    await serving({ http }, async (port) => {
      const peer = await dial(port);
      for (const [i, upgrade] of ["h2c", "TLS/1.2", "h2c"].entries()) {
        const more =
          `Connection: Upgrade, HTTP2-Settings\r\nUpgrade: ${upgrade}\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n`;
        peer.write(get(`/page${i}`, more));
        await peer.until(`<GET /page${i} 0 `);
        peer.write(`POST /form${i} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n${more}\r\nhe`);
        peer.write("llo");
        await peer.until(`<POST /form${i} 5 `);
      }
      await peer.destroy();
    });
  }
});
