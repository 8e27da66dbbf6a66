import assert from "node:assert/strict";
import { type Connection, type Message, serve, type ServeOptions, type Server } from "../../mod.ts";
import { visible } from "../../src/cli/connect.ts";
import { next } from "../client/support.ts";
import { test } from "../harness.ts";
import { RawServer } from "../raw_peer.ts";
import { ownLauncher, runCli } from "./support.ts";

/** A server on which the first connection is the test's to use. */
async function listening(options: ServeOptions = {}): Promise<Server & { first: Promise<Connection> }> {
  let open!: (socket: Connection) => void;
  const first = new Promise<Connection>((resolve) => (open = resolve));
  const server = await serve({ port: 0, ...options }, async (socket) => {
    open(socket);
    await socket.closed;
  });
  return Object.assign(server, { first });
}

async function take(socket: Connection, count: number): Promise<Message[]> {
  const messages = [];
  for await (const message of socket) if (messages.push(message) === count) break;
  return messages;
}

test("woshou connect --echo: every message comes back as it was, and the end is exit code 0", async () => {
  const server = await listening();
  const running = runCli(["connect", server.url, "--echo"]);
  const socket = await server.first;
  const sent = ["你好", new Uint8Array([0, 255]), "", new Uint8Array(0), "x".repeat(300_000)];
  for (const message of sent) socket.send(message);
  const echoed = await take(socket, sent.length);
  assert.deepEqual(
    echoed.map((message) => typeof message === "string" ? message : [...message]),
    sent.map((message) => typeof message === "string" ? message : [...message]),
  );
  assert.equal((await socket.close(1001, "done")).wasClean, true);
  assert.deepEqual(await running, { code: 0, stdout: "", stderr: "" });
  await server.shutdown();
});

test("woshou connect --echo: a connection that breaks is exit code 0 too", async () => {
  const server = await listening();
  const running = runCli(["connect", "--echo", server.url]);
  (await server.first).abort();
  assert.deepEqual(await running, { code: 0, stdout: "", stderr: "" });
  await server.shutdown();
});

test("woshou connect --echo: a handshake that fails is one line on stderr and exit code 0", async () => {
  await using server = await RawServer.listen(async (peer) => {
    await peer.until("\r\n\r\n");
    peer.write("HTTP/1.1 403 Go away\r\n\r\n");
    peer.end();
  });
  const dead = await RawServer.listen(() => {});
  await dead[Symbol.asyncDispose]();
  for (const port of [server.port, dead.port]) {
    const { code, stdout, stderr } = await runCli(["connect", "--echo", `ws://127.0.0.1:${port}/`]);
    assert.deepEqual([code, stdout], [0, ""]);
    assert.match(stderr, /^woshou: [^\n]+\n$/);
    const failed = await runCli(["connect", `ws://127.0.0.1:${port}/`]);
    assert.deepEqual([failed.code, failed.stdout, failed.stderr], [1, "", stderr]);
  }
});

test("woshou connect --echo: a peer that breaks the protocol is exit code 0", async () => {
  const server = await listening();
  const running = runCli(["connect", "--echo", "--max-message-size", "10", server.url]);
  const socket = await server.first;
  socket.send("0123456789");
  assert.equal(await next(socket), "0123456789");
  socket.send("0123456789a");
  assert.equal((await socket.closed).code, 1009);
  assert.deepEqual(await running, { code: 0, stdout: "", stderr: "" });
  await server.shutdown();
});

test("woshou connect --echo: it waits for a peer that reads slowly, and loses nothing", async () => {
  const size = 1024 * 1024;
  const count = 64;
  const server = await listening({ maxMessageSize: size, maxBufferedAmount: 2 * count * size });
  const running = runCli(["connect", "--echo", server.url, "--max-message-size", String(size)]);
  const socket = await server.first;
  for (let i = 0; i < count; i++) socket.send(new Uint8Array(size).fill(i));
  // Read nothing until the client has stopped reading, too: its own buffer holds less than all of it.
  let before = -1;
  for (let calm = 0; calm < 10 && socket.readyState === "open";) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    calm = socket.bufferedAmount === before ? calm + 1 : 0;
    before = socket.bufferedAmount;
  }
  for (let i = 0; i < count; i++) {
    const message = await next(socket) as Uint8Array;
    assert.ok(message.length === size && message.every((byte) => byte === i));
  }
  await socket.close();
  assert.equal((await running).code, 0);
  await server.shutdown();
});

test("woshou connect --protocol: offered, the best first; a repeated one is misuse", async () => {
  const offered: string[] = [];
  const server = await listening({
    protocols: (names) => (offered.push(...names), names[1]),
  });
  const running = runCli(["connect", "--echo", "--protocol", "v2", "--protocol", "v1", server.url]);
  const socket = await server.first;
  assert.equal(socket.protocol, "v1");
  assert.deepEqual(offered, ["v2", "v1"]);
  await socket.close();
  assert.equal((await running).code, 0);
  const { code, stderr } = await runCli(["connect", "--protocol", "v1", "--protocol", "v1", server.url]);
  assert.equal(code, 2);
  assert.match(stderr, /^woshou: Cannot offer subprotocol 2: it is repeated\. See woshou --help\.\n$/);
  await server.shutdown();
});

test("woshou connect --handshake-timeout and --close-timeout: a silent server is not waited for", async () => {
  await using silent = await RawServer.listen(() => {});
  const { code, stderr } = await runCli(
    ["connect", "--echo", "--handshake-timeout", "50", `ws://127.0.0.1:${silent.port}/`],
  );
  assert.equal(code, 0);
  assert.match(stderr, /longer than 50 ms/);
});

test("woshou connect: each line of stdin is a message, and its end closes the connection with 1000", async () => {
  const server = await listening();
  const running = runCli(["connect", server.url]);
  const { code, wasClean } = await (await server.first).closed;
  assert.deepEqual([code, wasClean], [1000, true]);
  assert.deepEqual(await running, {
    code: 0,
    stdout: "",
    stderr: "woshou: the connection has ended with 1000\n",
  });
  await server.shutdown();
});

test("woshou connect: messages are lines that no terminal acts upon, while stdin stays open", async () => {
  const server = await listening();
  const running = runCli(["connect", server.url], ownLauncher(), "你好\n\nlast\n");
  const socket = await server.first;
  assert.deepEqual(await take(socket, 3), ["你好", "", "last"]);
  socket.send("世界 \x1b]0;title\x07\r\nnext");
  socket.send(new Uint8Array([0, 171, 255]));
  socket.send(new Uint8Array(40));
  await socket.close(1001, "bye\x1b");
  const { code, stdout, stderr } = await running;
  assert.deepEqual(stdout.split("\n"), [
    "世界 \\u{1b}]0;title\\u{7}\\r\\nnext",
    "(3 bytes) 00 ab ff",
    `(40 bytes)${" 00".repeat(32)} ...`,
    "",
  ]);
  assert.deepEqual([code, stderr], [0, "woshou: the connection has ended with 1001: bye\\u{1b}\n"]);
  await server.shutdown();
});

test("woshou connect: a connection that breaks is exit code 1, and said", async () => {
  const server = await listening();
  const running = runCli(["connect", server.url], ownLauncher(), "");
  (await server.first).abort();
  const { code, stdout, stderr } = await running;
  assert.deepEqual([code, stdout], [1, ""]);
  assert.match(stderr, /^woshou: the connection has ended with 1006[^\n]*\n$/);
  await server.shutdown();
});

test("woshou connect: what a terminal could act upon is escaped, and nothing else", () => {
  assert.equal(visible('tab\there "quoted" \\ 👩‍💻 é'), 'tab\\there "quoted" \\ 👩‍💻 é');
  assert.equal(
    visible("\x00\x1b\x7f\x9b\u2028\u202e\u2066\ud800"),
    "\\u{0}\\u{1b}\\u{7f}\\u{9b}\\u{2028}\\u{202e}\\u{2066}\\u{d800}",
  );
});
