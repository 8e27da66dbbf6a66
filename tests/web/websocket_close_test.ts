/** WebSockets Standard, close() of WebSocket. */
import assert from "node:assert/strict";
import { type Close, type Connection, WebSocket } from "../../mod.ts";
import { test } from "../harness.ts";
import { RawServer } from "../raw_peer.ts";
import { echo, logOf, next, rawWebSocketServer, resolvers, serving, standard, thrownBy } from "./support.ts";

standard("codes other than 1000 and 3000 to 4999 throw an InvalidAccessError, in any state", async (Face) => {
  await serving(echo, async (url) => {
    const socket = new Face(url);
    const wrong = [
      0,
      1,
      999,
      1001,
      1005,
      1006,
      1015,
      2999,
      5000,
      65535,
      65536,
      70536,
      -1,
      NaN,
      Infinity,
      null,
      "string",
      {},
    ];
    const check = (): void => {
      for (const code of wrong) {
        const error = thrownBy(() => socket.close(code as number));
        assert.ok(error instanceof DOMException);
        assert.equal(error.name, "InvalidAccessError", String(code));
        assert.equal(error.code, 15);
      }
    };
    check();
    assert.equal(socket.readyState, 0);
    await next(socket, "open");
    check();
    assert.equal(socket.readyState, 1);
    socket.close();
    check();
    await next(socket, "close");
    check();
  });
}, ["bun"]);

standard("reasons of more than 123 bytes in UTF-8 throw a SyntaxError", async (Face) => {
  await serving(echo, async (url) => {
    const socket = new Face(url);
    await next(socket, "open");
    for (const reason of ["x".repeat(124), "é".repeat(62), "\uD800".repeat(42)]) {
      const error = thrownBy(() => socket.close(1000, reason));
      assert.ok(error instanceof DOMException);
      assert.equal(error.name, "SyntaxError");
    }
    assert.equal(socket.readyState, 1);
    socket.close(1000, "x".repeat(123));
    assert.equal((await next(socket, "close")).wasClean, true);
  });
}, ["bun"]);

standard("code and reason go to the peer; lone surrogates as U+FFFD", async (Face) => {
  for (
    const [code, reason, expected] of [
      [1000, "", { code: 1000, reason: "" }],
      [1000, "Clean Close", { code: 1000, reason: "Clean Close" }],
      [3000, "é世😀", { code: 3000, reason: "é世😀" }],
      [4999, "\uD807", { code: 4999, reason: "\uFFFD" }],
      [3000.2, "", { code: 3000, reason: "" }],
    ] as const
  ) {
    const closed = resolvers<Close>();
    await serving({ close: (_, close) => closed.resolve(close) }, async (url) => {
      const socket = new Face(url);
      await next(socket, "open");
      socket.close(code, reason);
      assert.equal(socket.readyState, 2);
      const event = await next(socket, "close");
      assert.equal(socket.readyState, 3);
      assert.equal(event.wasClean, true);
      const seen = await closed.promise;
      assert.deepEqual({ code: seen.code, reason: seen.reason }, expected);
    });
  }
});

standard("without arguments the Close frame is empty: 1005 on both sides", async (Face) => {
  for (const args of [[], [undefined], [undefined, undefined]]) {
    const closed = resolvers<Close>();
    await serving({ close: (_, close) => closed.resolve(close) }, async (url) => {
      const socket = new Face(url);
      await next(socket, "open");
      socket.close(...args as []);
      const { code, reason, wasClean } = await next(socket, "close");
      assert.deepEqual({ code, reason, wasClean }, { code: 1005, reason: "", wasClean: true });
      assert.equal((await closed.promise).code, 1005);
    });
  }
});

test("WebSocket: a reason without a code goes with 1000", async () => {
  await serving(echo, async (url) => {
    const socket = new WebSocket(url);
    await next(socket, "open");
    socket.close(undefined, "why");
    assert.equal((await next(socket, "close")).code, 1000);
  });
});

standard("while connecting it gives up: CLOSING, error, close with 1006, no open", async (Face) => {
  await using server = await RawServer.listen(() => {});
  const socket = new Face(`ws://127.0.0.1:${server.port}/`);
  const log = logOf(socket);
  socket.close();
  assert.equal(socket.readyState, 2);
  assert.deepEqual(log, []);
  await next(socket, "close");
  assert.deepEqual(log, ["error 3", 'close 1006 "" false 3']);
}, ["deno", "node"]);

standard("while the response is awaited it gives up as well", async (Face) => {
  const requested = resolvers<void>();
  await using server = await RawServer.listen(async (peer) => {
    await peer.until("\r\n\r\n");
    requested.resolve();
  });
  const socket = new Face(`ws://127.0.0.1:${server.port}/`);
  const log = logOf(socket);
  await requested.promise;
  assert.equal(socket.readyState, 0);
  socket.close(1000, "enough");
  assert.equal(socket.readyState, 2);
  await next(socket, "close");
  assert.deepEqual(log, ["error 3", 'close 1006 "" false 3']);
}, ["deno", "node"]);

standard("a second close(), from within a listener or not, changes nothing", async (Face) => {
  await serving(echo, async (url) => {
    const socket = new Face(url);
    await next(socket, "open");
    let closes = 0;
    socket.onclose = ({ code }) => {
      assert.equal(code, 3000);
      closes++;
      socket.close(3002);
      assert.equal(socket.readyState, 3);
    };
    socket.close(3000);
    socket.close(3001);
    assert.equal(socket.readyState, 2);
    await next(socket, "close");
    await new Promise((resolve) => setTimeout(resolve, 5));
    assert.equal(closes, 1);
  });
});

standard("messages that come after close() are not delivered", async (Face) => {
  const accepted: Connection[] = [];
  await serving({ open: (connection) => accepted.push(connection) }, async (url) => {
    const socket = new Face(url);
    const log = logOf(socket);
    await next(socket, "open");
    accepted[0]!.send("before");
    await next(socket, "message");
    for (let i = 0; i < 100; i++) accepted[0]!.send("after");
    socket.close(1000);
    await next(socket, "close");
    assert.deepEqual(log, ["open 1", "message before 1", 'close 1000 "" true 3']);
  });
}, ["deno"]);

standard("what was sent before close() goes out before the Close frame", async (Face) => {
  const received: unknown[] = [];
  const closed = resolvers<void>();
  await serving(
    { message: (_, message) => received.push(message.length), close: () => closed.resolve() },
    async (url) => {
      const socket = new Face(url);
      await next(socket, "open");
      for (let i = 0; i < 50; i++) socket.send("x".repeat(10_000 + i));
      socket.close();
      await next(socket, "close");
      await closed.promise;
      assert.deepEqual(received, Array.from({ length: 50 }, (_, index) => 10_000 + index));
    },
  );
});

test("WebSocket: a peer that never answers the Close frame: close with 1006 after closeTimeout", async () => {
  await using server = await rawWebSocketServer((peer) => peer.untilEnd().then(() => {}));
  const socket = new WebSocket(`ws://127.0.0.1:${server.port}/`, [], { closeTimeout: 20 });
  await next(socket, "open");
  socket.close(1000);
  const { code, wasClean } = await next(socket, "close");
  assert.deepEqual([code, wasClean], [1006, false]);
});
