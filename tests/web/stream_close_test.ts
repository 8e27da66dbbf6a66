/** WebSockets Standard, WebSocketStream and WebSocketError: how connections end. */
import assert from "node:assert/strict";
import {
  type Close,
  type Connection,
  type WebSocketCloseInfo,
  type WebSocketOpenInfo,
  WebSocketStream,
  WebSocketStreamError,
} from "../../mod.ts";
import { test } from "../harness.ts";
import { RawServer } from "../raw_peer.ts";
import { rawWebSocketServer, resolvers, serving, thrownBy } from "./support.ts";

/** Opens a stream, ends it as `end` says, and answers what both sides saw. */
async function ending(
  end: (socket: WebSocketStream, info: WebSocketOpenInfo) => unknown,
): Promise<{ own: WebSocketCloseInfo; peer: Close }> {
  const peer = resolvers<Close>();
  let own: WebSocketCloseInfo = {};
  await serving({ close: (_, close) => peer.resolve(close) }, async (url) => {
    const socket = new WebSocketStream(url);
    const info = await socket.opened;
    await end(socket, info);
    own = await socket.closed;
    await peer.promise;
  });
  return { own, peer: await peer.promise };
}

test("WebSocketStream: close() sends code and reason; without them an empty Close frame; a reason alone goes with 1000", async () => {
  for (
    const [given, code, reason] of [
      [{ closeCode: 3456, reason: "pizza" }, 3456, "pizza"],
      [{ closeCode: 1000 }, 1000, ""],
      [{ closeCode: 3000.7 }, 3000, ""],
      [undefined, 1005, ""],
      [null, 1005, ""],
      [{}, 1005, ""],
      [{ reason: "" }, 1005, ""],
      [{ reason: "non-empty" }, 1000, "non-empty"],
    ] as const
  ) {
    const { own, peer } = await ending((socket) => socket.close(given as WebSocketCloseInfo));
    assert.equal(own.closeCode, code);
    assert.equal(peer.code, code);
    assert.equal(peer.reason, reason);
    assert.equal(peer.wasClean, true);
  }
});

test("WebSocketStream: close() throws for what must not be sent, and the connection lives on", async () => {
  await ending((socket) => {
    for (const closeCode of [0, 999, 1001, 1005, 2999, 5000, 65535]) {
      assert.equal(thrownBy(() => socket.close({ closeCode })).name, "InvalidAccessError");
    }
    assert.equal(thrownBy(() => socket.close({ reason: ".".repeat(124) })).name, "SyntaxError");
    for (const wrong of [true, 1, "x", { closeCode: 65536 }, { closeCode: -1 }, { closeCode: NaN }]) {
      assert.throws(() => socket.close(wrong as WebSocketCloseInfo), TypeError);
    }
    socket.close({ closeCode: 3000 });
    socket.close({ closeCode: 3001 });
  }).then(({ own, peer }) => assert.deepEqual([own.closeCode, peer.code], [3000, 3000]));
});

test("WebSocketStream: close() while connecting rejects both promises", async () => {
  const requested = resolvers<void>();
  await using server = await RawServer.listen(async (peer) => {
    await peer.until("\r\n\r\n");
    requested.resolve();
  });
  for (const early of [true, false]) {
    const socket = new WebSocketStream(`ws://127.0.0.1:${server.port}/`);
    if (!early) await requested.promise;
    socket.close();
    for (const promise of [socket.opened, socket.closed]) {
      await assert.rejects(promise as Promise<unknown>, (error) => error instanceof WebSocketStreamError);
    }
  }
});

test("WebSocketStream: closing the writable closes the connection, and is done when that has ended", async () => {
  const closed = resolvers<void>();
  let ended = false;
  await using server = await rawWebSocketServer(async (peer) => {
    await peer.until("\x88\x80");
    await closed.promise;
    assert.equal(ended, false);
    peer.write("\x88\x00");
    peer.end();
  });
  const socket = new WebSocketStream(`ws://127.0.0.1:${server.port}/`);
  const { writable } = await socket.opened;
  const done = writable.getWriter().close().then(() => (ended = true));
  await new Promise((resolve) => setTimeout(resolve, 10));
  assert.equal(ended, false);
  closed.resolve();
  await done;
  assert.deepEqual(await socket.closed, { closeCode: 1005, reason: "" });
});

test("WebSocketStream: closing the writable rejects when the peer never answers", async () => {
  await using server = await rawWebSocketServer((peer) => peer.untilEnd().then(() => {}));
  const socket = new WebSocketStream(`ws://127.0.0.1:${server.port}/`, { closeTimeout: 20 });
  const { writable } = await socket.opened;
  await assert.rejects(writable.close(), (error) => error instanceof WebSocketStreamError);
});

test("WebSocketStream: a writer learns of the end without writing", async () => {
  for (const clean of [true, false]) {
    const accepted = resolvers<Connection>();
    await serving({ open: (connection) => accepted.resolve(connection) }, async (url) => {
      const socket = new WebSocketStream(url);
      const { writable } = await socket.opened;
      const connection = await accepted.promise;
      if (clean) void connection.close();
      else connection.abort();
      const error = await writable.getWriter().closed.then(() => undefined, (reason) => reason);
      assert.equal(error.name, clean ? "InvalidStateError" : "WebSocketError");
    });
  }
});

test("WebSocketStream: aborting the writable, or cancelling the readable, closes with an empty Close frame", async () => {
  for (const reason of [undefined, { closeCode: 3456, reason: "set" }, new Error("x")]) {
    for (const end of ["abort", "cancel"]) {
      const { own, peer } = await ending((_, { readable, writable }) =>
        end === "abort" ? writable.abort(reason) : readable.cancel(reason)
      );
      assert.deepEqual([own.closeCode, peer.code], [1005, 1005]);
    }
  }
});

test("WebSocketStream: a WebSocketError given to abort() or cancel() says what to close with", async () => {
  for (
    const [reason, code, text] of [
      [new WebSocketStreamError("m", { closeCode: 3333, reason: "r" }), 3333, "r"],
      [new WebSocketStreamError("m", { reason: "r" }), 1000, "r"],
      [new WebSocketStreamError("m"), 1005, ""],
    ] as const
  ) {
    for (const end of ["abort", "cancel"]) {
      const { peer } = await ending((_, { readable, writable }) =>
        end === "abort" ? writable.abort(reason) : readable.cancel(reason)
      );
      assert.deepEqual([peer.code, peer.reason], [code, text]);
    }
  }
});

test("WebSocketStream: the error of a lost connection, given on to another, closes that without a code", async () => {
  await using server = await rawWebSocketServer((peer) => peer.end());
  const lost = new WebSocketStream(`ws://127.0.0.1:${server.port}/`);
  const error = await lost.closed.then(() => undefined, (reason) => reason);
  assert.equal(error.closeCode, 1006);
  const { peer } = await ending((_, { writable }) => writable.abort(error));
  assert.equal(peer.code, 1005);
});

test("WebSocketStream: when the peer closes, the readable ends, the writable errors, closed says how", async () => {
  await serving(async (connection: Connection) => {
    connection.send("last");
    await connection.close(4000, "bye");
  }, async (url) => {
    const socket = new WebSocketStream(url);
    const { readable, writable } = await socket.opened;
    assert.deepEqual(await socket.closed, { closeCode: 4000, reason: "bye" });
    const writer = writable.getWriter();
    const error = await writer.write("x").then(() => undefined, (reason) => reason);
    assert.ok(error instanceof DOMException);
    assert.equal(error.name, "InvalidStateError");
    const reader = readable.getReader();
    assert.equal((await reader.read()).value, "last");
    assert.equal((await reader.read()).done, true);
    await reader.closed;
  });
});

test("WebSocketStream: when the connection breaks, both streams and closed error with a WebSocketError", async () => {
  for (const [bytes, message] of [["", /without a Close frame/], ["\x83\x00", /opcode/i]] as const) {
    await using server = await rawWebSocketServer((peer) => {
      peer.write(`\x81\x01a${bytes}`);
      peer.end();
    });
    const socket = new WebSocketStream(`ws://127.0.0.1:${server.port}/`);
    const { readable, writable } = await socket.opened;
    const error = await socket.closed.then(() => undefined, (reason) => reason);
    assert.ok(error instanceof WebSocketStreamError);
    assert.deepEqual([error.name, error.closeCode, error.reason], ["WebSocketError", 1006, ""]);
    assert.match(error.message, message);
    const reader = readable.getReader();
    assert.equal((await reader.read()).value, "a");
    await assert.rejects(reader.read(), (reason) => reason instanceof WebSocketStreamError);
    await assert.rejects(writable.getWriter().write("x"), (reason) => reason instanceof WebSocketStreamError);
  }
});

test("WebSocketStream: a write that waits when the connection breaks rejects", async () => {
  const accepted = resolvers<Connection>();
  await serving(async (connection: Connection) => {
    accepted.resolve(connection);
    await connection.closed;
  }, async (url) => {
    const socket = new WebSocketStream(url, { sendHighWaterMark: 0 });
    const { writable } = await socket.opened;
    const writer = writable.getWriter();
    const write = (async () => {
      for (;;) await writer.write(new Uint8Array(256 * 1024));
    })();
    await accepted.promise;
    await new Promise((resolve) => setTimeout(resolve, 20));
    (await accepted.promise).abort();
    await assert.rejects(write, (reason) => reason instanceof WebSocketStreamError);
    await assert.rejects(
      socket.closed as Promise<unknown>,
      (reason) => reason instanceof WebSocketStreamError,
    );
  }, { receiveQueue: { messages: 1 } });
});

test("WebSocketStream: messages that come after close() are dropped, and the readable ends", async () => {
  const accepted = resolvers<Connection>();
  await serving({ open: (connection) => accepted.resolve(connection) }, async (url) => {
    const socket = new WebSocketStream(url);
    const { readable } = await socket.opened;
    const reader = readable.getReader();
    const connection = await accepted.promise;
    connection.send("before");
    assert.equal((await reader.read()).value, "before");
    const reading = reader.read();
    socket.close({ closeCode: 1000 });
    for (let i = 0; i < 100; i++) connection.send("after");
    assert.deepEqual(await reading, { done: true, value: undefined });
    assert.equal((await socket.closed).closeCode, 1000);
  });
});

test("WebSocketError: its name, its defaults, and the rules of close()", () => {
  const empty = new WebSocketStreamError();
  assert.deepEqual([empty.name, empty.message, empty.closeCode, empty.reason], [
    "WebSocketError",
    "",
    null,
    "",
  ]);
  assert.ok(empty instanceof DOMException);
  assert.ok(empty instanceof Error);
  assert.equal(empty.code, 0);
  const full = new WebSocketStreamError("m", { closeCode: 4999, reason: "é" });
  assert.deepEqual([full.message, full.closeCode, full.reason], ["m", 4999, "é"]);
  assert.equal(new WebSocketStreamError("", { reason: "r" }).closeCode, 1000);
  for (const closeCode of [999, 1001, 1006, 2999, 5000]) {
    assert.equal(thrownBy(() => new WebSocketStreamError("", { closeCode })).name, "InvalidAccessError");
  }
  assert.equal(thrownBy(() => new WebSocketStreamError("", { reason: "x".repeat(124) })).name, "SyntaxError");
  assert.throws(() => new WebSocketStreamError("", { closeCode: 65536 }), TypeError);
});
