/** The standard's WebSocket over connections that are there already. */
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { acceptor, connect, type Connection, WebSocket } from "../../mod.ts";
import { test } from "../harness.ts";
import { logOf, next, resolvers, serving } from "./support.ts";

test("WebSocket.from: open at once, no open event, the handler may return, and close() closes", async () => {
  const log: string[] = [];
  const ended = resolvers<void>();
  await serving((connection) => {
    const socket = WebSocket.from(connection);
    log.push(
      `state ${socket.readyState} ${socket.protocol} ${new URL(socket.url).protocol}${
        new URL(socket.url).pathname
      }`,
    );
    socket.onopen = () => log.push("never");
    socket.onmessage = ({ data, origin }) => {
      assert.equal(origin, new URL(socket.url).origin);
      if (data === "close") socket.close(3000, "done");
      else socket.send(data);
    };
    socket.onclose = ({ code, reason, wasClean }) => {
      log.push(`close ${code} ${reason} ${wasClean}`);
      ended.resolve();
    };
  }, async (url) => {
    const client = await connect(`${url}path?query`, { protocols: "chat" });
    const messages = client[Symbol.asyncIterator]();
    for (const text of ["a", "b"]) {
      client.send(text);
      assert.equal((await messages.next()).value, text);
    }
    client.send("close");
    assert.deepEqual((await client.closed).code, 3000);
    await ended.promise;
  }, { protocols: ["chat"] });
  assert.deepEqual(log, ["state 1 chat ws:/path", "close 3000  true"]);
});

test("WebSocket.from: messages that came before it wait for it, and then for its listeners", async () => {
  const received: unknown[] = [];
  const ended = resolvers<void>();
  await serving(async (connection: Connection) => {
    await new Promise((resolve) => setTimeout(resolve, 10));
    const socket = WebSocket.from(connection);
    for (let turn = 0; turn < 20; turn++) await null;
    socket.addEventListener("message", ({ data }) => received.push(data));
    await next(socket, "close");
    ended.resolve();
  }, async (url) => {
    const client = await connect(url);
    for (let i = 0; i < 200; i++) client.send(String(i));
    await client.close();
    await ended.promise;
  });
  assert.deepEqual(received, Array.from({ length: 200 }, (_, index) => String(index)));
});

test("WebSocket.from: a connection that has ended already still gives its messages and its close", async () => {
  await serving(async (connection) => {
    connection.send("a");
    connection.send("b");
    await connection.close(3001, "over");
  }, async (url) => {
    const client = await connect(url);
    await client.closed;
    const socket = WebSocket.from(client);
    assert.equal(socket.url, "");
    const log = logOf(socket as globalThis.WebSocket);
    await next(socket, "close");
    assert.deepEqual(log, ["message a 1", "message b 1", 'close 3001 "over" true 3']);
  });
});

test("WebSocket.from: throws for a connection that was given to callbacks", async () => {
  const errors: unknown[] = [];
  await serving({
    open: (connection) => {
      WebSocket.from(connection);
    },
    message: () => {},
  }, async (url) => {
    const client = await connect(url);
    await client.closed;
  }, { error: (error) => errors.push(error) });
  assert.equal(errors.length, 1);
  assert.ok(errors[0] instanceof TypeError);
});

test("WebSocket.from: what a handler throws after it still closes the connection with 1011", async () => {
  await serving((connection) => {
    WebSocket.from(connection);
    throw new Error("wrong");
  }, async (url) => {
    const client = await connect(url);
    assert.equal((await client.closed).code, 1011);
  }, { error: () => {} });
});

test("WebSocket.from: over a socket that node:http has upgraded", async () => {
  const server = createServer();
  server.on(
    "upgrade",
    acceptor({}, (connection) => {
      const socket = WebSocket.from(connection);
      socket.onmessage = ({ data }) => socket.send(data);
    }),
  );
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const client = await connect(`ws://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  client.send("a");
  assert.equal((await client[Symbol.asyncIterator]().next()).value, "a");
  await client.close();
  server.close();
  await once(server, "close");
});

test("WebSocket.from: two faces of one kind talk to each other", async () => {
  const log: string[] = [];
  await serving((connection) => {
    const socket = WebSocket.from(connection);
    socket.binaryType = "arraybuffer";
    socket.onmessage = ({ data }) => {
      log.push(`server ${new Uint8Array(data as ArrayBuffer).join()}`);
      socket.send(new Blob([data as ArrayBuffer]));
    };
  }, async (url) => {
    const socket = new WebSocket(url);
    await next(socket, "open");
    socket.send(new Blob([Uint8Array.of(1, 2, 3)]));
    const { data } = await next(socket, "message");
    log.push(`client ${new Uint8Array(await (data as Blob).arrayBuffer()).join()}`);
    socket.close();
    await next(socket, "close");
  });
  assert.deepEqual(log, ["server 1,2,3", "client 1,2,3"]);
});
