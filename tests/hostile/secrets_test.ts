/** Secrets in errors, logs and refusals: what must not be told, is told to nobody. */
import assert from "node:assert/strict";
import { inspect } from "node:util";
import {
  connect,
  type ConnectOptions,
  type HandshakeError,
  reconnecting,
  serve,
  type ServeOptions,
  type UpgradeResult,
  WebSocket,
  WebSocketStream,
} from "../../mod.ts";
import { tls } from "../fixtures.ts";
import { test } from "../harness.ts";
import { exchange, RawServer, request } from "../raw_peer.ts";
import {
  acceptance,
  BYE,
  clientFrame,
  closeReasonIn,
  deferred,
  ECHO,
  failClient,
  heard,
  HI,
  rejection,
  say,
  serverFrame,
  serving,
  TEXT,
  until,
  withOpen,
} from "./support.ts";

const SECRET = "s3cr3t";

/** All that could be printed of a value. */
function printed(value: unknown): string {
  const shown = [inspect(value, { depth: 12, showHidden: true }), String(value), JSON.stringify(value)];
  for (let error = value; error instanceof Error; error = error.cause) {
    shown.push(error.message, error.stack ?? "", inspect(error, { depth: 12, showHidden: true }));
  }
  return shown.join("\n");
}

function assertSilent(value: unknown, what = ""): void {
  assert.ok(!printed(value).includes(SECRET), `${what}: ${printed(value)}`);
}

/** What is printed while `use` goes on. */
async function consoleOf(use: () => Promise<void>): Promise<string> {
  const lines: string[] = [];
  const names = ["log", "info", "warn", "error", "debug", "trace"] as const;
  const originals = names.map((name) => console[name]);
  for (const name of names) {
    console[name] = (...args: unknown[]) => void lines.push(args.map(printed).join(" "));
  }
  try {
    await use();
  } finally {
    for (const [index, name] of names.entries()) console[name] = originals[index]!;
  }
  return lines.join("\n");
}

/** A port where nothing listens. */
async function deadPort(): Promise<number> {
  const dead = await RawServer.listen(() => {});
  await dead[Symbol.asyncDispose]();
  return dead.port;
}

test("secrets: a URL that cannot be used is not repeated by what connect() throws, for it may hold a password or a token", async () => {
  const urls = [
    `ws://user:${SECRET}@localhost/`,
    `ws://user:${SECRET}@local host/`,
    `ws://host:99999/?token=${SECRET}`,
    `ws://[::1/?token=${SECRET}`,
    `ws://%zz/?token=${SECRET}`,
    `ftp://localhost/?token=${SECRET}`,
    `ws://localhost/?token=a#${SECRET}`,
    `localhost/?token=${SECRET}`,
    SECRET,
  ];
  for (const url of urls) assertSilent(await rejection(connect(url)), url);
});

test("secrets: a URL that cannot be used is not repeated by WebSocket and WebSocketStream either", () => {
  for (
    const url of [
      `ws://user:${SECRET}@local host/`,
      `ws://host:99999/?token=${SECRET}`,
      `/feed?token=${SECRET}`,
    ]
  ) {
    for (const face of [WebSocket, WebSocketStream]) {
      try {
        new face(url);
        assert.fail(`${url} was taken`);
      } catch (error) {
        assert.equal((error as Error).name, "SyntaxError");
        assertSilent(error, url);
      }
    }
  }
});

test("secrets: a header that cannot be sent is named, and its value is not told", async () => {
  for (const text of ["\n", "\r\n", "\0", "\u20ac", "\x01"]) {
    const headers = { authorization: `Bearer ${SECRET}${text}rest`, cookie: `id=${SECRET}` };
    assertSilent(await rejection(connect("ws://localhost:9/", { headers })), JSON.stringify(text));
    assertSilent(
      await rejection(connect("ws://localhost:9/", { proxy: { url: "http://localhost:9", headers } })),
    );
    await serving(
      { upgrade: () => ({ headers: { "set-cookie": `id=${SECRET}${text}rest` } }) },
      ECHO,
      async ({ port, errors }) => {
        const answer = await exchange(port, request());
        assert.equal(heard(answer).status, 500);
        assert.ok(!answer.includes(SECRET));
        assert.equal(errors.length, 1);
        assertSilent(errors.splice(0)[0], JSON.stringify(text));
      },
    );
  }
});

test("secrets: subprotocols, in which browsers carry tokens, stand in no error at either end", async () => {
  assertSilent(await rejection(connect("ws://localhost:9/", { protocols: ["bearer", `${SECRET}==`] })));
  assertSilent(await rejection(connect("ws://localhost:9/", { protocols: [SECRET, SECRET] })));
  await serving({ upgrade: () => ({ protocol: "chat" }) }, ECHO, async ({ port, errors }) => {
    const answer = await exchange(port, request({ "Sec-WebSocket-Protocol": `bearer, ${SECRET}` }));
    assert.ok(!answer.includes(SECRET));
    assertSilent(errors.splice(0)[0]);
  });
  await serving({ protocols: ["chat"] }, ECHO, async ({ port }) => {
    assert.ok(!(await exchange(port, request({ "Sec-WebSocket-Protocol": SECRET }))).includes(SECRET));
  });
  // A server that chooses none fails the standard's faces.
  await serving({}, ECHO, async ({ server }) => {
    const failed = deferred<unknown>();
    const socket = new WebSocket(server.url, ["bearer", SECRET]);
    socket.onerror = (event) => failed.resolve((event as { error?: unknown }).error ?? event);
    assertSilent(await failed.promise);
  });
});

test("secrets: what fails a client tells neither its headers, nor its URL's query, nor its proxy's password", async () => {
  const port = await deadPort();
  const secrets: ConnectOptions = { headers: { authorization: `Bearer ${SECRET}`, cookie: `id=${SECRET}` } };
  const proxy = `http://user:${SECRET}@127.0.0.1:${port}`;
  const attempts: [url: string, options?: ConnectOptions][] = [
    [`ws://127.0.0.1:${port}/?token=${SECRET}`],
    [`wss://127.0.0.1:${port}/?token=${SECRET}`, { tls: { ca: tls.ca } }],
    [`ws://127.0.0.1:${port}/?token=${SECRET}`, { proxy }],
    [`ws://127.0.0.1/?token=${SECRET}`, { unix: "/nowhere/at/all" }],
    [`wss://127.0.0.1:${port}/?token=${SECRET}`, {
      tls: { ca: tls.ca, cert: "x", key: `-----BEGIN ${SECRET}` },
    }],
  ];
  for (const [url, options] of attempts) {
    assertSilent(await rejection(connect(url, { ...secrets, ...options })), url);
  }
  const answers = [
    "HTTP/1.1 404 Not Found\r\n\r\n",
    "HTTP/1.1 101 Switching Protocols\r\n\r\n",
    "HTTP/1.1 200",
    "garbage\r\n",
    "",
  ];
  for (const answer of answers) {
    await using server = await RawServer.listen(async (peer) => {
      await peer.until("\r\n\r\n");
      peer.write(answer);
      peer.end();
    });
    for (const options of [{}, { proxy: `http://user:${SECRET}@127.0.0.1:${server.port}` }]) {
      assertSilent(
        await rejection(
          connect(`ws://127.0.0.1:${server.port}/?token=${SECRET}`, { ...secrets, ...options }),
        ),
        answer,
      );
    }
  }
});

test("secrets: a token that a redirect takes along in its query stands in no error's message", async () => {
  const cases: [location: string, options: ConnectOptions][] = [
    [`https://localhost/feed?token=${SECRET}`, {}],
    [`/elsewhere?token=${SECRET}`, {}],
    [`ws://user:${SECRET}@localhost/`, { redirects: 1 }],
    [`ftp://localhost/?token=${SECRET}`, { redirects: 1 }],
    [`#${SECRET}`, { redirects: 5 }],
  ];
  for (const [location, options] of cases) {
    const error: HandshakeError = await failClient(
      `HTTP/1.1 301 Moved\r\nLocation: ${location}\r\n\r\n`,
      options,
    );
    assert.ok(!error.message.includes(SECRET), error.message);
    assert.ok(!inspect(error, { depth: 12, showHidden: true }).includes(SECRET));
    // Who wants to know finds it where it belongs.
    assert.equal(new Map(error.headers).get("location"), location);
  }
});

test("secrets: a reconnecting client tells no more of its URLs and headers than the attempts do", async () => {
  const port = await deadPort();
  const failures: unknown[] = [];
  const client = reconnecting(() => `ws://127.0.0.1:${port}/?token=${SECRET}`, {
    headers: { authorization: SECRET },
    retry(failure) {
      failures.push(failure);
      return false;
    },
  });
  const error = await rejection(client[Symbol.asyncIterator]().next());
  for (const each of [error, ...failures]) assertSilent(each);
});

test("secrets: refusals repeat nothing of the request, in text and in JSON", async () => {
  const changes: Record<string, string>[] = [
    { "Sec-WebSocket-Version": SECRET },
    { "Sec-WebSocket-Key": SECRET },
    { Host: `${SECRET}.example` },
    { Host: `${SECRET} x` },
    { Origin: `http://${SECRET}.example` },
    { Upgrade: SECRET },
    { Connection: SECRET },
    { "Sec-WebSocket-Protocol": `${SECRET} x` },
    { "Sec-WebSocket-Extensions": `${SECRET}; ;` },
    { "Content-Length": SECRET },
    { "Transfer-Encoding": SECRET },
    { [`${SECRET} `]: "x" },
  ];
  await serving({}, ECHO, async ({ port }) => {
    for (const change of changes) {
      for (const accept of ["*/*", "application/json"]) {
        const text = request({
          Cookie: SECRET,
          Authorization: `Bearer ${SECRET}`,
          Accept: accept,
          ...change,
        }, `GET /<script>alert("${SECRET}")</script>?token=${SECRET} HTTP/1.1`);
        const answer = await exchange(port, text);
        assert.ok(heard(answer).status >= 400, JSON.stringify(change));
        assert.ok(!answer.includes(SECRET) && !answer.includes("script"), answer);
      }
    }
  });
});

test("secrets: what a handler or a hook throws is told to the error hook alone, never to the peer", async () => {
  const fail = (): never => {
    throw new Error(`database password ${SECRET}`);
  };
  const told: unknown[] = [];
  const error = (each: unknown): void => void told.push(each);
  for (const options of [{ upgrade: fail }, { protocols: fail }, { fetch: fail }] as ServeOptions[]) {
    await serving({ ...options, error }, ECHO, async ({ port }) => {
      const offering = request({ "Sec-WebSocket-Protocol": "a" });
      const text = options.fetch === undefined ? offering : "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
      const answer = await exchange(port, text);
      assert.equal(heard(answer).status, 500);
      assert.ok(!answer.includes(SECRET) && !answer.includes("database"));
    });
  }
  for (const handler of [{ open: fail }, { message: fail }, fail, () => Promise.reject(new Error(SECRET))]) {
    await serving({ error, closeTimeout: 300 }, handler, async ({ port }) => {
      const { close, rest, frames } = await say(port, HI);
      assert.equal(close, 1011);
      assert.equal(closeReasonIn(frames), "");
      assert.ok(!rest.includes(SECRET));
    });
  }
  assert.equal(told.length, 7);
  // A streamed message that has begun cannot be taken back: the connection fails, and nobody is told why.
  await serving({}, async (socket) => {
    await socket.sendStream((function* () {
      yield "a beginning, ";
      fail();
    })()).catch(error);
  }, async ({ port }) => {
    const { close, rest, frames } = await say(port, "");
    assert.equal(close, 1011);
    assert.equal(closeReasonIn(frames), "");
    assert.ok(!rest.includes(SECRET));
  });
});

test("secrets: the contents of messages stand in no error and in no Close frame", async () => {
  const closes: unknown[] = [];
  await serving({ maxMessageSize: 200, maxFragments: 2, closeTimeout: 300 }, {
    close: (_, close) => void closes.push(close),
  }, async ({ port }) => {
    const text = clientFrame({ opcode: TEXT, fin: false, payload: SECRET });
    const wrong = [
      clientFrame({ opcode: TEXT, payload: SECRET + "\xff" }).slice(0, -1) + "\xff",
      clientFrame({ opcode: TEXT, payload: SECRET.repeat(100) }),
      text + text,
      clientFrame({ opcode: 3, payload: SECRET }),
      clientFrame({ opcode: TEXT, payload: SECRET, key: undefined }),
      text + clientFrame({ opcode: 0, fin: false }).repeat(3),
      clientFrame({ opcode: 8, payload: `\x01\x02${SECRET}` }),
    ];
    for (const bytes of wrong) {
      const { rest } = await say(port, bytes);
      assert.ok(rest.length > 2 && !rest.includes(SECRET), rest);
    }
    await until(() => closes.length === wrong.length);
    for (const close of closes) assertSilent(close);
  });
  const server = await serve({ port: 0 }, ECHO);
  const socket = await connect(server.url, { maxBufferedAmount: 10 });
  for (const act of [() => socket.send(SECRET.repeat(10)), () => socket.send([SECRET] as never)]) {
    try {
      act();
      assert.fail("it was sent");
    } catch (error) {
      assertSilent(error);
    }
  }
  await socket.close();
  for (const act of [() => socket.send(SECRET), () => void socket.close(999, SECRET)]) {
    try {
      act();
      assert.fail("it was sent");
    } catch (error) {
      assertSilent(error);
    }
  }
  await server.shutdown();
});

test("secrets: a TLS key that cannot be used is not told", async () => {
  const key = tls.key.replace(/\n.{10}/, `\n${SECRET}!!!!`);
  for (const wrong of [key, SECRET, `-----BEGIN PRIVATE KEY-----\n${SECRET}\n-----END PRIVATE KEY-----\n`]) {
    assertSilent(await rejection(serve({ port: 0, tls: { cert: tls.cert, key: wrong } }, ECHO)));
  }
});

test("secrets: a server and its connections show nothing of requests, options or peers when they are printed", async () => {
  const result: UpgradeResult<undefined> = { headers: { "set-cookie": `id=${SECRET}` } };
  await serving({ upgrade: () => result, tls: { ...tls, key: tls.key } }, ECHO, async ({ server }) => {
    const socket = await connect(`${server.url}?token=${SECRET}`, {
      headers: { cookie: `id=${SECRET}` },
      tls: { ca: tls.ca },
    });
    const [served] = server.connections;
    for (const each of [socket, served, server, server.connections]) assertSilent(each);
    assert.doesNotMatch(printed(server), /PRIVATE KEY/);
    await socket.close();
  });
});

test("secrets: nothing is printed that nobody asked for, whatever peers do", async () => {
  const output = await consoleOf(async () => {
    const server = await serve({ port: 0, closeTimeout: 300 }, {});
    await exchange(server.port, request({ Cookie: SECRET, "Sec-WebSocket-Key": SECRET }));
    await exchange(server.port, request({ Cookie: SECRET }, `GET /?token=${SECRET} HTTP/1.1`) + BYE);
    await exchange(server.port, `\x16\x03\x01${SECRET}`);
    await say(server.port, clientFrame({ opcode: 3, payload: SECRET }));
    await withOpen(server.port, (peer) => Promise.resolve(peer.write(HI.slice(0, 3))));
    await rejection(connect(`ws://127.0.0.1:${await deadPort()}/?token=${SECRET}`));
    await using hostile = await RawServer.listen(async (peer) => {
      peer.write(acceptance(await peer.until("\r\n\r\n")) + serverFrame({ opcode: 3, payload: SECRET }));
      await peer.untilEnd();
      peer.end();
    });
    const socket = await connect(`ws://127.0.0.1:${hostile.port}/`);
    await socket.closed;
    await server.shutdown({ deadline: 0 });
  });
  assert.equal(output, "");
});

test("secrets: what a server says in failing stands in an error's message without control characters", async () => {
  // deno-lint-ignore no-control-regex -- C0, DEL and C1: what a terminal could obey
  const obeyed = /[\x00-\x1f\x7f-\x9f]/;
  for (const text of ["\x9b2J", "\x85", "\x90", "\x9d0;title\x9c"]) {
    const answers: (string | ((request: string) => string))[] = [
      `HTTP/1.1 404 ${text}\r\nContent-Length: 0\r\n\r\n`,
      `HTTP/1.1 302 Found\r\nLocation: /${text}\r\n\r\n`,
      `HTTP/1.1 403 No\r\nContent-Type: text/plain\r\n\r\nbody\x1b[2J${text}`,
      (request) => acceptance(request, `Sec-WebSocket-Protocol: a${text}\r\n`),
    ];
    for (const answer of answers) {
      const { message } = await failClient(answer);
      assert.doesNotMatch(message, obeyed, JSON.stringify(message));
      assert.ok(message.length < 1000);
    }
  }
  const { message } = await failClient(`HTTP/1.1 404 ${"x".repeat(15_000)}\r\n\r\n`);
  assert.ok(message.length < 1000, `${message.length} characters`);
});
