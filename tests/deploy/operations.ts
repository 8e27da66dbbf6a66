/** What an operator relies on: time-outs, limits, several processes, health, reloads, and other ways to the server. */
import assert from "node:assert/strict";
import { join } from "node:path";
import {
  connect,
  type ConnectionOptions,
  HandshakeError,
  type HandshakeRequest,
  TransportError,
} from "../../mod.ts";
import { failure } from "../client/support.ts";
import { tls } from "../fixtures.ts";
import { dial } from "../raw_peer.ts";
import { Backend } from "./backend.ts";
import type { ProxyKind } from "./fronts.ts";
import { pairBehind, stubborn } from "./pair.ts";
import { Folder } from "./proxy_process.ts";
import { assertDocumented } from "./published.ts";
import { assertEchoes, proxyTest, Setting, trusting, urlOf } from "./setting.ts";

const SILENCE = "1500ms";
const PINGS = { interval: 200, timeout: 60_000 };
const NO_PINGS = { heartbeat: false } as const;

/** Registers them all for one proxy. */
export function operations(kind: ProxyKind): void {
  loading(kind);
  timeouts(kind);
  limits(kind);
  severalProcesses(kind);
  reloads(kind);
  otherWays(kind);
}

function loading(kind: ProxyKind): void {
  proxyTest(kind, "the published configuration is loaded without a warning", async () => {
    await using setting = await Setting.begin(kind);
    // From 1.25.1 on nginx would rather have "http2 on", which 1.22 does not know.
    const log = setting.front.process.log.replaceAll(
      /^.*"listen \.\.\. http2" directive is deprecated.*$/gm,
      "",
    );
    assert.doesNotMatch(log, /warn|alert|emerg/i);
  });
}

function timeouts(kind: ProxyKind): void {
  for (const who of ["server", "client"] as const) {
    const [mine, theirs]: [ConnectionOptions, ConnectionOptions] = who === "server"
      ? [NO_PINGS, { heartbeat: PINGS }]
      : [{ heartbeat: PINGS }, NO_PINGS];
    proxyTest(
      kind,
      `the heartbeat of the ${who} keeps a silent connection; without one the proxy cuts it, which is 1006`,
      async () => {
        const common = { encrypted: true, changes: kind.silence(SILENCE) };
        await using kept = await Setting.begin(kind, { ...common, server: theirs });
        await using cut = await Setting.begin(kind, { ...common, server: NO_PINGS });
        const [client] = await kept.open(mine);
        // It is silent for longer than these are.
        const ends = await cut.open(NO_PINGS);
        const errors = [];
        for (const end of ends) {
          const { error, ...close } = await end.closed;
          assert.deepEqual(close, { code: 1006, reason: "", wasClean: false, initiator: "remote" });
          errors.push(error instanceof TransportError ? error.code : error);
        }
        assert.deepEqual(errors, [undefined, kind.name === "haproxy" ? "connection-reset" : undefined]);
        assertDocumented("Timeouts", '{ code: 1006, reason: "", wasClean: false, initiator: "remote" }');
        await assertEchoes(client);
        assert.equal((await client.close()).wasClean, true);
      },
    );
  }
}

function limits(kind: ProxyKind): void {
  proxyTest(kind, "a request that comes slowly is cut off, and the server hears nothing of it", async () => {
    await using setting = await Setting.begin(kind, {
      changes: kind.slowHead("1s"),
    });
    const peer = await dial(setting.front.plainPort);
    peer.write("GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: web");
    // nginx says nothing.
    assert.match(await peer.untilEnd(), kind.name === "haproxy" ? /^HTTP\/1\.1 408 / : /^$/);
    await peer.destroy();
    assert.deepEqual(setting.backend.refusals, []);
  });

  proxyTest(
    kind,
    "connections of one address beyond the limit are refused with 429, until one has gone",
    async () => {
      await using setting = await Setting.begin(kind, { changes: kind.connectionsPerAddress(2) });
      const [first] = await setting.open();
      const [second] = await setting.open();
      const error = await failure(setting.url);
      assert.deepEqual([error.reason, error.status], ["unexpected-status", 429]);
      assert.equal(setting.backend.server.connections.size, 2);
      await first.close();
      // The proxy forgets it when it has seen both sides end, which is not when we do.
      const third = await retried(setting.url, 429);
      await Promise.all([assertEchoes(second), assertEchoes(third)]);
      await third.close();
    },
  );
}

/** Connects, again and again while the answer is this. */
async function retried(url: string, status: number): ReturnType<typeof connect> {
  for (;;) {
    try {
      return await connect(url);
    } catch (error) {
      if (!(error instanceof HandshakeError) || error.status !== status) throw error;
    }
  }
}

function severalProcesses(kind: ProxyKind): void {
  proxyTest(kind, "connections go to the process with the fewest", async () => {
    await using pair = await pairBehind(kind);
    const sizes = (): number[] => [pair.first, pair.second].map(({ server }) => server.connections.size);
    for (let count = 0; count < 6; count++) await connect(pair.url);
    assert.deepEqual(sizes(), [3, 3]);
    // Assigning connections in turn would give some of the next ones to the second server.
    await Promise.all([...pair.first.server.connections].map((socket) => socket.close()));
    // HAProxy has several threads, and says in its log when it counts a connection no more.
    if (kind.name === "haproxy") await pair.front.process.until(/ woshou\/first .* 101 /, 3);
    for (let count = 0; count < 3; count++) await connect(pair.url);
    assert.deepEqual(sizes(), [3, 3]);
  });

  proxyTest(
    kind,
    "a process that is shutting down, or gone, costs no handshake: another one gets it",
    async () => {
      await using pair = await pairBehind(kind);
      const peer = await stubborn(pair.first.server.port);
      const shutDown = pair.first.server.shutdown();
      for (let count = 0; count < 4; count++) await assertEchoes(await connect(pair.url));
      assert.ok(pair.first.refusals.length > 0);
      assert.ok(pair.first.refusals.every(({ code }) => code === "server-shutting-down"));
      await peer.destroy();
      await shutDown;
      for (let count = 0; count < 4; count++) await assertEchoes(await connect(pair.url));
      assert.equal(pair.second.server.connections.size, 8);
    },
  );

  proxyTest(
    kind,
    "when all processes are shutting down, the 503 passes with Retry-After and its sentence",
    async () => {
      await using setting = await Setting.begin(kind, { server: { closeTimeout: 60_000 } });
      const peer = await stubborn(setting.backend.server.port);
      const shutDown = setting.backend.server.shutdown({ deadline: 30_000 });
      const error = await failure(setting.url);
      assert.equal(error.status, 503);
      assert.match(error.body!, /^The server is shutting down .*\n\(server-shutting-down; /);
      assert.equal(new Map(error.headers!).get("retry-after"), "30");
      await peer.destroy();
      await shutDown;
    },
  );
}

function reloads(kind: ProxyKind): void {
  proxyTest(kind, "a reload leaves connections as they are, and new ones go the new way", async () => {
    await using before = await Backend.listen();
    await using after = await Backend.listen();
    await using front = await kind.start({ upstreams: [before.address] });
    const url = urlOf(front, true);
    const old = await connect(url, trusting());
    await front.reload({ upstreams: [after.address] });
    await assertEchoes(old);
    const fresh = await connect(url, trusting());
    await assertEchoes(fresh);
    assert.deepEqual([before.server.connections.size, after.server.connections.size], [1, 1]);
    assert.deepEqual((await old.close(1000)).wasClean, true);
  });

  proxyTest(
    kind,
    "after a reload an old connection is cut when its time is over, which is 1006",
    async () => {
      await using backend = await Backend.listen(NO_PINGS);
      const options = { upstreams: [backend.address], changes: kind.afterReload("1s") };
      await using front = await kind.start(options);
      const old = await connect(urlOf(front, false), NO_PINGS);
      await front.reload(options);
      const { code, wasClean } = await old.closed;
      assert.deepEqual([code, wasClean], [1006, false]);
      await assertEchoes(await connect(urlOf(front, false), NO_PINGS));
    },
  );
}

function otherWays(kind: ProxyKind): void {
  for (const encrypted of [false, true]) {
    const scheme = encrypted ? "wss" : "ws";

    proxyTest(kind, `${scheme}: a Unix socket leads to the server, which then sees no address`, async () => {
      using folder = new Folder();
      const path = join(folder.path, "server.sock");
      const seen: HandshakeRequest[] = [];
      await using backend = await Backend.listen({
        unix: path,
        upgrade: (request) => void seen.push(request),
      });
      await using front = await kind.start({ upstreams: [path], by: "unix-socket" });
      const socket = await connect(urlOf(front, encrypted), trusting());
      await assertEchoes(socket, "x".repeat(300_000));
      assert.equal((await backend.accepted()).remoteAddress, "");
      assert.equal(seen[0]!.headers.get("x-forwarded-for"), "127.0.0.1");
      await socket.close();
    });

    proxyTest(
      kind,
      `${scheme}: the way to the server is TLS too, and its certificate is verified`,
      async () => {
        const seen: HandshakeRequest[] = [];
        const options = { upgrade: (request: HandshakeRequest) => void seen.push(request) };
        await using backend = await Backend.listen({ tls, ...options });
        await using front = await kind.start({ upstreams: [backend.address], by: "tls" });
        const socket = await connect(urlOf(front, encrypted), trusting());
        await assertEchoes(socket, "x".repeat(300_000));
        assert.match(seen[0]!.url, /^https:/);
        await socket.close();

        await using other = await Backend.listen({ tls: { cert: tls.otherCert, key: tls.otherKey } });
        await using wary = await kind.start({ upstreams: [other.address], by: "tls" });
        const error = await failure(urlOf(wary, encrypted), trusting());
        assert.equal(error.status, kind.statusWhenDown, error.message);
      },
    );
  }
}
