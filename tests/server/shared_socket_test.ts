/** Several listeners for the upgrades of one node:http server: each gets its own, and nobody two answers. */
import assert from "node:assert/strict";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createSecureServer } from "node:https";
import { once } from "node:events";
import type { Duplex } from "node:stream";
import { connect as connectTls } from "node:tls";
import { acceptor, connect, type ConnectionHandler, HandshakeError, route, serve } from "../../mod.ts";
import { test } from "../harness.ts";
import { load } from "../mounting/applications.ts";
import { listening } from "./support.ts";
import { tls } from "../fixtures.ts";
import { dial, exchange, RawPeer, request } from "../raw_peer.ts";

const echo: ConnectionHandler = { message: (socket, message) => socket.send(message) };
const shout: ConnectionHandler = { message: (socket, message) => socket.send(`${message as string}!`) };

function application(request: IncomingMessage, response: ServerResponse): void {
  let size = 0;
  request.on("data", (chunk: Uint8Array) => size += chunk.length);
  request.on("end", () => response.end(`<${request.method} ${request.url} ${size}>`));
}

async function echoed(port: number, path: string, answer: string): Promise<void> {
  const socket = await connect(`ws://127.0.0.1:${port}${path}`);
  socket.send("hi");
  for await (const message of socket) {
    assert.equal(message, answer);
    break;
  }
  await socket.close();
}

const pause = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));

const statuses = (response: string): string[] =>
  [...response.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, each]) => each!);
const upgrade = (path: string): string => request({}, `GET ${path} HTTP/1.1`);

test("two acceptors on one server: each path has its own, and an unknown one gets one 404, at once", async () => {
  const refusals: string[] = [];
  const server = createServer(application);
  const refused = ({ code }: { code: string }): void => void refusals.push(code);
  server.on("upgrade", acceptor({ path: "/a", refused }, echo));
  server.on("upgrade", acceptor({ path: ["/b", "/c"], refused }, shout));
  await listening(server, async (port) => {
    await echoed(port, "/a", "hi");
    await echoed(port, "/b", "hi!");
    await echoed(port, "/c", "hi!");
    assert.deepEqual(statuses(await exchange(port, upgrade("/d"))), ["404"]);
    assert.deepEqual(refusals, ["path-not-found"]);
  });
});

test("routes: paths with parameters, each with its options and handler; the first that matches", async () => {
  const server = createServer(application);
  server.on(
    "upgrade",
    acceptor({ origins: "any", maxMessageSize: 4 }, [
      route("/rooms/:id", {
        upgrade: ({ params }, _) => ({ data: { room: params.id } }),
      }, (socket) => void socket.send(`room ${socket.data.room}`)),
      route("/rooms/all", {}, (socket) => void socket.send("never")),
      route("/:kind/of/:thing", {
        protocols: ["v1"],
        upgrade: async ({ params }) => {
          await Promise.resolve();
          return { data: `${params.kind}/${params.thing}` };
        },
      }, (socket) => void socket.send(socket.data)),
      route("/large", { maxMessageSize: 100 }, echo),
      route("/small", {}, echo),
    ]),
  );
  await listening(server, async (port) => {
    const first = async (path: string): Promise<unknown> => {
      const socket = await connect(`ws://127.0.0.1:${port}${path}`, { protocols: ["v1"] }).catch((error) =>
        error
      );
      if (socket instanceof HandshakeError) return socket.status;
      for await (const message of socket) return message;
      return undefined;
    };
    assert.equal(await first("/rooms/42?a=b"), "room 42");
    assert.equal(await first("/rooms/all"), "room all");
    assert.equal(await first("/rooms/%C3%A4%2Fb"), "room ä/b");
    assert.equal(await first("/kind/of/thing"), "kind/thing");
    for (const path of ["/rooms/", "/rooms", "/rooms/1/2", "/rooms/%ff", "/", "//of/thing"]) {
      assert.equal(await first(path), 404, path);
    }
    const large = await connect(`ws://127.0.0.1:${port}/large`);
    large.send("larger than the four bytes of the server");
    for await (const message of large) {
      assert.equal(message, "larger than the four bytes of the server");
      break;
    }
    await large.close();
    const small = await connect(`ws://127.0.0.1:${port}/small`);
    small.send("12345");
    assert.equal((await small.closed).code, 1009);
  });
});

test("misuse of routes throws, and says what to do", () => {
  const none = (): void => {};
  assert.throws(() => route("rooms", {}, none), /give the path of a URL/);
  assert.throws(() => route("/:a/:a", {}, none), /a name of its own/);
  assert.throws(() => route("/:", {}, none), /a name of its own/);
  assert.throws(() => route("/a", { maxConnections: 1 } as object, none), /no such option/);
  assert.throws(
    () => route("/a", {}, undefined as unknown as ConnectionHandler),
    /as the handler of route\(\)/,
  );
  assert.throws(() => acceptor({ path: "/a" }, [route("/b", {}, none)]), /the routes are the paths/);
  assert.throws(() => acceptor({}, ["/a"] as unknown as []), /made by route\(\)/);
});

test("the fourth argument: what a middleware knows reaches upgrade() and socket.data", async () => {
  const server = createServer(application);
  const seen: unknown[] = [];
  interface Session {
    user: string;
  }
  const accept = acceptor<Session, Session>({
    path: "/a",
    upgrade(request, session) {
      seen.push(session, request.headers.get("session"));
      return session.user === "eve" ? new Response("no", { status: 403 }) : undefined;
    },
  }, (socket) => void socket.send(socket.data.user));
  const plain = acceptor<Session, Session>({ path: "/b" }, (socket) => void socket.send(socket.data.user));
  server.on("upgrade", (incoming: IncomingMessage, socket: Duplex, head: Uint8Array) => {
    const session = { user: incoming.headers.cookie ?? "nobody" };
    accept(incoming, socket, head, session);
    plain(incoming, socket, head, session);
  });
  await listening(server, async (port) => {
    for (const path of ["/a", "/b"]) {
      const socket = await connect(`ws://127.0.0.1:${port}${path}`, {
        headers: { cookie: "ada", session: "forged" },
      });
      for await (const message of socket) {
        assert.equal(message, "ada");
        break;
      }
    }
    assert.deepEqual(seen, [{ user: "ada" }, "forged"]);
    await assert.rejects(connect(`ws://127.0.0.1:${port}/a`, { headers: { cookie: "eve" } }), {
      status: 403,
    });
    assert.deepEqual(
      statuses(await exchange(port, upgrade("/c"))),
      ["404"],
      "one answer, though both were asked",
    );
  });
});

test(
  "ws, Socket.IO and two acceptors: each opens and echoes, and an unknown path gets exactly one answer",
  async () => {
    const { WebSocketServer } = await load("ws");
    const { Server: SocketIo } = await load("socket.io");
    const { io } = await load("socket.io-client");
    const server = createServer(application);
    server.on("upgrade", acceptor({ path: "/a" }, echo));
    const ws = new WebSocketServer({ noServer: true });
    server.on("upgrade", (incoming: IncomingMessage, socket: Duplex, head: Uint8Array) => {
      if (incoming.url !== "/ws") return;
      ws.handleUpgrade(
        incoming,
        socket,
        head,
        (peer: { on(name: string, listener: unknown): void; send(data: unknown): void }) =>
          peer.on(
            "message",
            (data: unknown, binary: boolean) => peer.send(binary ? data : `${String(data)} by ws`),
          ),
      );
    });
    const socketIo = new SocketIo(server, { destroyUpgradeTimeout: 200 });
    socketIo.on(
      "connection",
      (
        peer: {
          on(name: string, listener: (text: string) => void): void;
          emit(name: string, text: string): void;
        },
      ) => peer.on("hi", (text) => peer.emit("hi", `${text} by Socket.IO`)),
    );
    server.on(
      "upgrade",
      acceptor({ path: "/b", upgrade: () => pause(400) }, shout),
    );
    await listening(server, async (port) => {
      await echoed(port, "/a", "hi");
      await echoed(port, "/ws", "hi by ws");
      // Slower than Socket.IO's patience with sockets to which nothing was written.
      await echoed(port, "/b", "hi!");
      const client = io(`http://127.0.0.1:${port}`, { transports: ["websocket"], reconnection: false });
      await new Promise((resolve) => client.on("connect", resolve));
      const answer = new Promise((resolve) => client.on("hi", resolve));
      client.emit("hi", "hi");
      assert.equal(await answer, "hi by Socket.IO");
      client.close();
      assert.deepEqual(statuses(await exchange(port, upgrade("/nobody"))), ["404"]);
      assert.match(
        await exchange(port, "GET /page HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"),
        /<GET \/page 0>$/,
      );
      await new Promise<void>((resolve) => socketIo.engine.close() && resolve());
      ws.close();
    });
  },
  { leaks: "Socket.IO keeps a timer" },
);

test("ws with { server, path }, which answers 400 to every other path: an acceptor before it keeps its own", async () => {
  const { WebSocketServer } = await load("ws");
  const server = createServer(application);
  server.on("upgrade", acceptor({ path: "/a" }, echo));
  server.on(
    "upgrade",
    acceptor({ path: "/slow", upgrade: () => pause(50) }, echo),
  );
  const ws = new WebSocketServer({ server, path: "/ws" });
  ws.on(
    "connection",
    (peer: { on(name: string, listener: unknown): void; send(data: unknown): void }) =>
      peer.on("message", (data: unknown) => peer.send(`${String(data)} by ws`)),
  );
  await listening(server, async (port) => {
    for (let i = 0; i < 3; i++) {
      await echoed(port, "/a", "hi");
      await echoed(port, "/slow", "hi");
      await echoed(port, "/ws", "hi by ws");
    }
    assert.deepEqual(statuses(await exchange(port, upgrade("/nobody"))), ["400"]);
    ws.close();
  });
});

test("a listener that takes its time keeps what it takes; what nobody takes gets one 404 at the deadline", async () => {
  const server = createServer(application);
  server.on("upgrade", acceptor({ path: "/a", handshakeTimeout: 300 }, echo));
  server.on("upgrade", acceptor({ path: "/b", handshakeTimeout: 300 }, echo));
  server.on("upgrade", (incoming: IncomingMessage, socket: Duplex) => {
    if (incoming.url === "/theirs") setTimeout(() => socket.end("HTTP/1.1 101 Theirs\r\n\r\n"), 100);
    if (incoming.url === "/taken") socket.on("data", () => socket.end("HTTP/1.1 101 Taken\r\n\r\n"));
  });
  await listening(server, async (port) => {
    assert.deepEqual(statuses(await exchange(port, upgrade("/theirs"))), ["101"]);
    assert.deepEqual(statuses(await exchange(port, upgrade("/nobody"))), ["404"]);
    const peer = await dial(port);
    peer.write(upgrade("/taken"));
    await pause(500);
    peer.write("now");
    assert.deepEqual(statuses(await peer.untilEnd()), ["101"]);
    await peer.destroy();
  });
});

test("RFC 9110, section 7.8: requests that offer h2c or TLS by the way get their page, with a body, and stay", async () => {
  for (const others of [false, true]) {
    const server = createServer(application);
    server.on("upgrade", acceptor({}, echo));
    server.on("upgrade", acceptor({ path: "/b" }, echo));
    if (others) server.on("upgrade", () => {});
    await listening(server, async (port) => {
      const peer = await dial(port);
      for (const [i, offer] of ["h2c", "TLS/1.2", "h2c"].entries()) {
        const more =
          `Connection: Upgrade, HTTP2-Settings\r\nUpgrade: ${offer}\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n`;
        peer.write(`GET /${i} HTTP/1.1\r\nHost: localhost\r\n${more}\r\n`);
        await peer.until(`<GET /${i} 0>`);
        peer.write(`POST /${i} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n${more}\r\nhe`);
        await pause(20);
        peer.write("llo");
        await peer.until(`<POST /${i} 5>`);
      }
      peer.write(request());
      await peer.until("HTTP/1.1 101");
      await peer.destroy();
    });
  }
});

test("https: a request that offers h2c, or asks for a protocol that nobody speaks, gets its page", async () => {
  const server = createSecureServer({ cert: tls.cert, key: tls.key }, application);
  server.on("upgrade", acceptor({ path: "/a" }, echo));
  await listening(server, async (port) => {
    for (const protocol of ["h2c", "foo", "h2c"]) {
      const socket = connectTls({ host: "127.0.0.1", port, ca: tls.ca, servername: "localhost" });
      await once(socket, "secureConnect");
      const peer = new RawPeer(socket);
      peer.write(
        `GET /page HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n\r\n`,
      );
      await peer.until("<GET /page 0>");
      await peer.destroy();
    }
    const socket = await connect(`wss://localhost:${port}/a`, { tls: { ca: tls.ca } });
    await socket.close();
  });
});

test("an acceptor on the server of serve({ http }): upgrades of nobody are requests again, under the same rules", async () => {
  const http = createServer(application);
  const accept = acceptor({ path: "/b" }, shout);
  // By way of a listener of the application, and by itself.
  for (const listener of [(...args: Parameters<typeof accept>) => accept(...args), accept]) {
    http.removeAllListeners("upgrade");
    http.on("upgrade", listener as () => void);
    const own = await serve({ port: 0, http, path: "/a", handshakeTimeout: 500 }, echo);
    const { port } = own;
    await echoed(port, "/a", "hi");
    await echoed(port, "/b", "hi!");
    const peer = await dial(port);
    peer.write("GET /page HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: foo\r\n\r\n");
    await peer.until("<GET /page 0>");
    peer.write("GET /page HTTP/1.1\r\nHost: evil.example\r\n\r\n");
    assert.deepEqual(statuses(await peer.untilEnd()), ["200", "421"]);
    await peer.destroy();
    await own.shutdown();
  }
});

test("an acceptor's hosts are for its own paths: what is on another path, or no WebSocket, is left alone", async () => {
  const server = createServer(application);
  server.on("upgrade", acceptor({ path: "/a", hosts: ["a.example"] }, echo));
  server.on("upgrade", acceptor({ path: "/b", hosts: ["b.example"] }, echo));
  await listening(server, async (port) => {
    const ask = async (host: string, path: string, more: Record<string, string> = {}): Promise<string[]> => {
      const peer = await dial(port);
      peer.write(request({ Host: host, ...more }, `GET ${path} HTTP/1.1`));
      const received = await peer.until("\r\n\r\n");
      await peer.destroy();
      return statuses(received);
    };
    assert.deepEqual(await ask("a.example", "/a"), ["101"]);
    assert.deepEqual(await ask("b.example", "/b"), ["101"]);
    assert.deepEqual(await ask("b.example", "/a"), ["421"]);
    const page = `GET / HTTP/1.1\r\nHost: c.example\r\nConnection: Upgrade, close\r\nUpgrade: h2c\r\n\r\n`;
    assert.deepEqual(statuses(await exchange(port, page)), ["200"]);
  });
});
