/** Sockets that node:http has upgraded, on every runtime. */
import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import { createServer as createSecureServer } from "node:https";
import { once } from "node:events";
import {
  acceptor,
  type AcceptorOptions,
  connect,
  type ConnectionHandler,
  HandshakeError,
  serve,
} from "../../mod.ts";
import { listening } from "./support.ts";
import { tls } from "../fixtures.ts";
import { test } from "../harness.ts";
import { dial, exchange, REQUEST, request } from "../raw_peer.ts";

const echo: ConnectionHandler = { message: (socket, message) => socket.send(message) };

async function over<Data>(
  options: AcceptorOptions<Data>,
  handler: ConnectionHandler<Data>,
  use: (port: number) => Promise<void>,
  server: Server = createServer((_, response) => response.end("over HTTP")),
): Promise<void> {
  server.on("upgrade", acceptor(options, handler));
  await listening(server, use);
}

test("node:http keeps its port: pages by its own handler, WebSockets by ours", async () => {
  await over({}, echo, async (port) => {
    const page = await fetch(`http://127.0.0.1:${port}/`, { headers: { connection: "close" } });
    assert.equal(await page.text(), "over HTTP");
    const socket = await connect(`ws://127.0.0.1:${port}/chat`);
    socket.send("text");
    socket.send(Uint8Array.of(1, 2, 3));
    const messages = [];
    for await (const message of socket) if (messages.push(message) === 2) break;
    assert.deepEqual(messages, ["text", Uint8Array.of(1, 2, 3)]);
    const close = await socket.close(1000, "done");
    assert.ok(close.wasClean);
    assert.equal(close.code, 1000);
  });
});

test("RFC 6455, section 4.1: frames in the same packet as the request are not lost behind node:http", async () => {
  await over({}, echo, async (port) => {
    const peer = await dial(port);
    peer.write(REQUEST + "\x81\x82\x37\xfa\x21\x3d\x5f\x93" + "\x88\x80\x37\xfa\x21\x3d");
    const received = await peer.untilEnd();
    assert.match(received, /\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=\r\n/i);
    assert.ok(received.endsWith("\x81\x02hi\x88\x00"), JSON.stringify(received));
    await peer.destroy();
  });
});

test("upgrade() types data, sets headers and chooses the subprotocol behind node:http too", async () => {
  const options: AcceptorOptions<{ user: string }> = {
    async upgrade(request) {
      await Promise.resolve();
      return { data: { user: request.headers.get("cookie")! }, headers: { "x-kind": "chat" } };
    },
    protocols: ["v1"],
  };
  await over(
    options,
    { open: (socket) => void socket.send(`${socket.data.user} ${socket.protocol}`) },
    async (port) => {
      const socket = await connect(`ws://127.0.0.1:${port}/`, {
        headers: { cookie: "ada" },
        protocols: ["v1"],
      });
      for await (const message of socket) {
        assert.equal(message, "ada v1");
        break;
      }
      await socket.close();
    },
  );
});

test("what node:http lets pass and the RFCs do not is refused", async () => {
  await over({}, echo, async (port) => {
    const status = async (text: string): Promise<string> => (await exchange(port, text)).slice(9, 12);
    assert.equal(await status(request({ "Sec-WebSocket-Key": "short" })), "400");
    assert.equal(await status(request({ "Sec-WebSocket-Version": "14" })), "426");
    assert.equal(await status(request({ "Origin": "http://evil.example" })), "403");
    assert.equal(
      await status(request({ "Content-Length": "14" }) + "\x81\x88\x37\xfa\x21\x3dXXXXXXXX"),
      "400",
    );
  });
});

const BYE = "\x88\x80\x37\xfa\x21\x3d";

test("RFC 9110, section 5.5: a no-break space is part of a value, behind node:http as in serve()", async () => {
  const server = await serve({ port: 0 }, {});
  await over({}, {}, async (port) => {
    const values: [name: string, value: string, status: string][] = [
      ["Host", "localhost", "400"],
      ["Upgrade", "websocket", "426"],
      ["Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==", "400"],
      ["Sec-WebSocket-Version", "13", "426"],
      ["Sec-WebSocket-Protocol", "v1", "400"],
      ["Sec-WebSocket-Extensions", "permessage-deflate", "400"],
      ["Origin", "http://localhost", "403"],
    ];
    for (const [name, value, status] of values) {
      assert.match(await exchange(port, request({ [name]: `${value} \t` }) + BYE), /^HTTP\/1\.1 101 /, name);
      for (const changed of [`${value}\xa0`, `\xa0${value}`]) {
        const text = request({ [name]: changed }) + BYE;
        const responses = [await exchange(port, text), await exchange(server.port, text)];
        const statuses = responses.map((response) => response.slice(9, 12));
        assert.deepEqual(statuses, [status, status], `${name}: ${changed}`);
      }
    }
  });
  await server.shutdown();
});

test("the request of a connection has the values that were judged", async () => {
  const heads: string[] = [];
  const options: AcceptorOptions = { accepted: ({ request }) => void heads.push(request!.text) };
  const accept = acceptor(options, {
    open: (socket) => void socket.send(`${socket.request!.url} ${socket.request!.headers.get("x-name")}`),
  });
  const server = createServer();
  server.on("upgrade", (request, socket, head) => {
    const { method, url, httpVersion } = request;
    const rawHeaders = request.rawHeaders.map((each: string, i: number) => i % 2 === 0 ? each : ` ${each}\t`);
    accept({ method, url, httpVersion, rawHeaders }, socket, head);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  const received = await exchange(port, request({ "X-Name": "a\xa0" }) + BYE);
  assert.ok(received.includes("http://localhost/ a\xc2\xa0\x88"), JSON.stringify(received));
  assert.match(heads[0]!, /^GET \/ HTTP\/1\.1\r\nHost: localhost\r\n(.*\r\n)*X-Name: a\xa0\r\n\r\n$/);
  server.close();
  await once(server, "close");
});

test("RFC 6455, section 4.2.1: HTTP/0.9 and HTTP/2.0, which the parser of node:http lets pass, are refused with 505", async () => {
  const reports: unknown[] = [];
  const accept = acceptor({
    refused: ({ code }, { request, response }) => void reports.push([code, request, response.slice(9, 12)]),
  }, {});
  // Bun refuses them itself, so that they are written over what came.
  const versions = ["0.9", "2.0", "2", "1.10", "", "1.0", "1.1"];
  for (const httpVersion of versions) {
    const server = createServer();
    server.on("upgrade", (request, socket, head) => {
      const { method, url, rawHeaders } = request;
      accept({ method, url, httpVersion, rawHeaders }, socket, head);
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as { port: number };
    const status = (await exchange(port, REQUEST + BYE)).slice(9, 12);
    assert.equal(status, httpVersion === "1.1" ? "101" : "505", httpVersion);
    server.close();
    await once(server, "close");
  }
  const unread = ["http-version-unsupported", undefined, "505"];
  assert.deepEqual(reports.slice(0, 5), [unread, unread, unread, unread, unread]);
  assert.equal(reports.length, 6);
});

test("a path that is not the acceptor's is refused with 404", async () => {
  await over({ path: "/chat" }, echo, async (port) => {
    const socket = await connect(`ws://127.0.0.1:${port}/chat?room=1`);
    await socket.close();
    await assert.rejects(connect(`ws://127.0.0.1:${port}/other`), (error: unknown) => {
      assert.ok(error instanceof HandshakeError);
      assert.equal(error.status, 404);
      assert.match(error.message, /path-not-found/);
      return true;
    });
  });
});

test("a large message and a peer that vanishes, behind node:http", async () => {
  let resolve!: (code: number) => void;
  const ended = new Promise<number>((settle) => (resolve = settle));
  const handler: ConnectionHandler = { ...echo, close: (_, { code }) => resolve(code) };
  await over({ maxMessageSize: 8 * 1024 * 1024 }, handler, async (port) => {
    const socket = await connect(`ws://127.0.0.1:${port}/`, { maxMessageSize: 8 * 1024 * 1024 });
    const large = new Uint8Array(4 * 1024 * 1024).fill(7);
    socket.send(large);
    for await (const message of socket) {
      assert.deepEqual(message, large);
      break;
    }
    socket.abort();
    assert.equal(await ended, 1006);
  });
});

test("node:https: wss behind another server's TLS", async () => {
  const secure = createSecureServer({ cert: tls.cert, key: tls.key });
  await over({}, { open: (socket) => void socket.send(socket.request!.url) }, async (port) => {
    const socket = await connect(`wss://127.0.0.1:${port}/x`, { tls: { ca: tls.ca } });
    for await (const message of socket) {
      assert.equal(message, `https://127.0.0.1:${port}/x`);
      break;
    }
    await socket.close();
  }, secure);
});

test("a web Request, as Deno.serve and Bun.serve have it, is a TypeError that says what to do", () => {
  const accept = acceptor({}, echo) as unknown as (request: Request) => void;
  assert.throws(() => accept(new Request("http://localhost/")), /use serve\(\{ fetch \}, handler\)/);
});

test("option path that throws: the hook is told, and the request is refused", async () => {
  const errors: unknown[] = [];
  const options: AcceptorOptions = {
    path: (path) => decodeURIComponent(path) === "/chat",
    error: (error) => void errors.push((error as Error).name),
  };
  await over(options, echo, async (port) => {
    assert.match(await exchange(port, request({}, "GET /%zz HTTP/1.1")), /^HTTP\/1\.1 404 /);
    assert.deepEqual(errors, ["URIError"]);
  });
});

test("whoever kept the socket of an upgrade ends the connection with it, before and after its first message", async () => {
  for (const first of [false, true]) {
    const server = createServer();
    const kept: { destroy(): void }[] = [];
    server.on("upgrade", (_, socket) => kept.push(socket));
    server.on("upgrade", acceptor({}, echo));
    await listening(server, async (port) => {
      const socket = await connect(`ws://127.0.0.1:${port}/`);
      if (first) {
        socket.send("hi");
        for await (const message of socket) {
          assert.equal(message, "hi");
          break;
        }
      }
      kept[0]!.destroy();
      assert.equal((await socket.closed).code, 1006);
    });
  }
});
