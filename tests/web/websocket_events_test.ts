/** WebSockets Standard, "Feedback from the protocol", and event handler attributes. */
import assert from "node:assert/strict";
import { CloseEvent, WebSocket } from "../../mod.ts";
import { test } from "../harness.ts";
import { echo, logOf, next, rawWebSocketServer, serving, standard } from "./support.ts";

standard("open, messages and close come in order, each with its readyState", async (Face) => {
  await serving((connection) => {
    connection.send("a");
    connection.send("b");
    void connection.close(3001, "bye");
  }, async (url) => {
    const socket = new Face(url);
    const log = logOf(socket);
    await next(socket, "close");
    assert.deepEqual(log, ["open 1", "message a 1", "message b 1", 'close 3001 "bye" true 3']);
  });
});

standard("what promises do after one event is done before the next event", async (Face) => {
  await serving((connection) => {
    for (let i = 0; i < 50; i++) connection.send(String(i));
    return connection.closed;
  }, async (url) => {
    const socket = new Face(url);
    await next(socket, "open");
    // Each time the listener is added anew, after the promise of the one before: nothing may slip between.
    for (let i = 0; i < 50; i++) {
      const { data } = await next(socket, "message");
      await null;
      await null;
      assert.equal(data, String(i));
    }
    socket.close();
    await next(socket, "close");
  });
}, ["deno", "node"]);

standard(
  "a connection that cannot be had: CLOSED, then error, then close with 1006, and no open",
  async (Face) => {
    const refused = new Face("ws://127.0.0.1:1/");
    const log = logOf(refused);
    await next(refused, "close");
    assert.deepEqual(log, ["error 3", 'close 1006 "" false 3']);
  },
  ["deno"],
);

standard("a TCP connection that is lost without a Close frame: close with 1006, not clean", async (Face) => {
  await using server = await rawWebSocketServer((peer) => {
    peer.write("\x81\x01a");
    peer.end();
  });
  const socket = new Face(`ws://127.0.0.1:${server.port}/`);
  const log = logOf(socket);
  await next(socket, "close");
  assert.deepEqual(log.filter((entry) => !entry.startsWith("error")), [
    "open 1",
    "message a 1",
    'close 1006 "" false 3',
  ]);
}, ["deno"]);

test("WebSocket: a lost connection, and a peer that breaks the protocol, fire error with the reason", async () => {
  for (const [frame, name] of [["", "ConnectionClosedError"], ["\x83\x00", "ProtocolError"]]) {
    await using server = await rawWebSocketServer((peer) => {
      peer.write(frame!);
      peer.end();
    });
    const socket = new WebSocket(`ws://127.0.0.1:${server.port}/`);
    const log = logOf(socket as globalThis.WebSocket);
    const error = new Promise<Error>((resolve) => socket.onerror = (event) => resolve(event.error));
    await next(socket, "close");
    assert.deepEqual(log, ["open 1", "error 3", 'close 1006 "" false 3']);
    assert.equal((await error).name, name);
  }
});

standard("a server that closes without a code is told as 1005, clean, without error", async (Face) => {
  await using server = await rawWebSocketServer(async (peer) => {
    peer.write("\x88\x00");
    await peer.until("\x88\x80");
    peer.end();
  });
  const socket = new Face(`ws://127.0.0.1:${server.port}/`);
  const log = logOf(socket);
  await next(socket, "close");
  assert.deepEqual(log, ["open 1", 'close 1005 "" true 3']);
});

standard(
  "readyState is CLOSING between the peer's Close frame and the end of the TCP connection",
  async (Face) => {
    let end = (): void => {};
    await using server = await rawWebSocketServer(async (peer) => {
      peer.write("\x81\x01a\x88\x02\x03\xe8");
      await peer.until("\x88\x82");
      end = () => peer.end();
    });
    const socket = new Face(`ws://127.0.0.1:${server.port}/`);
    await next(socket, "message");
    assert.equal(socket.readyState, 1);
    while (socket.readyState === 1) await new Promise((resolve) => setTimeout(resolve, 1));
    assert.equal(socket.readyState, 2);
    while (end.name !== "end") await new Promise((resolve) => setTimeout(resolve, 1));
    const closed = next(socket, "close");
    end();
    assert.equal((await closed).code, 1000);
    assert.equal(socket.readyState, 3);
  },
  ["deno", "node"],
);

standard("text comes as a string, a byte order mark and U+0000 included", async (Face) => {
  await serving(echo, async (url) => {
    const socket = new Face(url);
    await next(socket, "open");
    for (const text of ["", "\uFEFFtext", "a\0b", "é世😀", "x".repeat(70_000)]) {
      socket.send(text);
      assert.equal((await next(socket, "message")).data, text);
    }
    socket.close();
    await next(socket, "close");
  });
}, ["node"]);

standard("bytes come as Blob or ArrayBuffer, as binaryType says when the event fires", async (Face) => {
  await serving(echo, async (url) => {
    const socket = new Face(url);
    await next(socket, "open");
    const sent = Uint8Array.from({ length: 300 }, (_, index) => index);
    socket.send(sent);
    const blob = (await next(socket, "message")).data;
    assert.ok(blob instanceof Blob);
    assert.equal(blob.type, "");
    assert.deepEqual(new Uint8Array(await blob.arrayBuffer()), sent);
    socket.binaryType = "arraybuffer";
    socket.send(sent);
    const buffer = (await next(socket, "message")).data;
    assert.ok(buffer instanceof ArrayBuffer);
    assert.deepEqual(new Uint8Array(buffer), sent);
    socket.send(new Uint8Array(0));
    assert.equal((await next(socket, "message")).data.byteLength, 0);
    socket.close();
    await next(socket, "close");
  });
}, ["bun"]);

standard(
  "events are of their classes, target the socket, and neither bubble nor can be cancelled",
  async (Face) => {
    await serving(echo, async (url) => {
      const socket = new Face(url);
      const open = await next(socket, "open");
      assert.equal(Object.prototype.toString.call(open), "[object Event]");
      socket.send("a");
      const message = await next(socket, "message");
      assert.ok(message instanceof MessageEvent);
      assert.equal(message.origin, new URL(url).origin);
      assert.equal(message.lastEventId, "");
      assert.equal(message.source, null);
      socket.close(1000, "done");
      const close = await next(socket, "close");
      assert.ok(close instanceof CloseEvent);
      assert.equal(close.constructor.name, "CloseEvent");
      for (const event of [open, message, close]) {
        assert.ok(event instanceof Event);
        assert.equal(event.target, socket);
        assert.equal(event.bubbles, false);
        assert.equal(event.cancelable, false);
      }
    });
  },
  ["deno"],
);

standard(
  "event handler attributes: set, replaced in their place, removed, and this is the socket",
  async (Face) => {
    await serving(echo, async (url) => {
      const socket = new Face(url);
      const log: string[] = [];
      const never = (): number => log.push("never");
      socket.addEventListener("open", () => log.push("first"));
      socket.onopen = never;
      socket.addEventListener("open", () => log.push("third"));
      socket.onopen = function () {
        assert.equal(this, socket);
        log.push("second");
      };
      socket.onmessage = never;
      assert.equal(socket.onmessage, never);
      socket.onmessage = null;
      assert.equal(socket.onmessage, null);
      await next(socket, "open");
      assert.deepEqual(log, ["first", "second", "third"]);
      socket.send("a");
      await next(socket, "message");
      socket.close();
      await next(socket, "close");
      assert.deepEqual(log, ["first", "second", "third"]);
    });
  },
  ["node"],
);

test(
  "WebSocket: event handler attributes: what is no object is null, and an object that cannot be called is kept",
  async () => {
    const socket = new WebSocket("ws://127.0.0.1:1/");
    const object = {} as () => void;
    for (const wrong of [1, "", undefined, true]) {
      socket.onclose = object;
      assert.equal(socket.onclose, object);
      socket.onclose = wrong as unknown as () => void;
      assert.equal(socket.onclose, null);
    }
    // One that was removed and set again comes last.
    const log: string[] = [];
    socket.onclose = () => log.push("never");
    socket.onclose = null;
    socket.addEventListener("close", () => log.push("listener"));
    socket.onclose = () => log.push("handler");
    socket.onerror = object;
    await next(socket, "close");
    assert.deepEqual(log, ["listener", "handler"]);
  },
);

test("WebSocket: it is a WebSocket of the standard to the type checker, and its events have types", async () => {
  await serving(echo, async (url) => {
    const socket = new WebSocket(url);
    const same: globalThis.WebSocket = socket;
    assert.equal(same.readyState, WebSocket.CONNECTING);
    const listener = (event: MessageEvent): void => assert.fail(String(event.data));
    socket.addEventListener("message", listener);
    socket.removeEventListener("message", listener);
    await new Promise((resolve) => socket.addEventListener("open", resolve));
    socket.send("a");
    socket.close();
    const code = await new Promise<number>((resolve) =>
      socket.addEventListener("close", (event) => resolve(event.code))
    );
    assert.equal(code, 1005);
  });
});

test("WebSocket: 25 MiB of messages arrive, none lost, through a receive queue of 1 MiB", async () => {
  const chunk = "x".repeat(64 * 1024);
  let sent = 0;
  await serving(async (connection) => {
    while (sent < 400 && connection.readyState === "open") {
      sent++;
      if (!connection.send(chunk)) await connection.drained();
    }
    await connection.closed;
  }, async (url) => {
    const socket = new WebSocket(url);
    let received = 0;
    socket.onmessage = () => received++;
    while (received < 400) await next(socket, "message");
    socket.close();
    await next(socket, "close");
    assert.equal(received, 400);
  });
});

test("CloseEvent: made of what it is given, with the standard's defaults", () => {
  const empty = new CloseEvent("close");
  assert.deepEqual([empty.type, empty.wasClean, empty.code, empty.reason], ["close", false, 0, ""]);
  const full = new CloseEvent("x", { wasClean: true, code: 3000, reason: "r", cancelable: true });
  assert.deepEqual([full.type, full.wasClean, full.code, full.reason, full.cancelable], [
    "x",
    true,
    3000,
    "r",
    true,
  ]);
  assert.equal(full.constructor.name, "CloseEvent");
  assert.ok(full instanceof Event);
});
