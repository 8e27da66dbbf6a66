/** HTTP proxies: CONNECT for ws: and wss:, over TCP and TLS, and everything that a proxy may answer. */
import assert from "node:assert/strict";
import { inspect } from "node:util";
import { connect, type ConnectOptions, HandshakeError } from "../../mod.ts";
import { openTunnel } from "../../src/client/proxy.ts";
import { type Transport, TransportError, type TransportHandler } from "../../src/transport/transport.ts";
import { echoServer, failure, greet } from "./support.ts";
import { ConnectProxy } from "./connect_proxy.ts";
import { tls } from "../fixtures.ts";
import { runtime, skip, test } from "../harness.ts";
import { RawServer } from "../raw_peer.ts";

const LARGE = "x".repeat(300_000);

for (const encrypted of [false, true]) {
  const scheme = encrypted ? "wss" : "ws";

  test(`RFC 9110, section 9.3.6: ${scheme}: goes through a tunnel, asked for by host and port`, async () => {
    const server = await echoServer(encrypted);
    await using proxy = await ConnectProxy.listen(() => server.port);
    const options: ConnectOptions = { proxy: `http://127.0.0.1:${proxy.port}`, tls: { ca: tls.ca } };
    await greet(`${scheme}://localhost:${server.port}/room`, options, LARGE);
    assert.equal(
      proxy.heads[0],
      `CONNECT localhost:${server.port} HTTP/1.1\r\nHost: localhost:${server.port}\r\n\r\n`,
    );
    const socket = await connect(`${scheme}://localhost:${server.port}/`, options);
    assert.equal(socket.remoteAddress, "127.0.0.1");
    socket.abort();
    assert.equal((await socket.closed).code, 1006);
    await server.shutdown();
  });

  test(`${scheme}: an IPv6 address is asked for in brackets, and the scheme's own port by its number`, async () => {
    const server = await echoServer(encrypted);
    await using proxy = await ConnectProxy.listen(() => server.port);
    const options: ConnectOptions = {
      proxy: new URL(`http://127.0.0.1:${proxy.port}`),
      tls: { ca: tls.ca },
    };
    await greet(`${scheme}://[::1]/`, options);
    await greet(`${scheme}://[::1]:8123/`, options);
    const targets = proxy.heads.map((head) => head.split(" ")[1]);
    assert.deepEqual(targets, [`[::1]:${encrypted ? 443 : 80}`, "[::1]:8123"]);
    await server.shutdown();
  });

  if (runtime === "bun" && encrypted) {
    skip(`${scheme}: through an https: proxy`, "Bun cannot speak TLS inside TLS");
  } else {
    test(`${scheme}: goes through an https: proxy, whose certificate is verified by its own options`, async () => {
      const server = await echoServer(encrypted);
      await using proxy = await ConnectProxy.listen(() => server.port, tls);
      const url = `https://127.0.0.1:${proxy.port}`;
      const target = `${scheme}://localhost:${server.port}/`;
      await greet(target, { proxy: { url, tls: { ca: tls.ca } }, tls: { ca: tls.ca } }, LARGE);
      const error = await failure(target, { proxy: url, tls: { ca: tls.ca } });
      assert.deepEqual([error.step, error.reason], ["proxy", "certificate-rejected"]);
      assert.equal(proxy.heads.length, 1);
      await server.shutdown();
    });
  }
}

const instead = "wss: through an https: proxy, where the runtime has none, says what to do instead";
if (runtime === "bun") {
  test(instead, async () => {
    const proxy = "https://127.0.0.1:1";
    await assert.rejects(connect("wss://localhost/", { proxy }), {
      name: "TypeError",
      message: /http: proxy/,
    });
  });
} else {
  skip(instead, "this runtime has TLS inside TLS");
}

test("through the tunnel the server's name is verified, not the proxy's", async () => {
  const server = await echoServer(true);
  await using proxy = await ConnectProxy.listen(() => server.port);
  const error = await failure("wss://other.example/", {
    proxy: `http://localhost:${proxy.port}`,
    tls: { ca: tls.ca },
  });
  assert.deepEqual([error.step, error.reason], ["connect", "certificate-rejected"]);
  assert.match(error.message, /other\.example:443/);
  await server.shutdown();
});

test("RFC 7617: user name and password of the proxy's URL are sent to the proxy alone", async () => {
  const requests: string[] = [];
  await using server = await RawServer.listen(async (peer) => {
    requests.push(await peer.until("\r\n\r\n"));
    peer.write("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
  });
  await using proxy = await ConnectProxy.listen(() => server.port);
  const target = `ws://127.0.0.1:${server.port}/`;
  await failure(target, {
    proxy: {
      url: `http://Al%C3%A5ddin:open%20s%C3%A9same@127.0.0.1:${proxy.port}`,
      headers: { "x-via": "1" },
    },
    headers: { authorization: "Bearer t" },
  });
  await failure(target, {
    proxy: { url: `http://127.0.0.1:${proxy.port}`, headers: { "Proxy-Authorization": "Bearer p" } },
  });
  const expected = Buffer.from("Alåddin:open sésame").toString("base64");
  assert.match(proxy.heads[0]!, new RegExp(`\r\nproxy-authorization: Basic ${expected}\r\n`, "i"));
  assert.match(proxy.heads[0]!, /\r\nx-via: 1\r\n/);
  assert.doesNotMatch(proxy.heads[0]!, /bearer/i);
  assert.match(proxy.heads[1]!, /\r\nProxy-Authorization: Bearer p\r\n/);
  for (const request of requests) assert.doesNotMatch(request, /proxy-authorization|x-via/i);
});

test("a proxy's refusal is told with step, status, headers and the beginning of its body", async () => {
  const body = "This host is not for you." + "y".repeat(5000);
  await using proxy = await ConnectProxy.listen(() =>
    "HTTP/1.1 403 Forbidden\r\nContent-Type: text/plain\r\nX-Rule: 7\r\n\r\n" + body
  );
  for (const scheme of ["ws", "wss"]) {
    const error = await failure(`${scheme}://a.example/`, { proxy: `http://127.0.0.1:${proxy.port}` });
    assert.deepEqual([error.step, error.reason, error.status], ["proxy", "proxy-refused", 403]);
    assert.equal(new Map(error.headers!).get("x-rule"), "7");
    assert.equal(error.body, body.slice(0, 4096));
    assert.match(error.message, /The proxy answered 403 Forbidden.* It says: This host is not for you\./);
  }
});

test("a password is in no error, whatever goes wrong", async () => {
  await using proxy = await ConnectProxy.listen(() =>
    "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"
  );
  const dead = await RawServer.listen(() => {});
  await dead[Symbol.asyncDispose]();
  const proxies = [
    `http://user:s3cret@127.0.0.1:${proxy.port}`,
    `http://user:s3cret@127.0.0.1:${dead.port}`,
    "user:s3cret@127.0.0.1:3128",
    "http://user:s3cret@127.0.0.1:99999",
    "socks5://user:s3cret@127.0.0.1:1080",
    "http://us%3Aer:s3cret@127.0.0.1",
    "http://user:s3cret%@127.0.0.1",
    { url: "http://user:s3cret@127.0.0.1", headers: { "proxy-authorization": "s3cret" } },
  ];
  const reasons = [];
  for (const each of proxies) {
    const error = await connect("ws://a.example/", { proxy: each }).then(
      () => undefined,
      (error: unknown) => error,
    );
    assert.ok(error instanceof Error);
    assert.doesNotMatch(inspect(error, { depth: 9, showHidden: true }) + error.stack, /s3cret|user:|us%3Aer/);
    reasons.push(error instanceof HandshakeError ? [error.step, error.reason, error.status] : error.name);
  }
  assert.deepEqual(reasons, [
    ["proxy", "proxy-refused", 407],
    ["proxy", "connection-refused", undefined],
    ...["SyntaxError", "SyntaxError", "SyntaxError", "SyntaxError", "SyntaxError", "TypeError"],
  ]);
});

test("each wrong answer of a proxy has its reason", async () => {
  const cases: [answer: string, reason: string, message: RegExp][] = [
    ["SSH-2.0-OpenSSH_9.2p1\r\n", "response-malformed", /is it an HTTP proxy/],
    ["", "response-truncated", /before its response was complete/],
    ["HTTP/1.1 200 O", "response-truncated", /before its response was complete/],
    ["HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 101 Early\r\n\r\n", "response-malformed", /before any request/],
    ["HTTP/1.1 101 Switching Protocols\r\n\r\n", "proxy-refused", /101/],
    ["HTTP/1.1 302 Found\r\nLocation: http://login.example/\r\n\r\n", "proxy-refused", /302 Found/],
    ["HTTP/1.1 200 OK\r\nx: " + "y".repeat(2000), "response-malformed", /headers-too-large/],
    ["HTTP/1.1 100 Continue\r\n\r\n".repeat(100), "response-malformed", /too-large|too-long/],
  ];
  for (const [answer, reason, message] of cases) {
    await using proxy = await ConnectProxy.listen(() => answer);
    const options: ConnectOptions = {
      proxy: `http://127.0.0.1:${proxy.port}`,
      maxHeadSize: 1024,
      redirects: 3,
    };
    for (const url of ["ws://a.example/", "wss://a.example/"]) {
      const error = await failure(url, options);
      assert.deepEqual([error.step, error.reason], ["proxy", reason], answer);
      assert.match(error.message, message);
    }
  }
});

test("RFC 9110, section 15.2: interim responses of a proxy are read past; a 2xx has no body, whatever it says", async () => {
  const server = await echoServer(false);
  await using proxy = await RawServer.listen(async (peer) => {
    await peer.until("\r\n\r\n");
    await peer.writeBytewise(
      "HTTP/1.1 102 Processing\r\n\r\nHTTP/1.0 204 Fine\r\nContent-Length: 10\r\n\r\n",
    );
    await peer.until("\r\n\r\nGET / ");
    peer.write("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n");
  });
  const error = await failure("ws://a.example/", { proxy: `http://127.0.0.1:${proxy.port}` });
  assert.deepEqual([error.step, error.status], ["response", 503]);
  await server.shutdown();
});

test("a tunnel that ends as soon as it is open is a server that does not answer", async () => {
  await using proxy = await ConnectProxy.listen(() => "HTTP/1.1 200 OK\r\n\r\n");
  const proxied = { proxy: `http://127.0.0.1:${proxy.port}` };
  assert.deepEqual(
    [(await failure("ws://a.example/", proxied)).step, (await failure("wss://a.example/", proxied)).step],
    ["response", "connect"],
  );
});

test("what happens to a tunnel before anybody attached to it is told to whoever does", async () => {
  let handler!: TransportHandler;
  const transport: Transport = {
    remoteAddress: "",
    encrypted: false,
    bufferedAmount: 0,
    done: true,
    attach: (next) => void (handler = next),
    write: () => true,
    closeWrite: () => {},
    abort: () => {},
    pause: () => {},
    resume: () => {},
  };
  const proxy = { address: { hostname: "p.example", port: 1 }, headers: [] };
  const limits = { maxHeadSize: 1000, maxHeaders: 10 };
  const broken = new TransportError("connection-reset", "It broke.");
  for (const error of [undefined, broken]) {
    const opening = openTunnel(transport, "a.example:1", proxy, limits, new AbortController().signal);
    handler.data(new TextEncoder().encode("HTTP/1.1 200 OK\r\n\r\n"));
    if (error === undefined) handler.end();
    handler.close(error);
    const tunnel = await opening;
    const log: unknown[] = [];
    await new Promise<void>((resolve) => {
      tunnel.attach({
        data: () => void log.push("data"),
        drain: () => {},
        end: () => void log.push("end"),
        close: (error) => (log.push(error), resolve()),
      });
      assert.deepEqual(log, []);
    });
    assert.deepEqual(log, error === undefined ? ["end", undefined] : [broken]);
  }
});

test("the deadline holds for a proxy and says so; a signal gives up there too", async () => {
  const controller = new AbortController();
  const reason = new Error("changed my mind");
  await using silent = await RawServer.listen((peer) => {
    void peer.until("CONNECT b.example:80 ").then(() => controller.abort(reason), () => {});
  });
  const proxy = `http://127.0.0.1:${silent.port}`;
  for (const url of ["ws://a.example/", "wss://a.example/"]) {
    const error = await failure(url, { proxy, handshakeTimeout: 800 });
    assert.deepEqual([error.step, error.reason], ["proxy", "timed-out"]);
  }
  await assert.rejects(connect("ws://b.example/", { proxy, signal: controller.signal }), reason);
});

test("a proxy's refusal that is known when the deadline passes is told; a signal gives up all the same", async () => {
  for (const [fields, sent] of [["", "abc"], ["Transfer-Encoding: chunked\r\n", "9;x=y\r\nabc"]]) {
    const controller = new AbortController();
    const reason = new Error("changed my mind");
    await using server = await RawServer.listen(async (peer) => {
      const request = await peer.until("\r\n\r\n");
      peer.write(`HTTP/1.1 407 Proxy Authentication Required\r\n${fields}\r\n${sent}`);
      if (request.includes("b.example")) setTimeout(() => controller.abort(reason), 100);
    });
    const proxy = `http://127.0.0.1:${server.port}`;
    await Promise.all(["ws://a.example/", "wss://a.example/"].map(async (url) => {
      const error = await failure(url, { proxy, handshakeTimeout: 800 });
      assert.deepEqual([error.step, error.reason, error.status], ["proxy", "proxy-refused", 407]);
      assert.equal(error.body, "abc");
    }));
    const { signal } = controller;
    await assert.rejects(connect("ws://b.example/", { proxy, signal, handshakeTimeout: 800 }), reason);
  }
});

test("a proxy that takes NTLM alone is named as that; one that takes Basic as well is given advice", async () => {
  const cases = [
    ["Proxy-Authenticate: NTLM", /It only accepts NTLM, which woshou does not support/],
    ["Proxy-Authenticate: Negotiate\r\nProxy-Authenticate: NTLM", /It only accepts Negotiate or NTLM/],
    ['Proxy-Authenticate: Digest realm="a, b", nonce="x=,Basic"', /It only accepts Digest/],
    ['Proxy-Authenticate: Negotiate, Basic realm="x"', /Put a user name and password/],
    ["X: y", /Put a user name and password/],
  ] as const;
  for (const [field, message] of cases) {
    await using server = await RawServer.listen(async (peer) => {
      await peer.until("\r\n\r\n");
      peer.write(`HTTP/1.1 407 Proxy Authentication Required\r\n${field}\r\nContent-Length: 0\r\n\r\n`);
    });
    const error = await failure("ws://a.example/", { proxy: `http://127.0.0.1:${server.port}` });
    assert.match(error.message, message);
  }
});

test("redirects go through the proxy as well", async () => {
  const server = await echoServer(false);
  await using first = await RawServer.listen(async (peer) => {
    await peer.until("\r\n\r\n");
    peer.write("HTTP/1.1 301 Moved\r\nLocation: ws://b.example/\r\n\r\n");
  });
  await using proxy = await ConnectProxy.listen((head) =>
    head.includes("a.example") ? first.port : server.port
  );
  await greet("ws://a.example/", { proxy: `http://127.0.0.1:${proxy.port}`, redirects: 1 });
  assert.deepEqual(proxy.heads.map((head) => head.split(" ")[1]), ["a.example:80", "b.example:80"]);
  await server.shutdown();
});

test("a proxy and a Unix socket do not go together", async () => {
  await assert.rejects(
    connect("ws://localhost/", { proxy: "http://127.0.0.1", unix: "/nowhere" }),
    TypeError,
  );
});

test("a proxy whose URL is empty is none, as of an environment variable that is set to nothing", async () => {
  await using server = await echoServer(false);
  for (const proxy of ["", { url: "" }]) await greet(`ws://127.0.0.1:${server.port}/`, { proxy });
});
