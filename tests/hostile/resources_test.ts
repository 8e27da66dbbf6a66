/** What belongs to a process: memory after a loop, descriptors, threads, and states that have to end. */
import assert from "node:assert/strict";
import process from "node:process";
import { connect, type Connection, reconnecting, serve } from "../../mod.ts";
import { Backoff } from "../../src/reconnecting/backoff.ts";
import { acceptCompression, compressionSettings } from "../../src/compression/options.ts";
import { connectionSettings } from "../../src/connection/options.ts";
import { parseExtensions } from "../../src/http/header_fields.ts";
import { Protocol } from "../../src/protocol/protocol.ts";
import { ownLauncher, spawnCli } from "../cli/support.ts";
import { tls } from "../fixtures.ts";
import { runtime, skip, test } from "../harness.ts";
import { collectGarbage } from "../memory.ts";
import { dial, exchange, RawServer, REQUEST, request } from "../raw_peer.ts";
import {
  BYE,
  bytesOf,
  clientFrame,
  closes,
  ECHO,
  heard,
  HI,
  serving,
  stillServes,
  TEXT,
  turns,
  until,
  withOpen,
  withPeer,
} from "./support.ts";

const HEARTBEAT = { interval: 20, timeout: 40 };

test("CVE-2021-42340 (Tomcat): a loop of connecting and closing leaves no connection, no handshake and no memory behind", async () => {
  const served: WeakRef<Connection>[] = [];
  await serving({}, {
    ...ECHO,
    open(socket) {
      served.push(new WeakRef(socket));
      socket.subscribe("all");
    },
  }, async ({ server, port }) => {
    for (let round = 0; round < 100; round++) {
      await exchange(port, REQUEST + HI + BYE);
      await exchange(port, request({ "Sec-WebSocket-Key": "short" }));
      await withPeer(port, (peer) => Promise.resolve(peer.write(REQUEST.slice(0, 40))));
      await withOpen(port, (peer) => Promise.resolve(peer.write(HI)));
      const socket = await connect(server.url);
      await socket.close();
    }
    await until(() => server.connections.size === 0);
    assert.ok(served.length >= 300);
    assert.equal(server.subscriberCount("all"), 0);
    for (let attempt = 0; attempt < 20; attempt++) {
      collectGarbage();
      await turns();
    }
    const left = served.filter((each) => each.deref() !== undefined).length;
    // A collector may take for a reference what is none.
    assert.ok(left <= 30, `${left} of ${served.length} connections are still held`);
  });
});

test("CVE-2026-33151, CVE-2026-69185 (socket.io-parser): every state in which a server waits for more has an end", async () => {
  const { handler, next } = closes();
  await serving(
    { handshakeTimeout: 400, heartbeat: HEARTBEAT, closeTimeout: 100 },
    handler,
    async ({ port }) => {
      const before = ["", "GET", "GET / HTTP/1.1\r\n", REQUEST.slice(0, -2), REQUEST.slice(0, -1), "\r\n"];
      await Promise.all(before.map((text) =>
        withPeer(port, async (peer) => {
          peer.write(text);
          assert.equal(heard(await peer.untilEnd()).status || undefined, text === "" ? undefined : 408);
        })
      ));
      const behind = [
        "",
        "\x81",
        HI.slice(0, 5),
        HI.slice(0, -1),
        clientFrame({ opcode: TEXT, fin: false, payload: "x" }),
      ];
      for (const text of behind) {
        await withOpen(port, async (peer) => {
          peer.write(text);
          assert.match((await next()).error!.message, /heartbeat\.timeout/, JSON.stringify(text));
        });
      }
    },
  );
});

const SILENT_TLS =
  "the class of slow handshakes: silence instead of TLS, or in the midst of it, ends with the handshake's deadline";
if (runtime === "deno") {
  skip(SILENT_TLS, "Deno keeps the TCP connection of a TlsConn that is closed before its handshake is done");
} else {
  test(SILENT_TLS, async () => {
    const server = await serve({ port: 0, tls, handshakeTimeout: 100 }, ECHO);
    for (const bytes of ["", "\x16", "\x16\x03\x01\x02\x00\x01"]) {
      await withPeer(server.port, async (peer) => {
        peer.write(bytes);
        await peer.untilEnd();
      });
    }
    await server.shutdown();
  });
}

test("the class of reconnect storms: the first delay is anything up to five seconds, the others grow, and chance has its part in all", async () => {
  const extremes = [0, 0.999].map((chance) => {
    const backoff = new Backoff({}, () => chance);
    return [1, 2, 3, 4, 5, 20].map((attempt) => Math.round(backoff.delay(attempt, 0)));
  });
  assert.deepEqual(extremes, [
    [5000, 10_000, 20_000, 40_000, 60_000, 60_000],
    [5, 5005, 10_010, 20_020, 30_030, 30_030],
  ]);
  // A server cannot hurry a client, nor silence it.
  for (const asked of ["-5", "0", "x", "1e9", "9".repeat(400)]) {
    await using server = await RawServer.listen(async (peer) => {
      await peer.until("\r\n\r\n");
      peer.write(`HTTP/1.1 503 No\r\nRetry-After: ${asked}\r\nContent-Length: 0\r\n\r\n`);
      peer.end();
    });
    const delays: number[] = [];
    const client = reconnecting(`ws://127.0.0.1:${server.port}/`, {
      delays: { first: 100, jitter: 0, max: 1000 },
      retry({ delay }) {
        delays.push(delay);
        return false;
      },
    });
    await assert.rejects(client[Symbol.asyncIterator]().next());
    assert.ok(delays[0]! >= 0 && delays[0]! <= 1000, `${delays[0]}`);
  }
});

test("the class of zlib's thread pool (Node issue 8871, ws issue 1202): a message is inflated and deflated in the turn it comes in", () => {
  const settings = compressionSettings(true)!;
  const { deflate } = acceptCompression(parseExtensions("permessage-deflate")!, settings)!;
  const log: string[] = [];
  const protocol = new Protocol(
    "server",
    {
      write: (_, start, end) => log.push(`${end - start} bytes`) > 0,
      message: (data) => void log.push(String(data)),
      ping() {},
      pong() {},
      finish() {},
    },
    connectionSettings({}),
    deflate,
  );
  // RFC 7692, section 7.2.3.1: "Hello".
  const hello = Uint8Array.of(0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00);
  protocol.receive(bytesOf(clientFrame({ opcode: TEXT, rsv: 4, payload: hello })));
  assert.deepEqual(log, ["Hello"]);
  protocol.sendText("Hello ".repeat(100));
  assert.equal(log.length, 2);
  assert.ok(Number.parseInt(log[1]!) < 100, log[1]);
});

const NO_DESCRIPTORS =
  "the class of accepting without a file descriptor left: the server waits for some, and goes on";
if (process.platform === "win32") {
  skip(NO_DESCRIPTORS, "Windows has no limit on them");
} else {
  test(NO_DESCRIPTORS, async () => {
    const limited = ["sh", "-c", 'ulimit -n 100 && exec "$@"', "sh", ...ownLauncher()] as const;
    await using cli = await spawnCli([], limited);
    const peers = await Promise.all(Array.from({ length: 150 }, () => dial(cli.port)));
    await turns(50);
    for (const peer of peers) await peer.destroy();
    await stillServes(cli.port);
  });
}
