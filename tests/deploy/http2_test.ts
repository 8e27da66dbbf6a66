/**
 * HTTP/2 before the proxy: a browser that has an HTTP/2 connection to the proxy opens a WebSocket on it (RFC 8441) only
 * if the proxy says that it may; otherwise it dials anew, with HTTP/1.1.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { type ClientHttp2Session, type ClientHttp2Stream, connect, createServer } from "node:http2";
import { acceptor, connect as connectWebSocket } from "../../mod.ts";
import { tls } from "../fixtures.ts";
import { listenHttp2, type ListeningHttp2 } from "../http2_server.ts";
import { haproxy, nginx } from "./fronts.ts";
import { assertEchoes, proxyTest, Setting, trusting, urlOf } from "./setting.ts";

const ORIGIN = { host: "127.0.0.1" };

/** Opens a session, and answers it with whether RFC 8441 may be used on it. */
async function session(port: number): Promise<{ client: ClientHttp2Session; extended: boolean }> {
  const client = connect(`https://${ORIGIN.host}:${port}`, { ca: tls.ca });
  const [settings] = await once(client, "remoteSettings") as [{ enableConnectProtocol?: boolean }];
  return { client, extended: settings.enableConnectProtocol === true };
}

/** Asks for a WebSocket, as browsers do. */
function open(client: ClientHttp2Session, host: string): ClientHttp2Stream {
  return client.request({
    ":method": "CONNECT",
    ":protocol": "websocket",
    ":scheme": "https",
    ":authority": host,
    ":path": "/room?name=7",
    "sec-websocket-version": "13",
    "origin": `https://${host}`,
  }, { endStream: false });
}

async function end(client: ClientHttp2Session): Promise<void> {
  const closed = once(client, "close");
  client.destroy();
  await closed;
}

proxyTest(nginx, "RFC 8441: it is not offered over HTTP/2, so that browsers dial anew", async () => {
  await using setting = await Setting.begin(nginx, { encrypted: true });
  const { client, extended } = await session(setting.front.securePort);
  assert.equal(client.alpnProtocol, "h2");
  assert.equal(extended, false);
  await end(client);
});

proxyTest(
  haproxy,
  "RFC 8441: it is offered over HTTP/2, and a WebSocket opened so is one of HTTP/1.1 here",
  async () => {
    await using setting = await Setting.begin(haproxy, { encrypted: true });
    const { securePort } = setting.front;
    const { client, extended } = await session(securePort);
    assert.equal(client.alpnProtocol, "h2");
    assert.equal(extended, true);
    const host = `${ORIGIN.host}:${securePort}`;
    const stream = open(client, host);
    const [response] = await once(stream, "response") as [Record<string, unknown>];
    assert.equal(response[":status"], 200);
    const server = await setting.backend.accepted();
    assert.equal(server.request!.headers.get("host"), host);
    assert.equal(new URL(server.request!.url).pathname, "/room");
    let received = "";
    stream.setEncoding("latin1");
    stream.on("data", (text: string) => (received += text));
    stream.write("\x81\x85\0\0\0\0hello", "latin1");
    while (received.length < 7) await once(stream, "data");
    assert.equal(received, "\x81\x05hello");
    await end(client);
    assert.equal((await server.closed).code, 1006);
  },
);

proxyTest(
  haproxy,
  "RFC 8441: it is not offered where h2-workaround-bogus-websocket-clients says so",
  async () => {
    await using setting = await Setting.begin(haproxy, {
      changes: {
        site: [[
          "    hard-stop-after 30m\n",
          "    hard-stop-after 30m\n    h2-workaround-bogus-websocket-clients\n",
        ]],
      },
    });
    const { client, extended } = await session(setting.front.securePort);
    assert.equal(extended, false);
    await end(client);
  },
);

/** A server of node:http2 without TLS, which answers health checks and echoes. */
async function http2Backend(): Promise<ListeningHttp2 & { readonly urls: string[] }> {
  const urls: string[] = [];
  const accept = acceptor({}, {
    open: (socket) =>
      void urls.push(`${socket.request!.headers.get("x-forwarded-for")} ${socket.request!.url}`),
    message: (socket, message) => socket.send(message),
  });
  const settings = { enableConnectProtocol: true };
  const listening = await listenHttp2(createServer({ settings }, (_, response) => response.end()), accept);
  return { ...listening, urls };
}

proxyTest(
  haproxy,
  "RFC 8441: HTTP/2 to accept.http2(), from clients of HTTP/2 and of HTTP/1.1",
  async () => {
    const backend = await http2Backend();
    const front = await haproxy.start({ upstreams: [`127.0.0.1:${backend.port}`], by: "http2" });
    try {
      const { client } = await session(front.securePort);
      const host = `${ORIGIN.host}:${front.securePort}`;
      const stream = open(client, host);
      const [response] = await once(stream, "response") as [Record<string, unknown>];
      assert.equal(response[":status"], 200);
      let received = "";
      stream.setEncoding("latin1");
      stream.on("data", (text: string) => (received += text));
      stream.write("\x81\x85\0\0\0\0hello", "latin1");
      while (received.length < 7) await once(stream, "data");
      assert.equal(received, "\x81\x05hello");
      stream.write("\x88\x80\0\0\0\0", "latin1");
      await once(stream, "close");
      assert.equal(received, "\x81\x05hello\x88\x00");
      await end(client);

      const socket = await connectWebSocket(`${urlOf(front, true)}old?style=1`, trusting());
      await assertEchoes(socket, "x".repeat(200_000));
      const { code, wasClean } = await socket.close();
      assert.deepEqual([code, wasClean], [1000, true]);
      // TLS ends in HAProxy.
      assert.deepEqual(backend.urls, [
        `127.0.0.1 http://${host}/room?name=7`,
        `127.0.0.1 http://${host}/old?style=1`,
      ]);
    } finally {
      await front[Symbol.asyncDispose]();
      await backend.shutdown();
    }
  },
);
