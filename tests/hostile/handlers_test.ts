/** Handlers that never finish, and requests that never end: the server goes on, holds little, and ends when it is told to. */
import assert from "node:assert/strict";
import { connect, type ConnectionHandler, HandshakeError, serve } from "../../mod.ts";
import { test } from "../harness.ts";
import { exchange, RawServer, REQUEST, request } from "../raw_peer.ts";
import {
  acceptance,
  BINARY,
  BYE,
  bytesOf,
  clientFrame,
  deferred,
  ECHO,
  Flooder,
  heard,
  HI,
  rejection,
  say,
  serving,
  stillServes,
  TEXT,
  turns,
  until,
  withOpen,
  withPeer,
} from "./support.ts";

const NEVER: Promise<never> = new Promise(() => {});

test("the class of slow handshakes: a request byte by byte is answered with 408 at the deadline, however it goes on", async () => {
  await serving({ handshakeTimeout: 300 }, ECHO, async ({ server, port }) => {
    await withPeer(port, async (peer) => {
      const endless = `GET / HTTP/1.1\r\n${"x: y\r\n".repeat(90)}`;
      let next = 0;
      const timer = setInterval(() => peer.write(endless[next++ % endless.length]!), 2);
      const answer = heard(await peer.untilEnd());
      clearInterval(timer);
      assert.equal(answer.status, 408);
      assert.match(answer.head, /\r\nConnection: close\r\n/);
    });
    assert.equal(server.connections.size, 0);
    await stillServes(port);
  });
});

test("the class of slow handshakes: who says nothing is told nothing, and hangs no longer than the deadline", async () => {
  await serving({ handshakeTimeout: 50 }, ECHO, async ({ port }) => {
    const silent = await Promise.all(Array.from({ length: 50 }, () => exchange(port, "")));
    assert.deepEqual(new Set(silent), new Set([""]));
  });
});

test("the class of slow handshakes: a server that answers a client with interim responses for ever, or not at all, meets the same deadline", async () => {
  for (const dripping of [true, false]) {
    let timer: ReturnType<typeof setInterval> | undefined;
    await using server = await RawServer.listen(async (peer) => {
      await peer.until("\r\n\r\n");
      if (dripping) timer = setInterval(() => peer.write("HTTP/1.1 100 Continue\r\n\r\n"), 5);
    });
    const error = await rejection(
      connect(`ws://127.0.0.1:${server.port}/`, { handshakeTimeout: 150, maxHeaders: 1e6, maxHeadSize: 1e6 }),
    );
    clearInterval(timer);
    assert.ok(error instanceof HandshakeError);
    assert.deepEqual([error.step, error.reason], ["response", "timed-out"]);
  }
});

test("the class of header floods: lines, bytes and line ends without end are refused at their limits, as they come", async () => {
  const line = "GET / HTTP/1.1\r\n";
  const floods: [text: string, status: number][] = [
    [line + "a: b\r\n".repeat(101), 431],
    [line + "a: ".padEnd(17_000, "b"), 431],
    [line + "a".repeat(17_000), 431],
    [line + `a: ${"b".repeat(1000)}\r\n`.repeat(17), 431],
    ["GET /" + "a".repeat(17_000), 414],
    ["A".repeat(17_000), 414],
    ["\r\n".repeat(2), 400],
    ["\n".repeat(17_000), 400],
    ["\0".repeat(17_000), 400],
  ];
  await serving({ handshakeTimeout: 60_000 }, ECHO, async ({ port }) => {
    for (const [text, status] of floods) {
      assert.equal(heard(await exchange(port, text)).status, status, JSON.stringify(text.slice(0, 30)));
    }
    const most = REQUEST.replace(
      "\r\n\r\n",
      `\r\nCookie: ${"c".repeat(16_384 - REQUEST.length - 10)}\r\n\r\n`,
    );
    assert.equal(most.length, 16_384);
    assert.deepEqual((await say(port, HI + BYE, most)).texts, ["hi"]);
    assert.equal(heard(await exchange(port, most.replace("cc", "ccc"))).status, 431);
  });
});

test("the class of header floods: what is read before the refusal is no more than the limit, and the refusal arrives all the same", async () => {
  await serving({}, ECHO, async ({ port }) => {
    await withPeer(port, async (peer) => {
      peer.write("GET / HTTP/1.1\r\nx: " + "y".repeat(2_000_000));
      assert.equal(heard(await peer.untilEnd()).status, 431);
    });
    await stillServes(port);
  });
});

test("the class of hooks that never settle: upgrade() and protocols() are given up at the handshake's deadline, with 503", async () => {
  const options = { handshakeTimeout: 300 };
  const offering = request({ "Sec-WebSocket-Protocol": "a" });
  await serving({ ...options, upgrade: () => NEVER }, ECHO, async ({ server, port }) => {
    assert.equal(heard(await exchange(port, REQUEST + HI)).status, 503);
    assert.equal(server.connections.size, 0);
  });
  await serving({ ...options, protocols: () => NEVER }, ECHO, async ({ port }) => {
    assert.equal(heard(await exchange(port, offering)).status, 503);
  });
  const body = (): Response => new Response(new ReadableStream({ pull: () => NEVER }), { status: 401 });
  await serving({ ...options, upgrade: body }, ECHO, async ({ port }) => {
    assert.equal(heard(await exchange(port, REQUEST)).status, 503);
  });
});

test("the class of hooks that settle too late: what upgrade() gives after the deadline accepts nobody", async () => {
  const late = deferred();
  let signalled = 0;
  await serving(
    {
      handshakeTimeout: 300,
      async upgrade({ signal }) {
        signal.addEventListener("abort", () => signalled++);
        await late.promise;
        return { headers: { "x-late": "yes" } };
      },
    },
    ECHO,
    async ({ server, port }) => {
      await withPeer(port, async (peer) => {
        peer.write(REQUEST);
        const received = await peer.untilEnd();
        assert.equal(heard(received).status, 503);
        late.resolve();
        await turns();
        assert.equal(peer.received, received);
      });
      assert.equal(server.connections.size, 0);
      await until(() => signalled === 1);
    },
  );
});

test("the class of hooks that never settle: what a peer sends meanwhile is read up to a limit, and no further", async () => {
  const decided = deferred();
  await serving({ upgrade: () => decided.promise }, ECHO, async ({ port }) => {
    const flooder = await Flooder.dial(port);
    flooder.peer.write(REQUEST);
    const frames = bytesOf(clientFrame({ opcode: BINARY, payload: new Uint8Array(1000) }).repeat(64));
    assert.ok(
      await flooder.pourUntilStalled(frames, 1024),
      "64 MiB were read before the handshake was answered",
    );
    decided.resolve();
    await flooder.peer.until("101 Switching Protocols");
    await flooder.destroy();
  });
});

test("the class of handlers that never settle: a message's, an opening's and a loop that stops leave the socket unread", async () => {
  const handlers: Record<string, ConnectionHandler> = {
    "message()": { message: () => NEVER },
    "open()": { open: () => NEVER, message: () => {} },
    "a loop that stops at its first message": async (socket) => {
      for await (const message of socket) if (message.length > 0) await NEVER;
    },
    "a function that never reads": () => NEVER,
    "a stream that is left standing": async (socket) => {
      for await (const piece of socket.stream()) if (piece.length > 0) await NEVER;
    },
  };
  const message = bytesOf(clientFrame({ opcode: BINARY, payload: new Uint8Array(64 * 1024) }));
  for (const [what, handler] of Object.entries(handlers)) {
    await serving({}, handler, async ({ server, port }) => {
      const flooder = await Flooder.open(port);
      assert.ok(await flooder.pourUntilStalled(message, 1024), `${what}: 64 MiB were read`);
      assert.ok(flooder.waiting > 0);
      // Others are served, and the end comes when it is called for.
      await withOpen(port, (peer) => Promise.resolve(peer.write(HI)));
      // What it said has been taken, or a loop that waits for it would throw.
      await until(() => server.connections.size === 1);
      await server.shutdown({ deadline: 20 });
      await until(() => server.connections.size === 0);
      await flooder.destroy();
    });
  }
});

test("the class of handlers that never settle: tiny messages fill the queue by number, large ones by bytes", async () => {
  for (const [size, most] of [[1, 16], [200_000, 6]] as const) {
    let taken = 0;
    const release = deferred();
    await serving({}, async (socket) => {
      await release.promise;
      for await (const message of socket) if (message.length === size) taken++;
    }, async ({ port }) => {
      const flooder = await Flooder.open(port);
      const message = clientFrame({ opcode: BINARY, payload: new Uint8Array(size) });
      // 64 KiB at least in each write, and 64 MiB in all.
      const some = bytesOf(message.repeat(Math.ceil(65_536 / message.length)));
      assert.ok(
        await flooder.pourUntilStalled(some, 1024),
        `messages of ${size} bytes were read without end`,
      );
      assert.equal(taken, 0);
      release.resolve();
      await until(() => taken > most);
      await flooder.destroy();
    });
  }
});

test("the class of handlers that never settle: shutdown() drops their connections at its deadline, and resolves", async () => {
  const stuck: ConnectionHandler[] = [{ message: () => NEVER }, { open: () => NEVER }, () => NEVER, {
    close: () => NEVER,
  }];
  for (const handler of stuck) {
    const server = await serve({ port: 0, upgrade: () => {} }, handler);
    await withOpen(server.port, async (peer) => {
      peer.write(HI);
      await withPeer(server.port, async (halfway) => {
        halfway.write("GET / HT");
        await turns();
        await server.shutdown({ deadline: 50 });
        await halfway.untilEnd();
      });
      await peer.untilEnd();
      assert.equal(server.connections.size, 0);
    });
  }
  // A handshake whose hook never settles is no reason to wait either.
  const asked = deferred();
  const server = await serve({ port: 0, upgrade: () => (asked.resolve(), NEVER) }, ECHO);
  await withPeer(server.port, async (peer) => {
    peer.write(REQUEST);
    await asked.promise;
    await server.shutdown();
    await peer.untilEnd();
  });
});

test("the class of handlers that never settle: the heartbeat does not take a busy handler for a peer that is gone", async () => {
  const release = deferred();
  await serving({ heartbeat: { interval: 20, timeout: 100 } }, {
    async message(socket, message) {
      await release.promise;
      socket.send(message);
    },
  }, async ({ server }) => {
    const socket = await connect(server.url);
    for (let count = 0; count < 50; count++) socket.send("x");
    await turns(200);
    assert.equal(socket.readyState, "open");
    release.resolve();
    let echoed = 0;
    for await (const message of socket) if (message === "x" && ++echoed === 50) break;
    await socket.close();
  });
});

test("the class of client handlers that never settle: the same queue, the same pause, and close() ends it", async () => {
  await using server = await RawServer.listen(async (peer) => {
    peer.write(acceptance(await peer.until("\r\n\r\n")));
    await peer.untilEnd();
    peer.end();
  });
  const socket = await connect(`ws://127.0.0.1:${server.port}/`, { closeTimeout: 50 }, { open: () => NEVER });
  const close = await socket.close();
  assert.equal(close.wasClean, false);
});

test("the class of messages after the end: a handler that sends, closes, aborts and subscribes too late harms nobody", async () => {
  const over = deferred<unknown[]>();
  await serving({}, {
    async close(socket) {
      const results: unknown[] = [];
      for (
        const act of [
          () => socket.send("x"),
          () => socket.abort(),
          () => socket.subscribe("a"),
          () => void socket.close(),
        ]
      ) {
        try {
          results.push(act() ?? "done");
        } catch (error) {
          results.push((error as Error).name);
        }
      }
      for (const wait of [socket.drained(), socket.ping(), socket.sendStream(["x"])]) {
        results.push(await wait.then(() => "done", (error: Error) => error.name));
      }
      over.resolve(results);
    },
  }, async ({ server, port }) => {
    await say(port, clientFrame({ opcode: TEXT, payload: "x" }) + BYE);
    assert.deepEqual(await over.promise, [
      ...[false, "done", "done", "done"],
      ...["ConnectionClosedError", "ConnectionClosedError", "ConnectionClosedError"],
    ]);
    assert.equal(server.subscriberCount("a"), 0);
  });
});
