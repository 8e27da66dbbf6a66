/** Pages of other sites in the browsers of users: Cross-Site WebSocket Hijacking and DNS rebinding, by advisory. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { acceptor, serve, type ServeOptions } from "../../mod.ts";
import { test } from "../harness.ts";
import { exchange, request } from "../raw_peer.ts";
import { BYE, ECHO, heard, serving } from "./support.ts";

type Asked = { origin?: string | undefined; host?: string };

/** The status with which each request is answered: 101, 403 for its Origin, 421 for its Host. */
async function statuses(options: ServeOptions, asked: readonly Asked[]): Promise<number[]> {
  const answers: number[] = [];
  let reached = 0;
  await serving({ ...options, upgrade: () => void reached++ }, ECHO, async ({ port }) => {
    for (const { origin, host = "localhost" } of asked) {
      // A cookie makes no difference: that it is sent is the whole point of the attack.
      const text = request({ Host: host, Origin: origin, Cookie: "session=7" });
      answers.push(heard(await exchange(port, text + BYE)).status);
    }
  });
  // Nobody is asked about what was refused.
  assert.equal(reached, answers.filter((status) => status === 101).length);
  return answers;
}

async function all(status: number, options: ServeOptions, asked: readonly Asked[]): Promise<void> {
  const answers = await statuses(options, asked);
  for (const [index, answer] of answers.entries()) assert.equal(answer, status, JSON.stringify(asked[index]));
}

const origins = (...list: (string | undefined)[]): Asked[] => list.map((origin) => ({ origin }));
const hosts = (...list: string[]): Asked[] => list.map((host) => ({ host }));

test("CVE-2025-24010 (Vite), CVE-2025-52882, CVE-2023-26114 (code-server), CVE-2026-27148 (Storybook): by default a page of another site is refused", async () => {
  await all(
    403,
    {},
    origins(
      "http://evil.example",
      "https://evil.example",
      "http://localhost:3000",
      "http://localhost.evil.example",
      "http://evil-localhost",
      "http://127.0.0.1",
      "http://user@localhost",
      "http://localhost@evil.example",
      "http://localhost/",
      "http://localhost, http://evil.example",
      "http://evil.example http://localhost",
      "http:/localhost",
      "localhost",
      "//localhost",
      "://localhost",
      "file://",
      "about:blank",
      "chrome-extension://abcdefghijklmnop",
      "*",
      "",
    ),
  );
});

test("CVE-2025-24010 (Vite): a page of the same host and port connects, as does who is no browser", async () => {
  await all(101, {}, origins(undefined, "http://localhost", "http://LOCALHOST", "http://localhost:80"));
  const other = { hosts: "any" } as const;
  await all(101, other, [
    { origin: "https://app.example", host: "app.example" },
    { origin: "https://app.example:443", host: "app.example" },
    { origin: "https://app.example", host: "app.example:443" },
    { origin: "http://app.example:8080", host: "APP.example:8080" },
    { origin: "https://app.example.", host: "app.example" },
    { origin: "https://app.example", host: "app.example." },
    { origin: "http://[::1]:8080", host: "[::1]:8080" },
  ]);
  await all(403, other, [
    { origin: "https://app.example", host: "app.example:8443" },
    { origin: "https://app.example:8443", host: "app.example" },
    { origin: "http://app.example", host: "app.example:443" },
    { origin: "https://sub.app.example", host: "app.example" },
    { origin: "https://app.example", host: "sub.app.example" },
    { origin: "https://xn--pple-43d.example", host: "apple.example" },
  ]);
});

test("GHSA-jcc7-9wpm-mj36 (Next.js): the origin null, of sandboxed pages and files, is no origin of ours, unless it is listed", async () => {
  for (const options of [{}, { origins: ["https://app.example"] }, { origins: ["https://*.example"] }]) {
    await all(403, options, origins("null", "NULL", "null://", "http://null"));
  }
  await all(403, {}, [{ origin: "null", host: "localhost:80" }]);
  await all(101, { origins: ["null"] }, origins("null"));
  await all(403, { origins: ["null"] }, origins("http://null", "http://localhost"));
});

test("CVE-2022-42975 (Phoenix): a wildcard stands for whole labels, of its own scheme and port", async () => {
  const options = { origins: ["https://*.example.com", "http://*.dev.example:8080"] };
  await all(
    101,
    options,
    origins(
      "https://app.example.com",
      "https://a.b.example.com",
      "HTTPS://APP.EXAMPLE.COM",
      "https://app.example.com:443",
      "http://a.dev.example:8080",
      undefined,
    ),
  );
  await all(
    403,
    options,
    origins(
      "https://example.com",
      "https://evilexample.com",
      "https://evil-example.com",
      "https://.example.com",
      "https://example.com.evil.example",
      "https://app.example.com.evil.example",
      "https://evil.example/app.example.com",
      "https://evil.example?.example.com",
      "https://evil.example#.example.com",
      "https://evil.example\\.example.com",
      "https://app.example.com@evil.example",
      "https://evil.example:443@app.example.com",
      "http://app.example.com",
      "https://app.example.com:8443",
      "http://a.dev.example",
      "https://a.dev.example:8080",
      "https://app.example.org",
      "https://appXexample.com",
    ),
  );
});

test("CVE-2018-14732, CVE-2025-30359, CVE-2025-30360 (webpack-dev-server): an IP address is an origin like another", async () => {
  const addresses = origins(
    "http://192.168.1.7",
    "http://127.0.0.1",
    "http://127.0.0.1:8080",
    "http://[::1]",
    "http://0.0.0.0",
    "http://10.0.0.1:80",
    "http://2130706433",
  );
  await all(403, {}, addresses);
  await all(403, { origins: ["http://localhost"] }, addresses);
  await all(101, { origins: ["http://192.168.1.7"] }, origins("http://192.168.1.7"));
});

test("the class of Origins that stand twice: 400, whatever they say and whatever the policy", async () => {
  for (const policy of ["same-host", "any", ["http://localhost"]] as const) {
    await serving({ origins: policy }, ECHO, async ({ port }) => {
      for (const second of ["http://localhost", "http://evil.example"]) {
        const text = request({ Origin: `http://localhost\r\nOrigin: ${second}` });
        assert.equal(heard(await exchange(port, text)).status, 400);
      }
    });
  }
});

test("the class of lists without an entry: no page connects; only any, written out, admits all", async () => {
  await all(403, { origins: [] }, origins("http://localhost", "null", "http://evil.example"));
  await all(101, { origins: [] }, origins(undefined));
  await all(101, { origins: "any" }, origins("http://evil.example", "null", undefined));
  for (const never of ["*", "https://*", "any", ".*", "/.*/", "evil"]) {
    await assert.rejects(serve({ port: 0, origins: [never] }, ECHO), TypeError, never);
  }
});

test("CVE-2025-66414, GHSA-9h52-p55h-vw2f (MCP SDKs), the class of DNS rebinding: on a loopback address only loopback names are answered", async () => {
  const rebound = hosts(
    "evil.example",
    "evil.example:8000",
    "localhost.evil.example",
    "evillocalhost",
    "127.0.0.1.evil.example",
    "127.0.0.1.nip.io",
    "127.evil.example",
    "128.0.0.1",
    "192.168.1.7",
    "0.0.0.0",
    "[::]",
    "[::2]",
    "[::ffff:10.0.0.1]",
    "2130706433",
    "127.1",
    "0x7f.0.0.1",
    "xn--lcalhost-54a",
  );
  // The page's origin and the Host agree: that is what rebinding is.
  const pages = rebound.map(({ host }) => ({ host: host!, origin: `http://${host}` }));
  for (const options of [{}, { hostname: "127.0.0.1" }, { hosts: "loopback" }] as const) {
    await all(421, options, [...rebound, ...pages]);
    await all(421, { ...options, origins: "any" }, pages);
    await all(101, options, [
      ...hosts(
        "localhost",
        "localhost:8000",
        "LocalHost",
        "app.localhost",
        "127.0.0.1",
        "127.8.9.10:1",
        "[::1]:80",
        "localhost.",
      ),
      { host: "localhost:5173", origin: "http://localhost:5173" },
    ]);
  }
});

test("CVE-2025-66414 (MCP SDK): the list of hosts replaces the default, holds for pages too, and a wildcard stands for whole labels", async () => {
  const options = { hosts: ["app.example", "*.dev.example", "[2001:db8::1]"] };
  await all(
    101,
    options,
    hosts(
      "app.example",
      "app.example.",
      "APP.EXAMPLE:8443",
      "a.dev.example",
      "a.b.dev.example",
      "[2001:DB8::1]:80",
    ),
  );
  await all(
    421,
    options,
    hosts(
      "localhost",
      "127.0.0.1",
      "dev.example",
      "evildev.example",
      ".dev.example",
      "app.example.evil.example",
      "sub.app.example",
      "[2001:db8::2]",
    ),
  );
  await all(421, { hosts: [] }, hosts("localhost", "127.0.0.1"));
  await all(101, { hosts: "any" }, hosts("evil.example"));
  let pages = 0;
  await serving({ fetch: () => (pages++, new Response("page")) }, ECHO, async ({ port }) => {
    for (const host of ["evil.example", "localhost"]) {
      await exchange(port, `GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    }
    assert.equal(pages, 1);
  });
});

test("CVE-2025-24010 (Vite), CVE-2025-66414 (MCP SDK): behind node:http the same origins are refused, and hosts where they are listed", async () => {
  const server = createServer();
  const accept = acceptor({ hosts: "loopback" }, ECHO);
  server.on("upgrade", accept);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  const ask = async (headers: Record<string, string>): Promise<number> =>
    heard(await exchange(port, request(headers) + BYE)).status;
  assert.equal(await ask({}), 101);
  assert.equal(await ask({ Origin: "http://localhost" }), 101);
  assert.equal(await ask({ Origin: "http://evil.example" }), 403);
  assert.equal(await ask({ Origin: "null" }), 403);
  assert.equal(await ask({ Host: "evil.example", Origin: "http://evil.example" }), 421);
  await accept.shutdown({ deadline: 0 });
  const closed = once(server, "close");
  server.close();
  server.closeAllConnections?.();
  await closed;
});

test("CVE-2025-24010 (Vite): a refusal tells a page nothing of the application, and lets no page of another site read it", async () => {
  await serving({}, ECHO, async ({ port }) => {
    const text = request(
      { Origin: "http://evil.example", Cookie: "session=7" },
      "GET /secret?token=9 HTTP/1.1",
    );
    const { head, rest } = heard(await exchange(port, text));
    assert.doesNotMatch(head, /access-control|set-cookie/i);
    assert.match(head, /\r\nContent-Type: text\/plain; charset=utf-8\r\n/);
    assert.match(head, /\r\nX-Content-Type-Options: nosniff\r\n/);
    assert.match(head, /\r\nCache-Control: no-store\r\n/);
    assert.doesNotMatch(rest, /secret|token|session|evil/);
  });
});
