/** The opening handshake over real sockets, as the peer of a server sees it. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect as connectTcp } from "node:net";
import { type HandshakeReport, type Refusal, serve, type ServeOptions } from "../../mod.ts";
import { test } from "../harness.ts";
import { dial, exchange, REQUEST, request } from "../raw_peer.ts";

const echo = {
  message: (socket: { send(message: string | Uint8Array): boolean }, message: string | Uint8Array) =>
    socket.send(message),
};
// "hi" from a client, and from a server; a Close frame without a status code from each.
const HI = "\x81\x82\x37\xfa\x21\x3d\x5f\x93";
const HI_BACK = "\x81\x02hi";
const CLOSE = "\x88\x80\x37\xfa\x21\x3d";
const CLOSE_BACK = "\x88\x00";

async function serving<Data>(
  options: ServeOptions<Data>,
  use: (port: number) => Promise<void>,
): Promise<void> {
  const server = await serve<Data>({ port: 0, ...options }, echo);
  try {
    await use(server.port);
  } finally {
    await server.shutdown();
  }
}

function statusOf(response: string): number {
  return Number(/^HTTP\/1\.1 (\d{3})/.exec(response)?.[1]);
}

function headerOf(response: string, name: string): string | undefined {
  return new RegExp(`^${name}: (.*)$`, "mi").exec(response.split("\r\n\r\n")[0]!)?.[1]?.trim();
}

test("RFC 6455, section 1.3: the example key gets its example answer over a real socket", async () => {
  await serving({}, async (port) => {
    const peer = await dial(port);
    peer.write(REQUEST);
    const response = await peer.until("\r\n\r\n");
    assert.equal(statusOf(response), 101);
    assert.equal(headerOf(response, "Sec-WebSocket-Accept"), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    await peer.destroy();
  });
});

test("RFC 9112, section 2: the request in single bytes, with frames behind it, is the same request", async () => {
  await serving({}, async (port) => {
    const peer = await dial(port);
    await peer.writeBytewise(REQUEST + HI + CLOSE);
    const received = await peer.untilEnd();
    assert.equal(headerOf(received, "Sec-WebSocket-Accept"), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    assert.ok(received.endsWith(HI_BACK + CLOSE_BACK), JSON.stringify(received));
    await peer.destroy();
  });
});

test("RFC 6455, section 4.1: frames in the same packet as the request are not lost", async () => {
  await serving({}, async (port) => {
    const peer = await dial(port);
    peer.write(REQUEST + HI + HI + CLOSE);
    assert.ok((await peer.untilEnd()).endsWith(HI_BACK + HI_BACK + CLOSE_BACK));
    await peer.destroy();
  });
});

test("RFC 6455, section 4.1: frames that come while upgrade() is thinking are not lost", async () => {
  let decide!: () => void;
  const decided = new Promise<void>((resolve) => (decide = resolve));
  await serving({ upgrade: async () => void await decided }, async (port) => {
    const peer = await dial(port);
    peer.write(REQUEST + HI);
    peer.write(HI + CLOSE);
    setTimeout(decide, 20);
    assert.ok((await peer.untilEnd()).endsWith(HI_BACK + HI_BACK + CLOSE_BACK));
    await peer.destroy();
  });
});

test("what is no WebSocket's request is refused, and the server goes on", async () => {
  await serving({}, async (port) => {
    assert.equal(statusOf(await exchange(port, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")), 426);
    assert.equal(statusOf(await exchange(port, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")), 400);
    assert.equal(statusOf(await exchange(port, "\x05\x01\x00")), 400);
    assert.equal(statusOf(await exchange(port, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")), 505);
    const peer = await dial(port);
    peer.end();
    assert.equal(await peer.untilEnd(), "");
    await peer.destroy();
    const alive = await dial(port);
    alive.write(REQUEST + CLOSE);
    assert.equal(statusOf(await alive.untilEnd()), 101);
    await alive.destroy();
  });
});

test("a refusal is one response, then the end of the connection, whatever else was sent", async () => {
  await serving({}, async (port) => {
    const response = await exchange(
      port,
      request({ "Sec-WebSocket-Version": "777" }) + "GET /internal HTTP/1.1\r\nHost: localhost\r\n\r\n",
    );
    assert.equal(statusOf(response), 426);
    assert.equal(response.match(/HTTP\/1\.1 /g)!.length, 1);
    assert.equal(headerOf(response, "Connection"), "close, Upgrade");
    assert.equal(headerOf(response, "Sec-WebSocket-Version"), "13");
  });
});

test("a refusal survives a peer that goes on sending", async () => {
  await serving({}, async (port) => {
    const peer = await dial(port);
    peer.write("GET /" + "a".repeat(300_000));
    assert.equal(statusOf(await peer.untilEnd()), 414);
    await peer.destroy();
  });
});

test("the body of a refusal is text, or JSON for those who ask", async () => {
  await serving({}, async (port) => {
    const asked = { "Upgrade": undefined };
    const text = await exchange(port, request(asked));
    assert.match(headerOf(text, "Content-Type")!, /^text\/plain/);
    assert.match(text, /proxy_set_header Upgrade \$http_upgrade/);
    const json = await exchange(port, request({ ...asked, "Accept": "application/json" }));
    assert.equal(headerOf(json, "Content-Type"), "application/json");
    const refusal = JSON.parse(json.split("\r\n\r\n")[1]!);
    assert.equal(refusal.code, "upgrade-missing");
    assert.equal(refusal.section, "RFC 6455, section 4.2.1");
  });
});

test("the refused and accepted hooks tell the request as it came and the response as it went", async () => {
  const refusals: [Refusal, HandshakeReport][] = [];
  const acceptances: HandshakeReport[] = [];
  const options: ServeOptions = {
    refused: (refusal, report) => void refusals.push([refusal, report]),
    accepted: (report) => void acceptances.push(report),
  };
  await serving(options, async (port) => {
    const bad = request({ "Sec-WebSocket-Key": "short" });
    const response = await exchange(port, bad);
    assert.equal(refusals[0]![0].code, "key-invalid");
    assert.equal(refusals[0]![1].request!.text, bad);
    assert.equal(refusals[0]![1].response, response);
    assert.equal(refusals[0]![1].remoteAddress, "127.0.0.1");
    const good = await exchange(port, REQUEST + CLOSE);
    assert.equal(acceptances[0]!.request!.text, REQUEST);
    assert.equal(acceptances[0]!.response + CLOSE_BACK, good);
  });
});

test("a hook that throws is reported, and changes nothing else", async () => {
  const errors: unknown[] = [];
  const fail = (): never => {
    throw new Error("from the hook");
  };
  await serving(
    { refused: fail, accepted: fail, error: (error) => void errors.push(error) },
    async (port) => {
      assert.equal(statusOf(await exchange(port, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")), 426);
      assert.equal(statusOf(await exchange(port, REQUEST + CLOSE)), 101);
    },
  );
  assert.equal(errors.length, 2);
});

test("upgrade() gives data, headers and a subprotocol to the handshake", async () => {
  const seen: unknown[] = [];
  const server = await serve({
    port: 0,
    protocols: ["v2", "v1"],
    upgrade(request) {
      seen.push(request.url, request.headers.get("cookie"), request.remoteAddress, request.method);
      const headers = new Headers({ "x-kind": "chat" });
      headers.append("set-cookie", "a=1");
      headers.append("set-cookie", "b=2");
      return { data: { user: "ada" }, headers, protocol: "v1" };
    },
  }, {
    message: (socket) =>
      void socket.send(`${socket.data.user} ${socket.protocol} ${socket.request!.headers.get("cookie")}`),
  });
  const peer = await dial(server.port);
  peer.write(
    request({ "Cookie": "id=7", "Sec-WebSocket-Protocol": "v1,v2" }, "GET /room?x=1 HTTP/1.1") + HI + CLOSE,
  );
  const response = await peer.untilEnd();
  assert.deepEqual(seen, ["http://localhost/room?x=1", "id=7", "127.0.0.1", "GET"]);
  assert.match(response, /\r\nset-cookie: a=1\r\nset-cookie: b=2\r\n/i);
  assert.equal(headerOf(response, "x-kind"), "chat");
  assert.equal(headerOf(response, "Sec-WebSocket-Protocol"), "v1");
  assert.ok(response.includes("ada v1 id=7"));
  await peer.destroy();
  await server.shutdown();
});

test("frames that come while a large request is being decided upon, and after that, are read as they came", async () => {
  for (const size of [100, 400, 600, 1000, 3000, 9000]) {
    let decide = (): void => {};
    const asked = new Promise<void>((resolve) => (decide = resolve));
    const server = await serve({ port: 0, upgrade: () => asked }, {
      message: (socket, message) => void socket.send(`heard ${message}`),
    });
    const peer = await dial(server.port);
    peer.write(request({ "Cookie": `id=${"7".repeat(size)}` }));
    // The reader waits for more when the handshake is accepted.
    await new Promise((resolve) => setTimeout(resolve, 20));
    decide();
    await peer.until("\r\n\r\n");
    peer.write(HI + CLOSE);
    assert.ok((await peer.untilEnd()).includes("heard hi"), `a head of more than ${size} bytes`);
    await peer.destroy();
    await server.shutdown();
  }
});

test("upgrade() refuses with a Response: status, headers and body are its own", async () => {
  const codes: string[] = [];
  const options: ServeOptions = {
    upgrade: () =>
      Promise.resolve(
        new Response("Sign in first", { status: 401, headers: { "www-authenticate": "Bearer" } }),
      ),
    refused: (refusal) => void codes.push(refusal.code),
  };
  await serving(options, async (port) => {
    const response = await exchange(port, REQUEST + HI);
    assert.equal(statusOf(response), 401);
    assert.equal(headerOf(response, "www-authenticate"), "Bearer");
    assert.equal(headerOf(response, "Connection"), "close");
    assert.ok(response.endsWith("\r\n\r\nSign in first"));
    assert.deepEqual(codes, ["refused-by-application"]);
  });
});

test("upgrade() that throws, or answers what cannot be sent, gives 500 and is reported", async () => {
  const errors: unknown[] = [];
  const answers = [
    () => {
      throw new Error("database");
    },
    () => Promise.reject(new Error("database")),
    () => ({ protocol: "never-offered" }),
    () => ({ headers: { "Sec-WebSocket-Accept": "x" } }),
  ];
  await serving(
    { upgrade: () => answers.shift()!(), error: (error) => void errors.push(error) },
    async (port) => {
      for (let count = answers.length; count > 0; count--) {
        const response = await exchange(port, REQUEST);
        assert.equal(statusOf(response), 500);
        assert.ok(!response.includes("database"), "what went wrong inside is not the peer's to know");
      }
    },
  );
  assert.equal(errors.length, 4);
});

test("a peer that leaves while upgrade() is thinking aborts its request's signal", async () => {
  const { promise: aborted, resolve } = deferred();
  const { promise: asked, resolve: ask } = deferred();
  const upgrade = async (request: Request): Promise<void> => {
    request.signal.addEventListener("abort", resolve);
    ask();
    await aborted;
  };
  await serving({ upgrade }, async (port) => {
    const peer = await dial(port);
    peer.write(REQUEST);
    await asked;
    await peer.destroy();
    await aborted;
  });
});

test("the deadline of the handshake covers the request and upgrade()", async () => {
  const { promise: never, resolve: release } = deferred();
  await serving({ handshakeTimeout: 400, upgrade: async () => void await never }, async (port) => {
    assert.equal(statusOf(await exchange(port, "GET / HTTP/1.1\r\nHost: loc")), 408);
    assert.equal(await exchange(port, ""), "", "who said nothing is told nothing");
    assert.equal(statusOf(await exchange(port, REQUEST)), 503);
    release();
  });
});

test("RFC 6455, section 4.2.2: the server's preference chooses the subprotocol", async () => {
  await serving({ protocols: ["chat.v2", "chat.v1"] }, async (port) => {
    const chosen = async (offer: string | undefined): Promise<string | undefined> =>
      headerOf(
        await exchange(port, request({ "Sec-WebSocket-Protocol": offer }) + CLOSE),
        "Sec-WebSocket-Protocol",
      );
    assert.equal(await chosen("chat.v1,chat.v2"), "chat.v2");
    assert.equal(await chosen("chat.v1"), "chat.v1");
    assert.equal(await chosen(undefined), undefined);
    const refused = await exchange(port, request({ "Sec-WebSocket-Protocol": "soap" }));
    assert.equal(statusOf(refused), 400);
    assert.ok(refused.includes("chat.v2, chat.v1"), "the refusal names what is spoken");
  });
});

test("RFC 6455, section 4.2.2: a function may choose the subprotocol, in its own time", async () => {
  const protocols = async (offered: readonly string[]): Promise<string | undefined> => {
    await Promise.resolve();
    return offered.find((each) => each.startsWith("chat"));
  };
  await serving({ protocols }, async (port) => {
    const response = await exchange(port, request({ "Sec-WebSocket-Protocol": "soap, chat.v3" }) + CLOSE);
    assert.equal(headerOf(response, "Sec-WebSocket-Protocol"), "chat.v3");
    const none = await exchange(port, request({ "Sec-WebSocket-Protocol": "soap" }) + CLOSE);
    assert.equal(statusOf(none), 101);
    assert.equal(headerOf(none, "Sec-WebSocket-Protocol"), undefined);
  });
});

test("RFC 6455, section 10.2: a page of another origin is refused by default", async () => {
  const status = async (port: number, headers: Record<string, string>): Promise<number> =>
    statusOf(await exchange(port, request(headers) + CLOSE));
  await serving({}, async (port) => {
    assert.equal(await status(port, { "Origin": "http://localhost" }), 101);
    assert.equal(await status(port, { "Origin": "http://evil.example" }), 403);
    assert.equal(await status(port, { "Origin": "null" }), 403);
  });
  await serving({ origins: ["https://*.example.com"] }, async (port) => {
    assert.equal(await status(port, { "Origin": "https://app.example.com" }), 101);
    assert.equal(await status(port, { "Origin": "http://localhost" }), 403);
  });
  await serving({ origins: "any" }, async (port) => {
    assert.equal(await status(port, { "Origin": "http://evil.example" }), 101);
  });
});

test("DNS rebinding: on a loopback address only loopback hosts are answered for, unless others are listed", async () => {
  const status = async (port: number, host: string): Promise<number> =>
    statusOf(await exchange(port, request({ "Host": host }) + CLOSE));
  await serving({}, async (port) => {
    assert.equal(await status(port, `127.0.0.1:${port}`), 101);
    assert.equal(await status(port, "rebind.evil.example"), 421);
  });
  await serving({ hosts: ["app.example"] }, async (port) => {
    assert.equal(await status(port, "app.example"), 101);
    assert.equal(await status(port, "localhost"), 421);
  });
  await serving({ hostname: "0.0.0.0" }, async (port) => {
    assert.equal(await status(port, "app.example"), 101);
  });
});

test("fetch() answers every method on the same port", async () => {
  const fetch = async (request: Request & { remoteAddress: string }): Promise<Response> => {
    const { method, url, remoteAddress } = request;
    return new Response(`${method} ${new URL(url).pathname} ${remoteAddress}${await request.text()}`, {
      headers: { "x-health": "ok" },
    });
  };
  await serving({ fetch }, async (port) => {
    const last = "Host: localhost\r\nConnection: close\r\n";
    const get = await exchange(port, `GET /health HTTP/1.1\r\n${last}\r\n`);
    assert.equal(statusOf(get), 200);
    assert.equal(headerOf(get, "x-health"), "ok");
    assert.equal(headerOf(get, "Content-Length"), "21");
    assert.ok(get.endsWith("\r\n\r\nGET /health 127.0.0.1"));
    const head = await exchange(port, `HEAD /health HTTP/1.1\r\n${last}\r\n`);
    assert.equal(headerOf(head, "Content-Length"), "22");
    assert.ok(head.endsWith("\r\n\r\n"));
    const old = await exchange(port, "GET / HTTP/1.0\r\n\r\n");
    assert.equal(statusOf(old), 200);
    const post = await exchange(port, `POST / HTTP/1.1\r\n${last}Content-Length: 2\r\n\r\nhi`);
    assert.ok(post.endsWith("\r\n\r\nPOST / 127.0.0.1hi"));
    assert.equal(statusOf(await exchange(port, REQUEST + CLOSE)), 101);
  });
});

test("fetch(): a long response arrives whole, however long a peer that goes on reading takes", async () => {
  const size = 24 * 1024 * 1024;
  await serving({ fetch: () => new Response(new Uint8Array(size)) }, async (port) => {
    const socket = connectTcp(port, "127.0.0.1");
    socket.write("GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    let received = 0;
    let resting: ReturnType<typeof setTimeout> | undefined;
    socket.on("data", (chunk: Uint8Array) => {
      received += chunk.length;
      // 8 MB a second: so slow that it takes longer than what still comes of a refused peer is read.
      socket.pause();
      clearTimeout(resting);
      resting = setTimeout(() => socket.resume(), chunk.length / 8000);
    });
    await once(socket, "end");
    clearTimeout(resting);
    assert.ok(received > size, `${received} of ${size} bytes`);
    socket.destroy();
  });
});

test("refused(): the report has the head as bytes, and the body as text", async () => {
  const reports: string[] = [];
  await serving({
    upgrade: () => new Response("\u63e1\u624b", { status: 403, headers: { "x-who": "\xe9" } }),
    refused: (_, { response }) => void reports.push(response),
  }, async (port) => {
    await exchange(port, REQUEST);
  });
  assert.equal(reports.length, 1);
  assert.match(reports[0]!, /\r\nx-who: \xe9\r\n[^]*\r\n\r\n\u63e1\u624b$/i);
});

test("fetch() that throws gives 500 and is reported", async () => {
  const last = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
  const errors: unknown[] = [];
  let fails = true;
  const fetch = async (): Promise<Response> => {
    await Promise.resolve();
    if (fails) throw new Error("template");
    return new Response(null, { status: 204 });
  };
  await serving({ fetch, error: (error) => void errors.push(error) }, async (port) => {
    assert.equal(statusOf(await exchange(port, last)), 500);
    assert.equal(errors.length, 1);
    fails = false;
    const response = await exchange(port, last);
    assert.equal(statusOf(response), 204);
    assert.equal(headerOf(response, "Content-Length"), undefined);
  });
});

function deferred(): { promise: Promise<void>; resolve: () => void } {
  let resolve!: () => void;
  const promise = new Promise<void>((settle) => (resolve = settle));
  return { promise, resolve };
}
