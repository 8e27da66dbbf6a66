/** Peers that do not read, do not answer, do not leave, or leave all the time: what they may cost, and for how long. */
import assert from "node:assert/strict";
import { connect, ConnectionClosedError } from "../../mod.ts";
import { test } from "../harness.ts";
import { memoryHeld } from "../memory.ts";
import { RawServer } from "../raw_peer.ts";
import {
  acceptance,
  BINARY,
  BYE,
  bytesOf,
  clientFrame,
  closes,
  deferred,
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
} from "./support.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
const HEARTBEAT = { interval: 20, timeout: 40 };

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
  await serving(
    { maxControlFrames: Infinity, sendHighWaterMark: 64 * KIB },
    ECHO,
    async ({ server, port }) => {
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
    },
  );
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

test("the class of pieces that wait: messages without a byte, sent to a peer that does not read, cost little more than their bytes", async () => {
  const COUNT = 60_000;
  const { promise: sent, resolve: allSent } = deferred<number>();
  await serving({ heartbeat: false, closeTimeout: 50 }, {
    open: async (socket) => {
      // The system's own buffers are full before.
      while (socket.bufferedAmount < MIB) {
        socket.send(new Uint8Array(256 * KIB));
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
      const sendAll = async (): Promise<void> => {
        for (let count = 0; count < COUNT; count++) {
          socket.send("");
          await new Promise((resolve) => setImmediate(resolve));
        }
      };
      // The process grows by what it needs to do this at all.
      await sendAll();
      // What is kept of each grows it every time; whatever else happens in the process does not.
      let least = Infinity;
      for (let time = 0; time < 3; time++) {
        const before = memoryHeld();
        await sendAll();
        least = Math.min(least, memoryHeld() - before);
      }
      allSent(least);
    },
  }, async ({ port }) => {
    const flooder = await Flooder.open(port);
    flooder.peer.pause();
    const grown = await sent;
    assert.ok(grown < 16 * MIB, `${grown} bytes`);
    await flooder.destroy();
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
  await serving({ closeTimeout: 400 }, {
    message(socket, message) {
      const text = String(message).repeat(300);
      for (let count = 0; count < 20; count++) socket.send(text);
      if (text.startsWith("a")) socket.abort();
      if (text.startsWith("b")) void socket.close(4000, "bye");
      if (text.startsWith("c")) {
        queueMicrotask(() => void socket.close());
        socket.send(text);
      }
      if (socket.readyState !== "open") assert.equal(socket.send("late"), false);
    },
  }, async ({ server, port }) => {
    for (let round = 0; round < 5; round++) {
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
