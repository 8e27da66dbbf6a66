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
    const rest = await peer.untilEnd();
    assert.match(rest, /gun>[^]*HTTP\/1\.1 101 /);
    assert.ok(rest.endsWith("\x81\x02hi\x81\x02hi\x88\x00"), rest);
    await peer.destroy();
  });
});

test("a later request meets the rules of the first: hosts, origins, a bad key", async () => {
  const refusals: string[] = [];
  const refused = ({ code }: Refusal): void => void refusals.push(code);
  const evil = get("/a").replace("localhost", "evil.example");
  const tests: [string, string, string][] = [
    [evil, "421", "host-not-allowed"],
    [get("/a#b"), "400", "request-target-invalid"],
    [request({}, "GET /../a HTTP/1.1"), "400", "request-target-invalid"],
    [request({ "Content-Length": "5" }), "400", "body-not-allowed"],
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
      // The host of these is remembered.
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

test("handshakeTimeout is also for later heads: one that dribbles is refused with 408", async () => {
  const codes: string[] = [];
  await serving(
    { http: application, handshakeTimeout: 200, refused: ({ code }) => void codes.push(code) },
    async (port) => {
      const peer = await dial(port);
      peer.write(get("/a"));
      await peer.until("<GET /a 0 ->");
      peer.write("GET / HTTP/1.1\r\nX-Long: ");
      const dribble = setInterval(() => peer.write("a"), 20);
      const rest = await peer.untilEnd();
      clearInterval(dribble);
      assert.deepEqual(statuses(rest), ["200", "408"]);
      assert.deepEqual(codes, ["handshake-timeout"]);
      await peer.destroy();
    },
  );
});

test("requestTimeout of the server: a body that dribbles is refused with 408, and the application is told", async () => {
  let aborted = 0;
  const http = createServer({ requestTimeout: 250, headersTimeout: 200 }, (request, response) => {
    request.on("close", () => aborted += Number(!request.complete));
    request.on("error", () => {});
    application(request, response);
  });
  await serving({ http }, async (port) => {
    for (const first of ["", get("/a")]) {
      const peer = await dial(port);
      peer.write(`${first}POST /b HTTP/1.1\r\nHost: localhost\r\nContent-Length: 500\r\n\r\n`);
      const dribble = setInterval(() => peer.write("x"), 20);
      assert.equal(statuses(await peer.untilEnd()).at(-1), "408");
      clearInterval(dribble);
      await peer.destroy();
    }
  });
  assert.equal(aborted, 2);
});

test("a body that the application does not read has no deadline, and no more of it is read", async () => {
  let read!: () => void;
  const http = createServer({ requestTimeout: 100, headersTimeout: 100 }, (request, response) => {
    read = () => application(request, response);
  });
  await serving({ http }, async (port) => {
    const size = 4 * 1024 * 1024;
    const peer = await dial(port);
    peer.write(
      `POST /b HTTP/1.1\r\nHost: localhost\r\n${LAST}Content-Length: ${size}\r\n\r\n${"x".repeat(size)}`,
    );
    await new Promise((resolve) => setTimeout(resolve, 400));
    read();
    assert.match(await peer.untilEnd(), new RegExp(`<POST /b ${size} ->$`));
    await peer.destroy();
  });
});

test("keepAliveTimeout of the server: an idle connection is closed, one with a slow response is not", async () => {
  const http = createServer({ keepAliveTimeout: 1 }, (request, response) => {
    if (request.url === "/slow") setTimeout(() => response.end("<slow>"), 1300);
    else application(request, response);
  });
  await serving({ http }, async (port) => {
    const peer = await dial(port);
    peer.write(get("/slow"));
    await peer.until("<slow>");
    assert.deepEqual(statuses(await peer.untilEnd()), ["200"]);
    await peer.destroy();
  });
});

test("shutdown(): idle connections close, responses finish and say so, and nothing comes after them", async () => {
  let respond: (() => void)[] = [];
  const http = (incoming: IncomingMessage, response: ServerResponse): void => {
    if (incoming.url === "/slow") respond.push(() => response.end("<slow>"));
    else application(incoming, response);
  };
  await serving({ http }, async (port, server) => {
    const [idle, busy, opening] = [await dial(port), await dial(port), await dial(port)];
    idle.write(get("/a"));
    await idle.until("<GET /a 0 ->");
    for (const peer of [busy, opening]) peer.write(get("/slow"));
    while (respond.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
    opening.write(REQUEST);
    const down = server.shutdown();
    await idle.untilEnd();
    for (const each of respond) each();
    respond = [];
    assert.match(await busy.untilEnd(), /\r\nConnection: close\r\n[^]*<slow>$/i);
    assert.deepEqual(statuses(await opening.untilEnd()), ["200"]);
    for (const peer of [idle, busy, opening]) await peer.destroy();
    await down;
  });
});

test("shutdown(): what is left at the deadline is dropped", async () => {
  await serving(
    { http: (_, response) => void (response as ServerResponse).write("<be") },
    async (port, server) => {
      const peer = await dial(port);
      peer.write(get("/"));
      await peer.until("<be");
      await server.shutdown({ deadline: 100 });
      await peer.untilEnd();
      await peer.destroy();
    },
  );
});

test("a peer that leaves ends its request, and frees its place", async () => {
  let closed = 0;
  const http = (incoming: IncomingMessage, response: ServerResponse): void => {
    incoming.on("error", () => {});
    response.on("close", () => closed++);
  };
  await serving({ http, maxConnections: 1 }, async (port) => {
    for (let i = 1; i <= 3; i++) {
      const peer = await dial(port);
      peer.write(get("/a"));
      await new Promise((resolve) => setTimeout(resolve, 30));
      await peer.destroy();
      while (closed < i) await new Promise((resolve) => setTimeout(resolve, 5));
    }
  });
});

test("what node:http cannot read is refused by it, and the answer arrives", async () => {
  await serving({ http: application }, async (port) => {
    for (
      const text of [
        "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nnot hex\r\n",
        get("/a") + "\x01\x02 bad\r\n\r\n",
      ]
    ) {
      const response = await exchange(port, text);
      assert.equal(statuses(response).at(-1), "400", JSON.stringify(response));
    }
  });
});

test("timeouts and addresses of the socket, as applications use them", async () => {
  const told: unknown[] = [];
  const http = (incoming: IncomingMessage, response: ServerResponse): void => {
    const { remoteAddress, remoteFamily } = incoming.socket;
    told.push(remoteAddress, remoteFamily, (incoming.socket as unknown as { encrypted: boolean }).encrypted);
    response.setTimeout(60, () => response.end("<late>"));
  };
  await serving({ http, handshakeTimeout: 400 }, async (port) => {
    assert.match(await exchange(port, get("/", LAST)), /<late>$/);
    assert.deepEqual(told, ["127.0.0.1", "IPv4", false]);
  });
});

test("option context: what the application knows, from the IncomingMessage, reaches upgrade() and the handler", async () => {
  const context = async (incoming: IncomingMessage): Promise<{ user: string }> => {
    await Promise.resolve();
    return { user: `${incoming.headers.cookie} of ${incoming.socket.remoteAddress} at ${incoming.url}` };
  };
  for (const first of ["", get("/a")]) {
    const seen: unknown[] = [];
    const server = await serve<{ user: string }, { user: string }>({
      port: 0,
      http: application,
      context,
      upgrade: (_, known) => void seen.push(known),
    }, (socket) => void seen.push(socket.data));
    const peer = await dial(server.port);
    peer.write(first + request({ Cookie: "ada", Context: "mallory" }));
    await peer.until("HTTP/1.1 101");
    const known = { user: "ada of 127.0.0.1 at /" };
    assert.deepEqual(seen, [known, known]);
    await peer.destroy();
    await server.shutdown();
  }
});

test("option context that throws: 500, and the error is reported", async () => {
  const errors: unknown[] = [];
  await serving({
    http: application,
    context() {
      throw new Error("no session store");
    },
    error: (error) => void errors.push((error as Error).message),
  }, async (port) => {
    assert.deepEqual(statuses(await exchange(port, REQUEST)), ["500"]);
    assert.deepEqual(errors, ["no session store"]);
  });
});

test("a peer that leaves while a refusal or an upgrade waits for a response that never ends is noticed", async () => {
  let closed = 0;
  const http = (incoming: IncomingMessage, response: ServerResponse): void => {
    if (incoming.url !== "/events") return application(incoming, response);
    response.on("close", () => closed++);
    response.write("<event>");
  };
  const evil = get("/x").replace("localhost", "evil.example");
  const much = "x".repeat(200_000);
  const connectTo = "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n";
  await serving({ http, maxConnections: 3 }, async (port, server) => {
    let left = 0;
    for (const [second, later] of [[evil, ""], [REQUEST, ""], [connectTo, ""], [evil, much], [REQUEST, HI]]) {
      for (const how of ["end", "destroy"] as const) {
        const peer = await dial(port);
        peer.write(get("/events") + second);
        await peer.until("<event>");
        peer.write(later!);
        await new Promise((resolve) => setTimeout(resolve, 20));
        if (how === "end") peer.end();
        else await peer.destroy();
        left++;
        while (closed < left) await new Promise((resolve) => setTimeout(resolve, 5));
        if (how === "end") await peer.destroy();
      }
    }
    while (statuses(await exchange(port, get("/", LAST)))[0] !== "200") {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    assert.equal(server.connections.size, 0);
  });
});

test("an upgrade that waits longer than requestTimeout for an earlier response is dropped", async () => {
  let closed = 0;
  const http = createServer({ requestTimeout: 200, headersTimeout: 200 }, (_, response) => {
    response.on("close", () => closed++);
    response.write("<event>");
  });
  await serving({ http }, async (port) => {
    const peer = await dial(port);
    peer.write(get("/events") + REQUEST);
    await peer.untilEnd();
    while (closed === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    await peer.destroy();
  });
});

test("option path that throws: the hook is told, nothing is ours, and the process lives, by any request", async () => {
  const errors: unknown[] = [];
  const options = {
    path: (path: string) => decodeURIComponent(path) === "/chat",
    error: (error: unknown) => void errors.push((error as Error).name),
  };
  const upgrade = request({}, "GET /%zz HTTP/1.1");
  await serving({ http: application, ...options }, async (port) => {
    assert.deepEqual(statuses(await exchange(port, upgrade)), ["404"]);
    assert.deepEqual(statuses(await exchange(port, get("/a") + upgrade)), ["200", "404"]);
  });
  assert.ok(errors.length >= 2 && errors.every((name) => name === "URIError"));
});

test("the callback of a write that a peer does not read is called when the peer leaves", async () => {
  let told = 0;
  const http = (_: IncomingMessage, response: ServerResponse): void =>
    void response.write(new Uint8Array(30_000_000), () => told++);
  await serving({ http }, async (port) => {
    const peer = await dial(port);
    peer.pause();
    peer.write(get("/"));
    await new Promise((resolve) => setTimeout(resolve, 100));
    await peer.destroy();
    while (told === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  });
});

test("an application that writes over the peer's address does not confuse what is counted", async () => {
  const http = (incoming: IncomingMessage, response: ServerResponse): void => {
    Object.defineProperty(incoming.socket, "remoteAddress", { value: "10.0.0.9" });
    response.end(incoming.socket.remoteAddress);
  };
  await serving({ http, maxConnectionsPerAddress: 1 }, async (port) => {
    for (let i = 0; i < 3; i++) {
      let received = "";
      do {
        // A refused connection counts until it is over.
        await new Promise((resolve) => setTimeout(resolve, 20));
        received = await exchange(port, get("/", LAST));
      } while (received.includes(" 429 "));
      assert.match(received, /10\.0\.0\.9$/);
    }
  });
});

test("a response before the end of its body: keepAliveTimeout and handshakeTimeout hold behind it", async () => {
  const http = createServer({ keepAliveTimeout: 1 }, (_, response) => response.end("<early>"));
  const post = "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\n";
  await serving({ http, handshakeTimeout: 400 }, async (port) => {
    for (const rest of ["", "GET / HTT"]) {
      const peer = await dial(port);
      peer.write(post + "he");
      await peer.until("<early>");
      peer.write("llo" + rest);
      await peer.untilEnd();
      await peer.destroy();
    }
  });
});

test("shouldUpgradeCallback of the application's server is asked about what is no WebSocket", async () => {
  const http = createServer(application) as ReturnType<typeof createServer> & {
    shouldUpgradeCallback?: (request: IncomingMessage) => boolean;
  };
  http.shouldUpgradeCallback = ({ headers }) => headers.upgrade === "foo";
  http.on("upgrade", (_, socket: Duplex) => socket.end("HTTP/1.1 101 Theirs\r\n\r\n"));
  await serving({ http }, async (port) => {
    const ask = (protocol: string): Promise<string> =>
      exchange(port, get("/", `Connection: Upgrade, close\r\nUpgrade: ${protocol}\r\n`));
    assert.match(await ask("foo"), /101 Theirs/);
    assert.match(await ask("bar"), /<GET \/ 0 /);
  });
});

test("fetch(): a body whose reading has begun goes on behind the response; another one is discarded", async () => {
  const texts: unknown[] = [];
  let pending = 2;
  const fetch = (request: Request): Response => {
    if (request.method === "GET") return new Response("<next>");
    const begun = request.url.endsWith("/begun");
    const text = begun
      ? request.text()
      : new Promise((resolve) => setTimeout(resolve, 60)).then(() => request.text());
    text.then((each) => texts.push(each), (error) => texts.push(error.name)).finally(() => pending--);
    return new Response("<early>");
  };
  await serving({ fetch }, async (port) => {
    for (const path of ["/begun", "/late"]) {
      const peer = await dial(port);
      peer.write(`POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhe`);
      await peer.until("<early>");
      peer.write("llo");
      peer.write(get("/", LAST));
      await peer.untilEnd();
      await peer.destroy();
    }
    while (pending > 0) await new Promise((resolve) => setTimeout(resolve, 5));
  });
  assert.deepEqual(texts.map(String).sort(), ["TypeError", "hello"]);
});

test("behind a refused request nothing is answered: no other request, and no upgrade", async () => {
  const http = (_: IncomingMessage, response: ServerResponse): void =>
    void setTimeout(() => response.end("<slow>"), 30);
  const evil = get("/x").replace("localhost", "evil.example");
  await serving({ http }, async (port) => {
    for (const next of [REQUEST, get("/y"), evil]) {
      const received = await exchange(port, get("/slow") + evil + next);
      assert.deepEqual(statuses(received), ["200", "421"]);
    }
  });
});

test("an upgrade behind a response that closes the connection is dropped: no handler sees it", async () => {
  let opened = 0;
  const http = (_: IncomingMessage, response: ServerResponse): void =>
    void setTimeout(() => response.writeHead(200, { connection: "close" }).end("<last>"), 30);
  await serving({ http, accepted: () => opened++ }, async (port, server) => {
    const received = await exchange(port, get("/") + REQUEST);
    assert.deepEqual(statuses(received), ["200"]);
    assert.equal(server.connections.size, 0);
    assert.equal(opened, 0);
  });
});

test("a peer that ends its side behind an upgrade that waits has left", async () => {
  const http = (_: IncomingMessage, response: ServerResponse): void =>
    void setTimeout(() => response.end("<slow>"), 50);
  await serving({ http, heartbeat: false }, async (port, server) => {
    const peer = await dial(port);
    peer.write(get("/slow") + REQUEST);
    peer.end();
    await peer.untilEnd();
    await peer.destroy();
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.equal(server.connections.size, 0);
  });
});

test("CONNECT is refused, by a later request as by the first", async () => {
  const http = createServer(application);
  http.on("connect", (_, socket: Duplex) => socket.end("never"));
  await serving({ http }, async (port) => {
    const connect = "CONNECT localhost:443 HTTP/1.1\r\nHost: localhost:443\r\n\r\n";
    assert.deepEqual(statuses(await exchange(port, connect)), ["400"]);
    assert.deepEqual(statuses(await exchange(port, get("/a") + connect)), ["200", "400"]);
  });
});

test("more header lines than maxHeaders: 431, by a later request as by the first, and none is cut off", async () => {
  await serving({ http: application, maxHeaders: 20 }, async (port) => {
    const many = get("/", "X-A: b\r\n".repeat(20) + LAST);
    assert.deepEqual(statuses(await exchange(port, many)), ["431"]);
    assert.deepEqual(statuses(await exchange(port, get("/a") + many)), ["200", "431"]);
  });
});

test("100-continue is not sent for a request that is refused", async () => {
  await serving({ http: application }, async (port) => {
    const evil = "POST / HTTP/1.1\r\nHost: evil.example\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n";
    assert.deepEqual(statuses(await exchange(port, get("/a") + evil)), ["200", "421"]);
  });
});

test("a response waits for a peer that reads nothing for a while, with keep-alive and without", async () => {
  // More than the system takes, and what it takes at once.
  const sizes = [6 * 1024 * 1024, 512 * 1024];
  const http = createServer({ keepAliveTimeout: 1 }, ({ url }, response) => {
    response.end(new Uint8Array(Number(url!.slice(1))));
  });
  await serving({ http }, async (port) => {
    const peers = [];
    for (const size of sizes) {
      for (const more of ["", LAST]) {
        const peer = await dial(port);
        peers.push({ peer, size });
        peer.pause();
        peer.write(get(`/${size}`, more));
      }
    }
    await new Promise((resolve) => setTimeout(resolve, 2800));
    for (const { peer, size } of peers) {
      peer.resume();
      const received = await peer.untilEnd();
      assert.equal(received.length - received.indexOf("\r\n\r\n") - 4, size);
      await peer.destroy();
    }
  });
});

test("misuse of http, fetch and context throws, and says what to do", async () => {
  const fails = async (options: object, message: RegExp): Promise<void> => {
    await assert.rejects(
      serve(options, () => {}),
      (error) => error instanceof TypeError && message.test(error.message),
    );
  };
  await fails({ http: { emit() {}, listenerCount() {}, callback() {} } }, /give app\.callback\(\)/);
  await fails({ http: {} }, /a request listener of node:http/);
  await fails({ http: application, fetch: () => new Response() }, /together/);
  await fails({ context: () => 1 }, /without http or fetch/);
});

test("RFC 3986, section 5.2.4: a WebSocket whose path has dot segments is refused with 400", async () => {
  await serving({ path: (path) => path.startsWith("/public/") }, async (port) => {
    for (const path of ["/public/../admin", "/public/%2e%2E/admin", "/public/.", "/public\\..\\admin"]) {
      assert.deepEqual(statuses(await exchange(port, request({}, `GET ${path} HTTP/1.1`))), ["400"], path);
    }
    const socket = await connect(`ws://127.0.0.1:${port}/public/..a/b..`);
    await socket.close();
  });
});

test("fetch(): a body that the handler does not read, or not to its end, does not hold up what follows", async () => {
  const errors: unknown[] = [];
  const fetch = async (request: Request): Promise<Response> => {
    if (request.url.endsWith("/some")) await request.body!.getReader().read();
    return new Response(`<${request.method}>`);
  };
  await serving({ fetch, error: (error) => void errors.push(error), maxConnections: 3 }, async (port) => {
    const body = "x".repeat(1024 * 1024);
    for (const path of ["/none", "/some"]) {
      const post =
        `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
      const received = await exchange(port, post + get("/next", LAST));
      assert.match(received, /<POST>[^]*<GET>$/, path);
    }
    assert.deepEqual(errors, []);
  });
});

test("fetch(): a peer that leaves is no error of the application", async () => {
  const errors: unknown[] = [];
  let aborted = 0;
  let settled = 0;
  const fetch = async (request: Request): Promise<Response> => {
    request.signal.addEventListener("abort", () => aborted++);
    if (request.method === "POST") await request.text().finally(() => settled++);
    return new Response(
      new ReadableStream({
        async pull(controller) {
          await new Promise((resolve) => setTimeout(resolve, 5));
          controller.enqueue(new Uint8Array(1000));
        },
      }),
      { headers: { "content-length": "100000000" } },
    );
  };
  await serving({ fetch, error: (error) => void errors.push(error) }, async (port) => {
    for (const text of [get("/"), "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nhi"]) {
      const peer = await dial(port);
      peer.write(text);
      await new Promise((resolve) => setTimeout(resolve, 60));
      await peer.destroy();
    }
    while (aborted < 2 || settled < 1) await new Promise((resolve) => setTimeout(resolve, 10));
    await new Promise((resolve) => setTimeout(resolve, 30));
    assert.deepEqual(errors, []);
  });
});

test("requestTimeout of the server is also for a response: a peer that reads nothing of it for so long is dropped", async () => {
  let closed = 0;
  const http = createServer({ requestTimeout: 300, headersTimeout: 300 }, (_, response) => {
    response.on("close", () => closed++);
    response.end(new Uint8Array(16 * 1024 * 1024));
  });
  await serving({ http }, async (port) => {
    const peer = await dial(port);
    peer.pause();
    peer.write(get("/"));
    while (closed === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    await peer.destroy();
  });
});
