/** What must hold behind each proxy, over ws: and wss:, with the configuration as it is published. */
import assert from "node:assert/strict";
import { connect, type HandshakeRequest } from "../../mod.ts";
import { failure } from "../client/support.ts";
import { dial, exchange, request } from "../raw_peer.ts";
import type { ProxyKind } from "./fronts.ts";
import { assertEchoes, proxyTest, received, Setting, type SettingOptions, trusting } from "./setting.ts";

const MIB = 1024 * 1024;
// The largest message of the default; three bytes a character, so that pieces end within one.
const TEXT = "握".repeat((MIB - 1) / 3) + "!";
const BYTES = Uint8Array.from({ length: MIB }, (_, index) => (index * 7) ^ (index >> 8));
// A text, masked with zeros, which change nothing; and its echo, without a mask.
const HELLO = "\x81\x85\0\0\0\0hello";
const ECHO = "\x81\x05hello";

/** Registers them all for one proxy. */
export function scenarios(kind: ProxyKind): void {
  for (const encrypted of [false, true]) {
    const over = (
      name: string,
      run: (setting: Setting) => Promise<void>,
      options: SettingOptions = {},
    ): void =>
      proxyTest(kind, `${encrypted ? "wss" : "ws"}: ${name}`, async () => {
        await using setting = await Setting.begin(kind, { encrypted, ...options });
        await run(setting);
      });
    messages(over);
    closing(kind, over);
    refusals(over);
    whatTheServerSees(encrypted, over);
  }
  rawBytes(kind);
}

type Over = (name: string, run: (setting: Setting) => Promise<void>, options?: SettingOptions) => void;

function messages(over: Over): void {
  over("texts and bytes come back, empty ones and a whole MiB among them", async (setting) => {
    const [client, server] = await setting.open();
    for (const message of ["hello", "", TEXT]) await assertEchoes(client, message);
    for (const message of [new Uint8Array(0), BYTES]) {
      client.send(message);
      assert.deepEqual(new Uint8Array(await received(client) as Uint8Array), message);
    }
    server.send(TEXT);
    assert.equal(await received(client), TEXT);
    assert.deepEqual(await client.close(), {
      code: 1000,
      reason: "",
      wasClean: true,
      initiator: "local",
      error: undefined,
    });
  });

  over("a subprotocol is agreed upon", async (setting) => {
    const [client, server] = await setting.open({ protocols: ["tea.v1", "chat.v1"] });
    assert.deepEqual([client.protocol, server.protocol], ["chat.v1", "chat.v1"]);
    const [without] = await setting.open();
    assert.equal(without.protocol, "");
  }, { server: { protocols: ["chat.v2", "chat.v1"] } });

  over("compression is agreed upon, and compressed messages come back", async (setting) => {
    const [client, server] = await setting.open({ compression: { mode: "context-takeover" } });
    assert.match(client.extensions, /^permessage-deflate/);
    assert.equal(server.extensions, client.extensions);
    for (let count = 0; count < 3; count++) await assertEchoes(client, TEXT);
    const [without] = await setting.open();
    assert.equal(without.extensions, "");
    await assertEchoes(without, TEXT);
  }, { server: { compression: { mode: "context-takeover" } } });
}

function closing(kind: ProxyKind, over: Over): void {
  over("status codes and reasons pass both ways, and that there is none", async (setting) => {
    for (
      const [code, reason, seen] of [[3001, "for now", 3001], [1000, "", 1000], [null, "", 1005]] as const
    ) {
      for (const clientCloses of [true, false]) {
        const ends = await setting.open();
        const [closer, other] = clientCloses ? ends : ends.toReversed() as typeof ends;
        const clean = { code: seen, wasClean: true, error: undefined };
        // The answer to a Close frame repeats its code alone.
        assert.deepEqual(await closer.close(code, reason), { ...clean, reason: "", initiator: "local" });
        assert.deepEqual(await other.closed, { ...clean, reason, initiator: "remote" });
      }
    }
  });

  over("an end that is dropped is 1006 at the other", async (setting) => {
    for (const clientDrops of [true, false]) {
      const ends = await setting.open();
      const [dropper, other] = clientDrops ? ends : ends.toReversed() as typeof ends;
      dropper.abort();
      const { code, wasClean } = await other.closed;
      assert.deepEqual([code, wasClean], [1006, false]);
    }
  });

  over("a server that shuts down says 1001 to the client, and no new one reaches it", async (setting) => {
    const [client] = await setting.open();
    const shutDown = setting.backend.server.shutdown();
    assert.deepEqual(await client.closed, {
      code: 1001,
      reason: "",
      wasClean: true,
      initiator: "remote",
      error: undefined,
    });
    await shutDown;
    const error = await failure(setting.url, trusting());
    assert.deepEqual([error.step, error.reason, error.status], [
      "response",
      "unexpected-status",
      kind.statusWhenDown,
    ]);
  });
}

function refusals(over: Over): void {
  over("a refusal passes with its status, its headers and its sentence", async (setting) => {
    const foreign = await failure(setting.url, trusting({ headers: { origin: "https://evil.example" } }));
    assert.deepEqual([foreign.reason, foreign.status], ["unexpected-status", 403]);
    assert.match(
      foreign.body!,
      /^Pages of this origin may not connect\. .*\n\(origin-not-allowed; RFC 6455, /,
    );
    assert.match(foreign.message, /^The server answered 403 Forbidden .* It says: Pages of this origin/);
    const headers = new Map(foreign.headers!);
    assert.equal(headers.get("content-type"), "text/plain; charset=utf-8");
    assert.equal(headers.get("cache-control"), "no-store");
    assert.equal(headers.get("x-content-type-options"), "nosniff");

    const json = await failure(
      setting.url,
      trusting({ headers: { origin: "null", accept: "application/json" } }),
    );
    assert.equal(new Map(json.headers!).get("content-type"), "application/json");
    assert.deepEqual(Object.keys(JSON.parse(json.body!)), ["code", "status", "section", "message"]);

    const silent = await failure(setting.url, trusting({ protocols: "tea.v1" }));
    assert.deepEqual([silent.status, /It supports chat\.v1\./.test(silent.message)], [400, true]);
    assert.deepEqual(setting.backend.refusals.map(({ code }) => code), [
      "origin-not-allowed",
      "origin-not-allowed",
      "subprotocol-unsupported",
    ]);
  }, { server: { protocols: ["chat.v1"] } });

  over("what the upgrade hook answers passes, header by header", async (setting) => {
    const error = await failure(setting.url, trusting());
    const headers = new Map(error.headers!);
    assert.equal(error.status, 401);
    assert.equal(headers.get("www-authenticate"), 'Bearer realm="woshou"');
    assert.equal(headers.get("retry-after"), "7");
    assert.equal(error.body, "Sign in first.");
    const socket = await connect(setting.url, trusting({ headers: { authorization: "Bearer 7" } }));
    await assertEchoes(socket);
    await socket.close();
  }, {
    server: {
      upgrade: ({ headers }) =>
        headers.has("authorization") ? undefined : new Response("Sign in first.", {
          status: 401,
          headers: { "www-authenticate": 'Bearer realm="woshou"', "retry-after": "7" },
        }),
    },
  });

  over("a page of the same host and port may connect, of another port may not", async (setting) => {
    const { host } = new URL(setting.url);
    for (const scheme of ["http", "https"]) {
      const socket = await connect(setting.url, trusting({ headers: { origin: `${scheme}://${host}` } }));
      await socket.close();
    }
    const error = await failure(setting.url, trusting({ headers: { origin: "http://127.0.0.1:1" } }));
    assert.equal(error.status, 403);
  });
}

function whatTheServerSees(encrypted: boolean, over: Over): void {
  const seen: HandshakeRequest[] = [];
  over(
    "X-Forwarded-For and -Proto are the proxy's own, whatever the client says; Host is the client's",
    async (setting) => {
      seen.length = 0;
      const [client, server] = await setting.open({
        headers: {
          "x-forwarded-for": "203.0.113.7, 203.0.113.8",
          "x-forwarded-proto": "gopher",
          "x-other": "passes",
        },
      });
      const { headers, url, remoteAddress } = seen[0]!;
      const { host } = new URL(setting.url);
      assert.equal(headers.get("host"), host);
      assert.equal(headers.get("x-forwarded-for"), "127.0.0.1");
      assert.equal(headers.get("x-forwarded-proto"), encrypted ? "https" : "http");
      assert.equal(headers.get("x-other"), "passes");
      // TLS has ended at the proxy, and the peer is the proxy: the library believes no header about that.
      assert.equal(url, `http://${host}/`);
      assert.deepEqual([remoteAddress, server.remoteAddress], ["127.0.0.1", "127.0.0.1"]);
      assert.equal(server.request!.headers.get("x-forwarded-for"), "127.0.0.1");
      await client.close();
    },
    { server: { upgrade: (request) => void seen.push(request) } },
  );
}

function rawBytes(kind: ProxyKind): void {
  proxyTest(kind, "ws: what comes right behind the handshake is not lost, either way", async () => {
    await using setting = await Setting.begin(kind, { open: (socket) => void socket.send("first") });
    const { plainPort } = setting.front;
    const peer = await dial(plainPort);
    peer.write(request({ Host: `127.0.0.1:${plainPort}` }) + HELLO);
    const bytes = await peer.until(ECHO);
    assert.match(bytes, /^HTTP\/1\.1 101 /);
    assert.ok(bytes.endsWith("\r\n\r\n\x81\x05first" + ECHO), JSON.stringify(bytes));
    await peer.destroy();
    const client = await connect(setting.url);
    assert.equal(await received(client), "first");
    await client.close();
  });

  proxyTest(
    kind,
    "what is no WebSocket's is refused with 426 and its body, and the fetch hook answers",
    async () => {
      await using setting = await Setting.begin(kind);
      const { plainPort } = setting.front;
      const get = (path: string): Promise<string> =>
        exchange(
          plainPort,
          `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${plainPort}\r\nConnection: close\r\n\r\n`,
        );
      assert.match(await get("/healthz"), /^HTTP\/1\.1 200 OK\r\n[^]*\r\n\r\nok\n$/);
      assert.match(
        await get("/elsewhere"),
        /^HTTP\/1\.1 404 Not Found\r\n[^]*\r\n\r\nThere is no page here\.\n$/,
      );
      const peer = await dial(plainPort);
      peer.write(request({ "Host": `127.0.0.1:${plainPort}`, "Sec-WebSocket-Version": "8" }));
      const refused = await peer.until("(version-unsupported; RFC 6455, section 4.4)\n");
      assert.match(refused, /^HTTP\/1\.1 426 Upgrade Required\r\n/);
      assert.match(refused, /\r\nUpgrade: websocket\r\n/i);
      assert.match(refused, /\r\nSec-WebSocket-Version: 13\r\n/i);
      await peer.destroy();
    },
  );
}
