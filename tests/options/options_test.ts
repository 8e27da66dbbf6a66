/** Options are read once: what nobody would look at, or what cannot be used, throws where it is given, and says the right word. */
import assert from "node:assert/strict";
import {
  acceptor,
  connect,
  type ConnectOptions,
  type HandshakeReport,
  reconnecting,
  type Refusal,
  serve,
  type ServeOptions,
} from "../../mod.ts";
import { test } from "../harness.ts";
import { ECHO, heard, serving } from "../hostile/support.ts";
import { tls } from "../fixtures.ts";
import { dial, exchange, request } from "../raw_peer.ts";

const NEVER = "ws://127.0.0.1:1/";

type Wrong = [options: unknown, error: typeof TypeError | typeof RangeError, says: RegExp];

const BOTH: Wrong[] = [
  [{ maxMesageSize: 1 }, TypeError, /maxMessageSize/],
  [{ maxPayload: 1 }, TypeError, /maxMessageSize/],
  [{ perMessageDeflate: true }, TypeError, /compression/],
  [{ compression: { treshold: 1 } }, TypeError, /threshold/],
  [{ compression: "yes" }, TypeError, /true, false or an object/],
  [{ heartbeat: true }, TypeError, /heartbeat/],
  [{ heartbeat: { intervall: 1 } }, TypeError, /interval/],
  [{ heartbeat: 5000 }, TypeError, /heartbeat/],
  [{ receiveQueue: 4 }, TypeError, /receiveQueue/],
  [{ error: "log" }, TypeError, /function/],
  [{ onerror() {} }, TypeError, /error/],
  [{ maxMessageSize: null }, RangeError, /maxMessageSize/],
  [{ signal: {} }, TypeError, /AbortSignal/],
  [null, TypeError, /options of/],
  ["x", TypeError, /options of/],
];

const SERVER: Wrong[] = [
  ...BOTH,
  [{ host: "127.0.0.1" }, TypeError, /hostname/],
  [{ hostname: "" }, TypeError, /hostname/],
  [{ Upgrade() {} }, TypeError, /upgrade/],
  [{ onUpgrade() {} }, TypeError, /upgrade/],
  [{ upgarde() {} }, TypeError, /upgrade/],
  [{ verifyClient() {} }, TypeError, /upgrade/],
  [{ upgrade: true }, TypeError, /function/],
  [{ upgrade: null }, TypeError, /function/],
  [{ fetch: new Response() }, TypeError, /function/],
  [{ accepted: "x" }, TypeError, /function/],
  [{ port: 65536 }, RangeError, /65535/],
  [{ port: -1 }, RangeError, /65535/],
  [{ port: 1.5 }, RangeError, /65535/],
  [{ port: NaN }, RangeError, /65535/],
  [{ port: "8000" }, TypeError, /number/],
  [{ path: "chat" }, TypeError, /unix/],
  [{ path: "/chat?x=1" }, TypeError, /path/],
  [{ unix: 5 }, TypeError, /string/],
  [{ tls: {} }, TypeError, /tls\.cert/],
  [{ tls: true }, TypeError, /tls/],
  [{ tls: { cert: "x", key: "y" } }, TypeError, /tls\.cert/],
  [{ tls: { cert: tls.cert, key: "y" } }, TypeError, /tls\.key/],
  [{ tls: { cert: tls.cert, key: tls.otherKey } }, TypeError, /does not match the certificate/],
  [{ tls: { cert: tls.cert, key: tls.key, requestCert: true } }, TypeError, /requestCert/],
  [{ reusePort: 1 }, TypeError, /reusePort/],
  [{ origins: null }, TypeError, /origins/],
  [{ origins: [undefined] }, TypeError, /undefined in option origins/],
  // deno-lint-ignore no-sparse-arrays
  [{ origins: [,] }, TypeError, /origins/],
  [{ origins: 5 }, TypeError, /origins/],
  [{ origins: {} }, TypeError, /origins/],
  [{ origins: "*" }, TypeError, /"any"/],
  [{ origins: ["https://*"] }, TypeError, /host/],
  [{ origins: ["app.example"] }, TypeError, /https:\/\/app\.example/],
  [{ origins: ["wss://app.example"] }, TypeError, /http/],
  [{ origins: ["https://app.example:99999"] }, TypeError, /host/],
  [{ origins: ["any"] }, TypeError, /instead of the list/],
  [{ hosts: ["*"] }, TypeError, /"any"/],
  [{ hosts: ["app.example:443"] }, TypeError, /port/],
  [{ hosts: ["https://app.example"] }, TypeError, /scheme/],
  [{ hosts: [undefined] }, TypeError, /hosts/],
  [{ hosts: [""] }, TypeError, /hosts/],
  [{ protocols: ["a b"] }, TypeError, /token/],
  [{ protocols: [undefined] }, TypeError, /protocols/],
  [{ protocols: 1 }, TypeError, /protocols/],
  [{ subscriptions: { whenslow: "keep" } }, TypeError, /whenSlow/],
];

const CLIENT: Wrong[] = [
  ...BOTH,
  [{ path: "/x.sock" }, TypeError, /unix/],
  [{ protocol: "chat" }, TypeError, /protocols/],
  [{ header: {} }, TypeError, /headers/],
  [{ tls: { rejectUnauthorized: false } }, TypeError, /rejectUnauthorized/],
  [{ tls: { ca: "none" } }, TypeError, /tls\.ca/],
  [{ tls: { cert: tls.cert } }, TypeError, /key/],
  [{ tls: { cert: tls.cert, key: tls.otherKey } }, TypeError, /does not match the certificate/],
];

test("serve(), acceptor(), connect() and reconnecting() refuse what they would not look at, with the word that was meant", async () => {
  const kind = (error: typeof TypeError | typeof RangeError, says: RegExp) => (thrown: unknown): true => {
    assert.ok(thrown instanceof error, String(thrown));
    assert.match(thrown.message, says);
    return true;
  };
  for (const [options, error, says] of SERVER) {
    await assert.rejects(serve(options as ServeOptions, ECHO), kind(error, says), JSON.stringify(options));
  }
  for (const [options, error, says] of CLIENT) {
    await assert.rejects(
      connect(NEVER, options as ConnectOptions),
      kind(error, says),
      JSON.stringify(options),
    );
  }
  assert.throws(() => acceptor({ port: 1 } as object, ECHO), TypeError);
  assert.throws(() => acceptor({ maxMessageSize: 0 }, ECHO), RangeError);
  assert.throws(() => reconnecting(NEVER, { retries: 1 } as object), kind(TypeError, /retry/));
  assert.throws(() => reconnecting(NEVER, { delays: { maximum: 1 } } as object), TypeError);
});

test("what is no handler is refused, and so is one that nobody would call", async () => {
  const cases: [handler: unknown, says: RegExp][] = [
    [undefined, /handler/],
    [null, /handler/],
    ["echo", /handler/],
    [{ onmessage() {} }, /did you mean message/],
    [{ mesage() {} }, /did you mean message/],
    [{ message: "x" }, /message/],
  ];
  for (const [handler, says] of cases) {
    await assert.rejects(serve({ port: 0 }, handler as typeof ECHO), { name: "TypeError", message: says });
    assert.throws(() => acceptor({}, handler as typeof ECHO), { name: "TypeError", message: says });
  }
  await assert.rejects(connect(NEVER, {}, { onopen() {} } as object), { name: "TypeError", message: /open/ });
  await assert.rejects(serve(ECHO as unknown as ServeOptions, ECHO), TypeError);
  await assert.rejects((serve as (port: number, handler: typeof ECHO) => Promise<unknown>)(8112, ECHO), {
    name: "TypeError",
    message: /\{ port: 8112 \}/,
  });
});

test("a handler may have state and methods of its own", async () => {
  class Counter {
    count = 0;
    open(): void {}
    onOpen(): void {}
    message(): void {
      this.count++;
    }
  }
  const plain = {
    count: 0,
    message(): void {
      this.count++;
    },
  };
  for (const handler of [plain, new Counter()]) {
    await serving({}, handler, async ({ server }) => {
      const socket = await connect(server.url);
      socket.send("x");
      await socket.close();
    });
    assert.equal(handler.count, 1);
  }
});

class Chat {
  static readonly secret = "open sesame";
  readonly seen: string[] = [];
  port = 0;
  protocols(offered: readonly string[]): string | undefined {
    this.seen.push("protocols");
    return offered[0];
  }
  upgrade({ url }: Request): Response | undefined {
    this.seen.push("upgrade");
    return url.includes("sesame") ? undefined : new Response(null, { status: 401 });
  }
  fetch(): Response {
    this.seen.push("fetch");
    return new Response(String(this.port));
  }
  accepted(_: HandshakeReport): void {
    this.seen.push("accepted");
  }
  refused({ code }: Refusal): void {
    this.seen.push(code);
  }
  get hosts(): "loopback" {
    return "loopback";
  }
  broadcast(): void {}
}

class Room extends Chat {
  users = new Set();
}

test("hooks are found where they are: on an object, on a class and on the one above it", async () => {
  for (const options of [new Chat(), new Room(), Object.create(new Chat()) as Chat]) {
    const server = await serve(options, ECHO);
    try {
      const asking = (target: string): string =>
        request({ "Sec-WebSocket-Protocol": "a" }, `GET ${target} HTTP/1.1`);
      assert.equal(heard(await exchange(server.port, asking("/"))).status, 401);
      const peer = await dial(server.port);
      peer.write(asking("/sesame"));
      await peer.until("101");
      assert.match(peer.received, /Sec-WebSocket-Protocol: a/);
      await peer.destroy();
      const page = await exchange(
        server.port,
        "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
      );
      assert.equal(heard(page).rest, "0");
      assert.equal(heard(await exchange(server.port, request({ Host: "evil.example" }))).status, 421);
      assert.deepEqual(options.seen, [
        "upgrade",
        "refused-by-application",
        "upgrade",
        "protocols",
        "accepted",
        "fetch",
        "host-not-allowed",
      ]);
    } finally {
      await server.shutdown({ deadline: 0 });
    }
  }
  class Misspelt {
    port = 0;
    upgarde(): void {}
  }
  await assert.rejects(serve(new Misspelt() as object, ECHO), { name: "TypeError", message: /upgrade/ });
});

test("a hook that throws or rejects is told to the error hook, and to nobody else", async () => {
  const wrong = new Error("wrong");
  const failing = [
    (): never => {
      throw wrong;
    },
    async (): Promise<never> => {
      await null;
      throw wrong;
    },
    (): PromiseLike<never> =>
      ({ then: (_: unknown, reject: (error: Error) => void) => reject(wrong) }) as never,
  ];
  for (const fail of failing) {
    const errors: unknown[] = [];
    const server = await serve({
      port: 0,
      maxMessageSize: 1,
      accepted: fail,
      refused: fail,
      limit: fail,
      async error(error) {
        errors.push(error);
        await null;
        throw new Error("the error hook itself");
      },
    } as ServeOptions, ECHO);
    const { error } = console;
    const told: unknown[] = [];
    console.error = (...words: unknown[]) => void told.push(words);
    try {
      assert.equal(heard(await exchange(server.port, request({ Host: "evil.example" }))).status, 421);
      const socket = await connect(server.url);
      socket.send("more than one");
      assert.equal((await socket.closed).code, 1009);
      await new Promise((resolve) => setTimeout(resolve, 20));
    } finally {
      console.error = error;
      await server.shutdown({ deadline: 0 });
    }
    assert.deepEqual(errors, [wrong, wrong, wrong]);
    assert.equal(told.length, 3);
  }
});

test("origins: one string is a list of one; a slash at its end, capitals and the root's dot change nothing", async () => {
  for (
    const entry of [
      "https://app.example",
      "https://app.example/",
      "HTTPS://APP.example:443",
      "https://app.example.",
    ]
  ) {
    await serving({ origins: entry }, ECHO, async ({ port }) => {
      const status = async (Origin: string): Promise<number> => {
        const peer = await dial(port);
        peer.write(request({ Origin }));
        const { status } = heard(await peer.until("\r\n\r\n"));
        await peer.destroy();
        return status;
      };
      assert.equal(await status("https://app.example"), 101, entry);
      assert.equal(await status("https://other.example"), 403, entry);
    });
  }
  const devices = ["file://", "null", "https://device.example/app"];
  await serving({ origins: devices }, ECHO, async ({ port }) => {
    for (const Origin of devices) {
      const peer = await dial(port);
      peer.write(request({ Origin }));
      assert.equal(heard(await peer.until("\r\n\r\n")).status, 101, Origin);
      await peer.destroy();
    }
  });
});

test("the guard against rebinding goes by what is listened on, however that was written", async () => {
  const names = [
    "localhost",
    "LOCALHOST",
    "127.0.0.1",
    "127.1",
    "::ffff:127.0.0.1",
  ];
  for (const hostname of names) {
    let server;
    try {
      server = await serve({ hostname, port: 0 }, ECHO);
    } catch (error) {
      // Not every runtime can listen on every spelling; none may listen without the guard.
      assert.equal((error as { name: string }).name, "TransportError", hostname);
      continue;
    }
    try {
      if (server.hostname === "::1") continue;
      assert.equal(
        heard(await exchange(server.port, request({ Host: "evil.example" }))).status,
        421,
        hostname,
      );
    } finally {
      await server.shutdown({ deadline: 0 });
    }
  }
  await assert.rejects(serve({ hostname: "no-such-host.invalid", port: 0 }, ECHO), {
    code: "host-not-found",
  });
  await using open = await serve({ hostname: "0.0.0.0", port: 0 }, ECHO);
  assert.notEqual(
    heard(await exchange(open.port, request({ Host: "app.example", Upgrade: undefined }))).status,
    421,
  );
});

test("path is the URL's: other upgrades are 404, and a query is not compared", async () => {
  await serving({ path: "/chat", protocols: "chat" }, ECHO, async ({ port }) => {
    const status = async (target: string): Promise<number> => {
      const peer = await dial(port);
      peer.write(request({ "Sec-WebSocket-Protocol": "chat" }, `GET ${target} HTTP/1.1`));
      const { status } = heard(await peer.until("\r\n\r\n"));
      await peer.destroy();
      return status;
    };
    assert.deepEqual(await Promise.all(["/chat", "/chat?x=1", "/", "/chat/", "/Chat"].map(status)), [
      101,
      101,
      404,
      404,
      404,
    ]);
  });
});

test("a refusal by origins or hosts that no hook is told of is told on stderr, in a few lines", async () => {
  const { error } = console;
  const told: string[] = [];
  console.error = (line: unknown) => void told.push(String(line));
  const server = await serve({ port: 0 }, ECHO);
  try {
    for (let i = 0; i < 20; i++) {
      const response = heard(await exchange(server.port, request({ Origin: "http://localhost:5173" })));
      assert.equal(response.status, 403);
      assert.match(response.rest, /origins option/);
    }
    await exchange(server.port, request({ Upgrade: undefined }));
  } finally {
    console.error = error;
    await server.shutdown({ deadline: 0 });
  }
  assert.equal(told.length, 5);
  assert.match(told[0]!, /"http:\/\/localhost:5173".*"localhost".*origins: \["http:\/\/localhost:5173"\]/);
});
