/** Whom a client believes, and what it says to whom it does not: advisories about TLS and redirects. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer as createTlsServer } from "node:tls";
import { connect, type ConnectOptions, HandshakeError, serve } from "../../mod.ts";
import { tls } from "../fixtures.ts";
import { test } from "../harness.ts";
import { RawServer } from "../raw_peer.ts";
import { acceptance, ECHO, rejection, until } from "./support.ts";

async function failure(url: string, options: ConnectOptions = {}): Promise<HandshakeError> {
  const error = await rejection(connect(url, options));
  assert.ok(error instanceof HandshakeError, String(error));
  return error;
}

test("CVE-2018-8034 (Tomcat), CVE-2020-15133 (faye-websocket), CVE-2020-11050 (Java-WebSocket): a certificate for another name is not accepted", async () => {
  const server = await serve({ port: 0, tls: { cert: tls.otherCert, key: tls.otherKey } }, ECHO);
  for (const host of ["localhost", "127.0.0.1"]) {
    const error = await failure(`wss://${host}:${server.port}/`, { tls: { ca: tls.ca } });
    assert.deepEqual([error.step, error.reason], ["connect", "certificate-rejected"]);
  }
  await server.shutdown();
});

test("CVE-2018-8034 (Tomcat), CVE-2020-15133 (faye-websocket): a certificate of an unknown authority is not accepted, and nothing switches that off", async () => {
  const server = await serve({ port: 0, tls }, ECHO);
  const lax = { rejectUnauthorized: false, checkServerIdentity: () => undefined, insecure: true } as object;
  for (const options of [{ tls: lax }, lax]) {
    await assert.rejects(connect(`wss://localhost:${server.port}/`, options), TypeError);
  }
  for (const options of [{}, { tls: {} }]) {
    const error = await failure(`wss://localhost:${server.port}/`, options);
    assert.deepEqual([error.step, error.reason], ["connect", "certificate-rejected"]);
  }
  await server.shutdown();
});

test("CVE-2026-44726 (Deno): what was meant to be encrypted is never sent in plain text, however the server fails", async () => {
  const secret = { headers: { authorization: "Bearer s3cret" }, tls: { ca: tls.ca } };
  const answers = ["HTTP/1.1 101 Switching Protocols\r\n\r\n", "\x15\x03\x03\0\x02\x02\x28", "", "\0"];
  for (const answer of answers) {
    const heads: string[] = [];
    await using server = await RawServer.listen(async (peer) => {
      heads.push(await peer.until("\x16\x03"));
      if (answer !== "") peer.write(answer);
      peer.end();
      await peer.untilEnd();
      heads.push(peer.received);
    });
    const error = await failure(`wss://localhost:${server.port}/?token=s3cret`, secret);
    assert.equal(error.step, "connect");
    await until(() => heads.length === 2);
    for (const head of heads) {
      assert.ok(head.startsWith("\x16\x03"), JSON.stringify(head));
      assert.doesNotMatch(head, /GET|s3cret/);
    }
  }
});

test("CVE-2026-44726 (Deno): through a proxy, too, nothing but the CONNECT request and TLS goes out", async () => {
  const said: string[] = [];
  await using proxy = await RawServer.listen(async (peer) => {
    await peer.until("\r\n\r\n");
    peer.write("HTTP/1.1 200 OK\r\n\r\n");
    await peer.until("\x16\x03");
    peer.write("HTTP/1.1 101 Switching Protocols\r\n\r\n");
    peer.end();
    said.push(await peer.untilEnd());
  });
  const error = await failure("wss://inner.example/?token=s3cret", {
    proxy: `http://127.0.0.1:${proxy.port}`,
    headers: { authorization: "Bearer s3cret" },
  });
  assert.equal(error.step, "connect");
  await until(() => said.length === 1);
  const asked = "CONNECT inner.example:443 HTTP/1.1\r\nHost: inner.example:443\r\n\r\n";
  assert.ok(said[0]!.startsWith(asked + "\x16\x03"), JSON.stringify(said[0]));
  assert.doesNotMatch(said[0]!, /GET|s3cret/);
});

test("the class of old TLS: a server that knows nothing newer than TLS 1.1 is not spoken to", async () => {
  await using server = await RawServer.listen(async (peer) => {
    await peer.until("\x16\x03");
    // ServerHello of TLS 1.1 with TLS_RSA_WITH_AES_128_CBC_SHA.
    const hello = "\x03\x02" + "r".repeat(32) + "\0" + "\0\x2f" + "\0";
    peer.write(
      `\x16\x03\x02\0${String.fromCharCode(hello.length + 4)}\x02\0\0${
        String.fromCharCode(hello.length)
      }${hello}`,
    );
    await peer.untilEnd();
    peer.end();
  });
  const error = await failure(`wss://localhost:${server.port}/`, { tls: { ca: tls.ca } });
  assert.deepEqual([error.step, error.reason], ["connect", "tls-failed"]);
});

test("the class of ALPN and SNI: a client names the host, and offers http/1.1 alone", async () => {
  const seen: unknown[] = [];
  const server = createTlsServer(
    { cert: tls.cert, key: tls.key, ALPNProtocols: ["h2", "http/1.1"] },
    (socket) => {
      seen.push([socket.alpnProtocol, (socket as { servername?: unknown }).servername]);
      socket.on("error", () => {});
      let head = "";
      socket.on("data", (data: Uint8Array) => {
        head += String.fromCharCode(...data);
        if (head.endsWith("\r\n\r\n")) socket.write(acceptance(head));
      });
      socket.on("end", () => socket.end());
    },
  );
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  const socket = await connect(`wss://localhost:${port}/`, { tls: { ca: tls.ca } });
  socket.abort();
  await socket.closed;
  const closed = once(server, "close");
  server.close();
  await closed;
  assert.deepEqual(seen, [["http/1.1", "localhost"]]);
});

/** A server that answers each request as the test says, and what it was asked. */
async function site(answer: (request: string) => string): Promise<RawServer & { requests: string[] }> {
  const requests: string[] = [];
  const server = await RawServer.listen(async (peer) => {
    const request = await peer.until("\r\n\r\n");
    requests.push(request);
    peer.write(answer(request));
    await peer.untilEnd();
    peer.end();
  });
  return Object.assign(server, { requests });
}

const to = (location: string): string =>
  `HTTP/1.1 301 Moved\r\nLocation: ${location}\r\nContent-Length: 0\r\n\r\n`;

test("CVE-2026-42498 (Tomcat), websockets 16.1 (Python): no redirect is followed by default, and none takes secrets to another origin", async () => {
  const secrets = {
    headers: {
      authorization: "Bearer s3cret",
      cookie: "id=s3cret",
      "proxy-authorization": "s3cret",
      "x-api-key": "s3cret",
    },
  };
  await using other = await site((request) => acceptance(request));
  for (const host of ["127.0.0.1", "localhost"]) {
    await using home = await site(() => to(`ws://${host}:${other.port}/`));
    const { reason, status } = await failure(`ws://127.0.0.1:${home.port}/`, secrets);
    assert.deepEqual([reason, status], ["unexpected-status", 301]);
    assert.equal(other.requests.length, 0);
    const socket = await connect(`ws://127.0.0.1:${home.port}/`, { ...secrets, redirects: 1 });
    socket.abort();
    await socket.closed;
    assert.match(home.requests[1]!, /s3cret/);
    assert.equal(other.requests.length, 1);
    assert.doesNotMatch(other.requests.splice(0)[0]!, /s3cret|authorization|cookie|x-api-key/i);
  }
});

test("CVE-2026-42498 (Tomcat): a redirect from wss: to ws: is never followed, and one to another scheme is none", async () => {
  await using plain = await site((request) => acceptance(request));
  const server = await serve({
    port: 0,
    tls,
    upgrade: ({ url }) =>
      new Response(null, {
        status: 302,
        headers: { location: decodeURIComponent(new URL(url).search.slice(1)) },
      }),
  }, ECHO);
  for (
    const [location, reason] of [
      [`ws://127.0.0.1:${plain.port}/`, "redirect-insecure"],
      [`http://127.0.0.1:${plain.port}/`, "redirect-insecure"],
      ["ftp://127.0.0.1/", "redirect-invalid"],
      ["file:///etc/passwd", "redirect-invalid"],
      ["javascript:alert(1)", "redirect-invalid"],
      [`ws://user:password@127.0.0.1:${plain.port}/`, "redirect-invalid"],
    ] as const
  ) {
    const error = await failure(`${server.url}?${encodeURIComponent(location)}`, {
      redirects: 3,
      tls: { ca: tls.ca },
    });
    assert.equal(error.reason, reason, location);
  }
  assert.equal(plain.requests.length, 0);
  await server.shutdown();
});
