/** Peers that do not read, do not answer, do not leave, or leave all the time: what they may cost, and for how long. */
import assert from "node:assert/strict";
import process from "node:process";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import {
  type Close,
  connect,
  type Connection,
  ConnectionClosedError,
  type ConnectionHandler,
  reconnecting,
  serve,
} from "../../mod.ts";
import { Backoff } from "../../src/backoff.ts";
import { acceptCompression, compressionSettings } from "../../src/compression.ts";
import { connectionSettings } from "../../src/connection_options.ts";
import { parseExtensions } from "../../src/handshake/header_fields.ts";
import { Protocol } from "../../src/protocol/protocol.ts";
import { ownLauncher, spawnCli } from "../cli/support.ts";
import { tls } from "../fixtures.ts";
import { runtime, skip, test } from "../harness.ts";
import { dial, exchange, RawServer, REQUEST, request } from "../raw_peer.ts";
import {
  acceptance,
  BINARY,
  BYE,
  bytesOf,
  clientFrame,
  ECHO,
  Flooder,
  framesIn,
  heard,
  HI,
  PING,
  PONG,
  serverFrame,
  serving,
  stillServes,
  TEXT,
  turns,
  until,
  withOpen,
  withPeer,
} from "./support.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
const HEARTBEAT = { interval: 20, timeout: 40 };
const unlimited = { maxControlFrames: Infinity };

/** A server whose closes a test can wait for, one after the other. */
function closes(): { handler: ConnectionHandler; next: () => Promise<Close> } {
  const came: Close[] = [];
  return {
    handler: { ...ECHO, close: (_, close) => void came.push(close) },
    next: async () => {
      await until(() => came.length > 0);
      return came.shift()!;
    },
  };
}

test("the class of slow readers (ws, Deno): an echo server whose client never reads holds no more than maxBufferedAmount", async () => {
  const { handler, next } = closes();
  let most = 0;
  await serving({ maxBufferedAmount: 4 * MIB, closeTimeout: 50 }, {
    ...handler,
    message(socket, message) {
      try {
        socket.send(message);
      } finally {
        most = Math.max(most, socket.bufferedAmount);
      }
    },
  }, async ({ port, errors }) => {
    const flooder = await Flooder.open(port);
    flooder.peer.pause();
    const message = bytesOf(clientFrame({ opcode: BINARY, payload: new Uint8Array(64 * KIB) }));
    const flood = flooder.pourUntilStalled(message, 4000).catch(() => {});
    const close = await next();
    assert.ok(close.error instanceof ConnectionClosedError);
    assert.match(close.error.message, /maxBufferedAmount/);
    assert.ok(most <= 4 * MIB + KIB, `${most} bytes`);
    assert.ok(errors.splice(0).every((error) => error instanceof ConnectionClosedError));
    await flooder.destroy();
    await flood;
    await stillServes(port);
  });
});

test("the class of slow readers (ws, Deno): send() says so, drained() waits, and then throws rather than take more", async () => {
  await serving(
    { maxBufferedAmount: 4 * MIB, sendHighWaterMark: 64 * KIB, closeTimeout: 50 },
    {},
    async ({ server, port }) => {
      await withOpen(port, async (peer) => {
        peer.pause();
        const [socket] = server.connections;
        const message = new Uint8Array(64 * KIB);
        while (socket!.send(message)) await turns(1);
        const drained = socket!.drained().then(() => "drained", (error: unknown) => error);
        assert.throws(() => {
          for (;;) {
            socket!.send(message);
            assert.ok(socket!.bufferedAmount <= 4 * MIB);
          }
        }, ConnectionClosedError);
        assert.ok(await drained instanceof ConnectionClosedError);
        assert.equal((await socket!.closed).code, 1006);
      });
    },
  );
});

test("the class of broadcasts to slow readers: one that does not read costs its own limit, and delays nobody", async () => {
  await serving({ maxBufferedAmount: MIB, sendHighWaterMark: 64 * KIB, closeTimeout: 50 }, {
    open: (socket) => socket.subscribe("all"),
  }, async ({ server, port }) => {
    await withOpen(port, async (peer) => {
      peer.pause();
      const [slow] = server.connections;
      const fast = await connect(server.url);
      const messages = fast[Symbol.asyncIterator]();
      const message = new Uint8Array(32 * KIB);
      let published = 0;
      while (slow!.readyState === "open") {
        server.publish("all", message);
        published++;
        assert.ok(slow!.bufferedAmount <= MIB, `${slow!.bufferedAmount} bytes`);
        assert.equal((await messages.next()).value!.length, message.length);
      }
      assert.ok(published > 16);
      await slow!.closed;
      await fast.close();
    });
  });
});

test("the class of ping floods: of pings whose pongs are not read, only the last is kept, and nobody is dropped for it", async () => {
  await serving({ ...unlimited, sendHighWaterMark: 64 * KIB }, ECHO, async ({ server, port }) => {
    const flooder = await Flooder.open(port);
    flooder.peer.pause();
    const [socket] = server.connections;
    const pings = bytesOf(clientFrame({ opcode: PING, payload: "x".repeat(125) }).repeat(1000));
    for (let round = 0; round < 400; round++) {
      await flooder.pour(pings);
      assert.ok(socket!.bufferedAmount < 64 * KIB + MIB, `${socket!.bufferedAmount} bytes`);
    }
    assert.equal(socket!.readyState, "open");
    assert.ok(socket!.bufferedAmount > 0, "the flood was not enough to fill what lies between");
    await flooder.destroy();
  });
});

test("the class of ping floods (ws): a hundred pings in one segment from a client that reads are all answered", async () => {
  await serving({}, ECHO, async ({ port }) => {
    const pings = Array.from({ length: 100 }, (_, i) => clientFrame({ opcode: PING, payload: `${i}` }));
    await withOpen(port, async (peer) => {
      peer.write(pings.join("") + HI + BYE);
      const frames = framesIn(heard(await peer.untilEnd()).rest);
      const pongs = frames.filter(({ opcode }) => opcode === PONG).map(({ payload }) =>
        new TextDecoder().decode(payload)
      );
      assert.deepEqual(pongs, Array.from({ length: 100 }, (_, i) => `${i}`));
    });
  });
});

test("the class of half-open connections: a peer that answers no ping is dropped, whatever else it sends", async () => {
  const { handler, next } = closes();
  await serving({ heartbeat: HEARTBEAT }, handler, async ({ port }) => {
    await withOpen(port, async () => {
      const close = await next();
      assert.equal(close.code, 1006);
      assert.match(close.error!.message, /heartbeat\.timeout/);
    });
    await withOpen(port, async (peer) => {
      const timer = setInterval(() => peer.write(HI), 5);
      const close = await next();
      clearInterval(timer);
      assert.match(close.error!.message, /heartbeat\.timeout/);
    });
  });
  await using server = await RawServer.listen(async (peer) => {
    peer.write(acceptance(await peer.until("\r\n\r\n")));
  });
  const socket = await connect(`ws://127.0.0.1:${server.port}/`, { heartbeat: HEARTBEAT });
  assert.match((await socket.closed).error!.message, /heartbeat\.timeout/);
});

test("the class of half-open connections: a peer that ends or resets at any point leaves nothing behind", async () => {
  const { handler, next } = closes();
  await serving({}, handler, async ({ server, port }) => {
    const points = [
      "\x81",
      "\x81\x82",
      HI.slice(0, 6),
      HI.slice(0, 7),
      HI,
      clientFrame({ opcode: TEXT, fin: false, payload: "x" }),
    ];
    for (const point of points) {
      for (const way of ["end", "destroy"] as const) {
        await withOpen(port, async (peer) => {
          peer.write(point);
          await peer[way]();
          assert.equal((await next()).code, 1006, JSON.stringify(point));
        });
      }
    }
    await until(() => server.connections.size === 0);
  });
});

test("CVE-2024-23672 (Tomcat): a closing handshake that the peer never finishes ends after closeTimeout, whatever it sends", async () => {
  const options = { closeTimeout: 100, heartbeat: false } as const;
  const waysToStay = {
    silence: () => {},
    messages: (peer: { write(text: string): void }) => peer.write(HI.repeat(100)),
    "a frame that never ends": (peer: { write(text: string): void }) =>
      peer.write(clientFrame({ opcode: BINARY, length: 500_000 }) + "x"),
  };
  await serving(options, {}, async ({ server, port }) => {
    for (const [how, stay] of Object.entries(waysToStay)) {
      await withOpen(port, async (peer) => {
        const timer = setInterval(() => stay(peer), 5);
        const [socket] = server.connections;
        const close = await socket!.close(4000, "go");
        clearInterval(timer);
        assert.deepEqual([close.code, close.wasClean], [1006, false], how);
        await until(() => server.connections.size === 0);
      });
    }
  });
  // After a clean closing handshake the TCP connection may be left open as well.
  await serving(options, ECHO, async ({ server, port }) => {
    await withOpen(port, async (peer) => {
      const [socket] = server.connections;
      peer.write(BYE);
      const close = await socket!.closed;
      assert.deepEqual([close.code, close.wasClean], [1000, true]);
    });
  });
  await using raw = await RawServer.listen(async (peer) => {
    peer.write(acceptance(await peer.until("\r\n\r\n")));
    await peer.until("\x88");
    peer.write(serverFrame({ opcode: 8, payload: Uint8Array.of(3, 232) }));
  });
  const socket = await connect(`ws://127.0.0.1:${raw.port}/`, options);
  assert.equal((await socket.close()).code, 1000);
});

test("CVE-2022-25762 (Tomcat): what is sent while others close goes to whom it was sent, and to nobody else", async () => {
  await serving({ closeTimeout: 50 }, {
    message(socket, message) {
      const text = String(message).repeat(300);
      for (let count = 0; count < 20; count++) socket.send(text);
      if (text.startsWith("a")) socket.abort();
      if (text.startsWith("b")) void socket.close(4000, "bye");
      if (text.startsWith("c")) {
        queueMicrotask(() => void socket.close());
        socket.send(text);
      }
      if (socket.readyState !== "open") assert.throws(() => socket.send("late"), ConnectionClosedError);
    },
  }, async ({ server, port }) => {
    for (let round = 0; round < 10; round++) {
      await Promise.all(["a", "b", "c", "d", "e", "f"].map((letter) =>
        withOpen(port, async (peer) => {
          if (letter === "e") peer.pause();
          peer.write(clientFrame({ opcode: TEXT, payload: letter.repeat(10) }));
          if (letter === "d" || letter === "f") {
            peer.write(BYE);
            const frames = framesIn(heard(await peer.untilEnd()).rest);
            assert.equal(frames.length, 21);
          } else if (letter !== "e") {
            await peer.untilEnd();
          } else {
            await turns(3);
          }
          const rest = heard(peer.received).rest;
          const foreign = new RegExp(`[${"abcdef".replace(letter, "")}]{10}`);
          assert.doesNotMatch(rest, foreign);
        })
      ));
    }
    await until(() => server.connections.size === 0);
  });
});

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

function collectGarbage(): void {
  const { Bun } = globalThis as { Bun?: { gc(full: boolean): void } };
  if (Bun !== undefined) return Bun.gc(true);
  setFlagsFromString("--expose-gc");
  runInNewContext("gc")();
}

test("CVE-2026-33151, CVE-2026-69185 (socket.io-parser): every state in which a server waits for more has an end", async () => {
  const { handler, next } = closes();
  await serving(
    { handshakeTimeout: 100, heartbeat: HEARTBEAT, closeTimeout: 100 },
    handler,
    async ({ port }) => {
      const before = ["", "GET", "GET / HTTP/1.1\r\n", REQUEST.slice(0, -2), REQUEST.slice(0, -1), "\r\n"];
      for (const text of before) {
        await withPeer(port, async (peer) => {
          peer.write(text);
          assert.equal(heard(await peer.untilEnd()).status || undefined, text === "" ? undefined : 408);
        });
      }
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
