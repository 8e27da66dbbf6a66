/** Header injection through anything that a caller passes to a response or a request: it throws, and nothing goes out. */
import assert from "node:assert/strict";
import {
  connect,
  type ConnectOptions,
  HandshakeError,
  serve,
  type UpgradeResult,
  WebSocket,
} from "../../mod.ts";
import { test } from "../harness.ts";
import { exchange, RawServer, request } from "../raw_peer.ts";
import { acceptance, BYE, ECHO, heard, rejection, serving, turns } from "./support.ts";

// What could begin a line of its own, end a string of C, or be cut to one of these.
const BREAKS = [
  "\r\n",
  "\r",
  "\n",
  "\0",
  "\r\n\r\n",
  "\u010d\u010a",
  "\u560d\u560a",
  "\u2028",
  "\x01",
  "\x7f",
  "\x1b[",
];
const INJECTED = "Injected: yes";

/** Whether what went out holds what was to be injected as a line, or any byte that could end one. */
function assertClean(head: string, what: string): void {
  assert.ok(head.endsWith("\r\n\r\n"), what);
  for (const line of head.slice(0, -4).split("\r\n")) {
    // deno-lint-ignore no-control-regex -- that is what it is about
    assert.doesNotMatch(line, /[\x00-\x08\x0a-\x1f\x7f]/, what);
    assert.doesNotMatch(line, /^injected/i, what);
  }
}

/** What a server says whose `upgrade` hook answers so. */
async function answered(
  upgrade: () => UpgradeResult<undefined> | Response | Promise<UpgradeResult<undefined> | Response>,
): Promise<{ status: number; received: string; errors: unknown[] }> {
  let result!: { status: number; received: string; errors: unknown[] };
  await serving({ upgrade }, ECHO, async ({ port, errors }) => {
    const received = await exchange(port, request({ "Sec-WebSocket-Protocol": "a, b" }) + BYE);
    const { status, head } = heard(received);
    assertClean(head, received);
    result = { status, received, errors: errors.splice(0) };
  });
  return result;
}

test("CVE-2020-35678 (autobahn): a header that upgrade() gives cannot begin a line of its own: 500, and the hook is told", async () => {
  for (const text of BREAKS) {
    for (
      const headers of [
        { "x-a": `b${text}${INJECTED}` },
        [["set-cookie", `id=7; path=/${text}${INJECTED}`]],
        { [`x-a${text}${INJECTED}`]: "b" },
        { [`x-a: b${text}injected`]: "yes" },
      ] as HeadersInit[]
    ) {
      const { status, errors, received } = await answered(() => ({ headers }));
      assert.equal(status, 500, JSON.stringify(headers));
      assert.deepEqual([errors.length, received.includes("njected")], [1, false]);
    }
  }
});

test("CVE-2020-35678 (autobahn): headers that belong to the handshake cannot be given, in any case of letters", async () => {
  const names = [
    ...[
      "Upgrade",
      "Connection",
      "Sec-WebSocket-Accept",
      "Sec-WebSocket-Protocol",
      "Sec-WebSocket-Extensions",
    ],
    ...["sec-websocket-VERSION", "Content-Length", "Transfer-Encoding"],
  ];
  for (const name of names) {
    for (const each of [name, name.toLowerCase(), name.toUpperCase()]) {
      const { status, errors } = await answered(() => ({ headers: { [each]: "7" } }));
      assert.deepEqual([status, errors.length], [500, 1], each);
    }
  }
});

test("CVE-2026-1527 (undici): a subprotocol that upgrade() or protocols() gives is one that was offered, to the letter", async () => {
  for (const text of [...BREAKS, " ", ",", ", b"]) {
    const protocol = `a${text}${INJECTED}`;
    assert.equal((await answered(() => ({ protocol }))).status, 500);
    await serving({ protocols: () => protocol }, ECHO, async ({ port, errors }) => {
      const { status, head } = heard(await exchange(port, request({ "Sec-WebSocket-Protocol": "a, b" })));
      assertClean(head, protocol);
      assert.deepEqual([status, errors.splice(0).length], [500, 1]);
    });
  }
  for (const protocol of ["", "A", "c", "a, b"]) {
    assert.equal((await answered(() => ({ protocol }))).status, 500, protocol);
  }
});

/** A Response with this status text, where the runtime lets it be made. */
function responseWith(statusText: string, headers: HeadersInit = {}): Response | undefined {
  try {
    return new Response("body", { status: 403, statusText, headers });
  } catch (error) {
    assert.ok(error instanceof TypeError || error instanceof RangeError);
    return undefined;
  }
}

test("the class of status texts: what a Response says there never goes out, from upgrade() and from fetch()", async () => {
  for (const text of [...BREAKS, " "]) {
    const statusText = `No${text}${INJECTED}`;
    const response = responseWith(statusText);
    if (response === undefined) continue;
    for (
      const each of [response, Object.defineProperty(responseWith("")!, "statusText", { value: statusText })]
    ) {
      const { received } = await answered(() => each.clone());
      assert.match(received, /^HTTP\/1\.1 403 Forbidden\r\n/);
      assert.ok(!received.includes(INJECTED));
    }
  }
});

test("CVE-2020-35678 (autobahn): a Response's headers, of upgrade() and of fetch(), redirects included, go out as they are or not at all", async () => {
  for (const text of BREAKS) {
    for (const name of ["location", "set-cookie", "x-a"]) {
      const make = (): Response =>
        new Response(null, { status: 302, headers: { [name]: `/a${text}${INJECTED}` } });
      const { status, received } = await answered(() => make());
      assert.equal(status, 500, JSON.stringify(text));
      assert.ok(!received.includes(INJECTED));
      await serving({ fetch: () => make() }, ECHO, async ({ port, errors }) => {
        const page = heard(
          await exchange(port, "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"),
        );
        assertClean(page.head, page.head);
        assert.deepEqual([page.status, errors.splice(0).length], [500, 1]);
        assert.ok(!page.rest.includes(INJECTED));
      });
    }
  }
  // What speaks of the framing of this one response is ours to say.
  const own = new Response("four", {
    headers: { "content-length": "400", "transfer-encoding": "chunked", connection: "keep-alive" },
  });
  await serving({ fetch: () => own }, ECHO, async ({ port }) => {
    const { head, rest } = heard(
      await exchange(port, "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"),
    );
    assert.match(head, /\r\nConnection: close\r\n/);
    assert.match(head, /\r\nContent-Length: 4\r\n/);
    assert.doesNotMatch(head, /chunked|keep-alive|400/);
    assert.equal(rest, "four");
  });
  // A body that is not as long as it says ends the connection, or the next response would be read as a part of it.
  for (const length of ["3", "9"]) {
    const stream = (pieces: string[]): ReadableStream =>
      new ReadableStream({
        async pull(controller) {
          const piece = pieces.shift();
          if (piece === undefined) return controller.close();
          await turns();
          controller.enqueue(new TextEncoder().encode(piece));
        },
      });
    const fetch = (): Response =>
      new Response(stream(["fo", "ur"]), { headers: { "content-length": length } });
    await serving({ fetch }, ECHO, async ({ port, errors }) => {
      const page = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
      assert.equal(heard(await exchange(port, page + page)).rest.includes("HTTP/1.1"), false);
      assert.match(String(errors.splice(0)[0]), length === "3" ? /it is longer/ : /it is shorter/);
    });
  }
});

test("the class of answers that are none: what is no Response and no result of upgrade() accepts nobody", async () => {
  // A Response of another make, as undici and node-fetch have it, is meant to refuse.
  class ForeignResponse {
    readonly status = 401;
    readonly ok = false;
    readonly headers: Headers = new Headers({ "www-authenticate": "Bearer" });
    arrayBuffer(): Promise<ArrayBuffer> {
      return Promise.resolve(new ArrayBuffer(0));
    }
  }
  const odd: unknown[] = [new ForeignResponse(), false, 0, "", "no", 401, Symbol("no"), () => {}];
  for (const answer of odd) {
    const { status } = await answered(() => answer as UpgradeResult<undefined>);
    assert.notEqual(status, 101, `${typeof answer} ${String(answer as object)}`);
  }
  for (const answer of [Response.error(), Object.defineProperty(new Response(), "status", { value: 101 })]) {
    assert.equal((await answered(() => answer)).status, 500);
  }
});

/** A server that accepts, and the heads of the requests it was sent. */
async function listening(use: (url: string, heads: string[]) => Promise<void>): Promise<void> {
  const heads: string[] = [];
  await using server = await RawServer.listen(async (peer) => {
    const head = await peer.until("\r\n\r\n");
    heads.push(head);
    peer.write(acceptance(head));
    await peer.untilEnd();
    peer.end();
  });
  await use(`ws://127.0.0.1:${server.port}/`, heads);
}

test("CVE-2026-1527 (undici): a header of connect() that could break out of its line is refused, and nothing is dialled", async () => {
  await listening(async (url, heads) => {
    for (const text of BREAKS) {
      for (
        const headers of [
          { "x-a": `b${text}${INJECTED}` },
          [["cookie", `id=7${text}${INJECTED}`]],
          { [`x-a${text}${INJECTED}`]: "b" },
          { [`x-a: b${text}injected`]: "yes" },
        ] as HeadersInit[]
      ) {
        await assert.rejects(connect(url, { headers }), TypeError, JSON.stringify(headers));
      }
    }
    for (
      const name of [
        "Host",
        "UPGRADE",
        "connection",
        "Sec-WebSocket-Key",
        "Content-Length",
        "transfer-encoding",
      ]
    ) {
      await assert.rejects(connect(url, { headers: { [name]: "7" } }), TypeError, name);
    }
    await turns();
    assert.deepEqual(heads, []);
  });
});

test("CVE-2026-1527 (undici): a subprotocol of connect() or WebSocket that is no token is refused, and nothing is dialled", async () => {
  await listening(async (url, heads) => {
    for (const text of [...BREAKS, " ", ",", ";", '"', "\u212a"]) {
      const protocols = ["a", `b${text}${INJECTED.replaceAll(/\W/g, "")}`];
      await assert.rejects(connect(url, { protocols }), SyntaxError, JSON.stringify(text));
      await assert.rejects(connect(url, { protocols: protocols[1]! }), SyntaxError);
      assert.throws(() => new WebSocket(url, protocols), { name: "SyntaxError" });
    }
    await turns();
    assert.deepEqual(heads, []);
  });
});

test("CVE-2026-1527 (undici): whatever stands in a URL, the request has one line for its target and one for its host", async () => {
  await listening(async (url, heads) => {
    for (const text of [...BREAKS, " ", "%0d%0a", "%00", "\t"]) {
      for (
        const tail of [
          `a${text}${INJECTED}`,
          `?a=${text}${INJECTED}`,
          `${text} HTTP/1.1${text}Host: evil.example`,
        ]
      ) {
        const error = await connect(url + tail).then((socket) => socket.abort(), (error: unknown) => error);
        assert.ok(
          error === undefined || error instanceof TypeError || error instanceof SyntaxError,
          String(error),
        );
      }
    }
    assert.ok(heads.length > 0);
    for (const head of heads) {
      assertClean(head, head);
      assert.equal(head.match(/\r\nhost:/gi)!.length, 1);
      assert.match(head, /^GET \/[!-~]* HTTP\/1\.1\r\nHost: 127\.0\.0\.1:\d+\r\n/);
    }
  });
});

test("CVE-2026-1527 (undici): a host that is none is refused, and a Unix socket's path is no part of the request", async () => {
  const gone = await RawServer.listen(() => {});
  await gone[Symbol.asyncDispose]();
  for (const text of ["\r\n", "\0", " ", "%0d%0a", "%00", "@evil.example\r\n"]) {
    const error = await rejection(connect(`ws://127.0.0.1${text}:${gone.port}/`));
    if (error instanceof HandshakeError) assert.equal(error.step, "connect", JSON.stringify(text));
    else assert.ok(error instanceof TypeError || error instanceof SyntaxError);
  }
  for (const path of [`/nowhere\r\n${INJECTED}`, `/nowhere\0${INJECTED}`]) {
    await rejection(connect("ws://localhost/", { unix: path }));
  }
});

test("CVE-2026-1527 (undici): what is given for a proxy cannot break out of the CONNECT request, and no connection stays behind", async () => {
  const heads: string[] = [];
  let open = 0;
  await using proxy = await RawServer.listen(async (peer) => {
    open++;
    void peer.untilEnd().then(() => open--);
    heads.push(await peer.until("\r\n\r\n"));
    peer.write("HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n");
    peer.end();
  });
  const url = `http://127.0.0.1:${proxy.port}`;
  const ask = (options: ConnectOptions, target = "ws://a.example/"): Promise<Error> =>
    rejection(connect(target, options));
  for (const text of BREAKS) {
    for (const headers of [{ "x-a": `b${text}${INJECTED}` }, { [`x-a${text}injected`]: "yes" }]) {
      for (const target of ["ws://a.example/", "wss://a.example/"]) {
        assert.ok(
          await ask({ proxy: { url, headers } }, target) instanceof TypeError,
          JSON.stringify(headers),
        );
      }
    }
  }
  await turns(20);
  assert.deepEqual([heads, open], [[], 0], "heads that were sent, and connections that were left open");
  // A user name and a password may hold anything: Base64 carries it.
  await ask({ proxy: `http://us%0d%0aer:pass%0d%0aInjected%3a%20yes@127.0.0.1:${proxy.port}` });
  await ask({ proxy: { url: `${url}/a\r\n${INJECTED}?b#c`, headers: { "x-a": "b" } } });
  assert.equal(heads.length, 2);
  for (const head of heads) {
    assertClean(head, head);
    assert.match(head, /^CONNECT a\.example:80 HTTP\/1\.1\r\nHost: a\.example:80\r\n/);
  }
});

test("the class of topics injected into a broker's protocol: line breaks, control characters and halves of surrogates are refused", async () => {
  const relayed: string[] = [];
  const server = await serve({
    port: 0,
    relay: () => ({
      subscribed: (topic) => void relayed.push(topic),
      unsubscribed: () => {},
      publish: ({ topic }) => void relayed.push(topic),
    }),
  }, {});
  try {
    for (const text of ["\r\n", "\n", "\0", "\x7f", "\x85", "\x1b", "\ud800", "\t"]) {
      assert.throws(() => server.publish(`room${text}PUB other`, "x"), RangeError, JSON.stringify(text));
    }
    assert.throws(() => server.publish("", "x"), RangeError);
    assert.throws(() => server.publish("x".repeat(257), "x"), RangeError);
    assert.throws(() => server.publish(7 as never, "x"), TypeError);
    assert.deepEqual(relayed, []);
  } finally {
    await server.shutdown();
  }
});

test("the class of close reasons: what is too long, or is given without a code, is refused, and never cut", async () => {
  await serving({}, ECHO, async ({ server }) => {
    const socket = await connect(server.url);
    assert.throws(() => void socket.close(1000, "x".repeat(124)), RangeError);
    assert.throws(() => void socket.close(1000, "é".repeat(62)), RangeError);
    assert.throws(() => void socket.close(null, "x"), RangeError);
    for (const code of [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65_536, 1000.5, NaN]) {
      assert.throws(() => void socket.close(code), RangeError, `${code}`);
    }
    assert.equal((await socket.close(4000, "\r\n\0" + "x".repeat(100))).code, 4000);
  });
});
