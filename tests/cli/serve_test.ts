import assert from "node:assert/strict";
import process from "node:process";
import { acceptKey } from "../../src/handshake/accept_key.ts";
import { connect, HandshakeError, type Message } from "../../mod.ts";
import { skip, test } from "../harness.ts";
import { dial, exchange, request } from "../raw_peer.ts";
import { runCli, spawnCli } from "./support.ts";

const ID = "00112233445566778899aabbccddeeff";

function get(path: string, headers: Record<string, string> = {}, method = "GET"): string {
  const lines = Object.entries({ Host: "localhost", Connection: "close", ...headers }).map((line) =>
    line.join(": ") + "\r\n"
  );
  return `${method} ${path} HTTP/1.1\r\n${lines.join("")}\r\n`;
}

function bodyOf(response: string): string {
  return response.slice(response.indexOf("\r\n\r\n") + 4);
}

async function failureOf(connecting: Promise<unknown>): Promise<HandshakeError> {
  const error = await connecting.then(() => undefined, (error: unknown) => error);
  assert.ok(error instanceof HandshakeError, String(error));
  return error;
}

async function next(socket: AsyncIterable<Message>): Promise<Message | undefined> {
  for await (const message of socket) return message;
  return undefined;
}

test("woshou: no words print the help, --version the version, nonsense a sentence and exit code 2", async () => {
  const help = await runCli([]);
  assert.deepEqual([help.code, help.stderr], [0, ""]);
  assert.match(help.stdout, /Usage: woshou serve/);
  assert.match((await runCli(["--version"])).stdout, /^\d+\.\d+\.\d+\n$/);
  const wrong = await runCli(["serve", "--port", "high"]);
  assert.deepEqual([wrong.code, wrong.stdout], [2, ""]);
  assert.match(wrong.stderr, /^woshou: The flag --port takes .* not "high"\. See woshou --help\.\n$/);
});

test("woshou serve: one line says where it listens, and what it is sent comes back", async () => {
  await using cli = await spawnCli(["--echo"]);
  const address = `//127.0.0.1:${cli.port}/`;
  assert.match(cli.line, /^woshou \d+\.\d+\.\d+ listening: open /);
  assert.ok(cli.line.endsWith(` open http:${address} (ws:${address})`), cli.line);

  const socket = await connect(cli.url);
  const sent = ["你好", new Uint8Array([0, 255]), "", new Uint8Array(0)];
  for (const message of sent) socket.send(message);
  for (const message of sent) {
    const echo = await next(socket);
    if (typeof message === "string") assert.equal(echo, message);
    else assert.deepEqual(new Uint8Array(echo as Uint8Array), message);
  }
  const { code, wasClean } = await socket.close();
  assert.deepEqual([code, wasClean], [1000, true]);
});

test("woshou serve: a page for who takes HTML, an ordinary refusal for who says nothing", async () => {
  await using cli = await spawnCli();
  const page = await exchange(cli.port, get("/", { Accept: "text/html" }));
  assert.match(page, /^HTTP\/1\.1 200 OK\r\n/);
  assert.match(page, /\r\ncontent-security-policy: default-src 'none'/i);
  assert.match(bodyOf(page), /^<!doctype html>[^]*<\/html>\n$/);

  const head = await exchange(cli.port, get("/", { Accept: "*/*" }, "HEAD"));
  assert.match(head, /^HTTP\/1\.1 200 OK\r\n/);
  assert.equal(/content-length: (\d+)/i.exec(head)?.[1], String(bodyOf(page).length));
  assert.equal(bodyOf(head), "");

  for (const path of ["/", "/handshake", "/elsewhere"]) {
    const refusal = await exchange(cli.port, get(path));
    assert.match(refusal, /^HTTP\/1\.1 426 Upgrade Required\r\n/);
    assert.match(refusal, /\r\nupgrade: websocket\r\n/i);
    assert.match(refusal, /\r\nconnection: close, upgrade\r\n/i);
    assert.match(bodyOf(refusal), /\(not-a-websocket-request; RFC 6455, section 4\.2\.1\)/);
  }
  assert.match(
    await exchange(cli.port, get("/elsewhere", { Accept: "*/*" })),
    /^HTTP\/1\.1 404 Not Found\r\n/,
  );
  assert.match(
    await exchange(cli.port, get("/", {}, "POST")),
    /^HTTP\/1\.1 405 [^]*\r\nallow: GET, HEAD\r\n/i,
  );
});

test("woshou serve: an accepted handshake is told to the page that made it", async () => {
  await using cli = await spawnCli();
  const peer = await dial(cli.port);
  const text = request({}, `GET /?page=${ID} HTTP/1.1`);
  peer.write(text);
  const response = await peer.until("\r\n\r\n");
  const asked = await exchange(cli.port, get(`/handshake?page=${ID}`, { Accept: "application/json" }));
  await peer.destroy();
  const record = JSON.parse(bodyOf(asked));
  assert.deepEqual([record.outcome, record.request, record.response], ["accepted", text, response]);
  assert.equal(record.steps.accept, acceptKey("dGhlIHNhbXBsZSBub25jZQ=="));
  const unknown = await exchange(cli.port, get(`/handshake?page=${"0".repeat(32)}`, { Accept: "*/*" }));
  assert.match(unknown, /^HTTP\/1\.1 404 /);
});

test("woshou serve: a refused handshake is told to the page that made it, and on no terminal", async () => {
  const cli = await spawnCli();
  await using _cli = cli;
  const text = request({ Origin: "https://foreign.example" }, `GET /?page=${ID} HTTP/1.1`);
  const response = await exchange(cli.port, text);
  const asked = await exchange(cli.port, get(`/handshake?page=${ID}`, { Accept: "application/json" }));
  const record = JSON.parse(bodyOf(asked));
  assert.deepEqual([record.outcome, record.request, record.response], ["refused", text, response]);
  assert.deepEqual([record.refusal.status, record.refusal.code], [403, "origin-not-allowed"]);
  cli.signal("SIGKILL");
  const { stdout, stderr } = await cli.ended;
  assert.deepEqual([stdout, stderr], [`${cli.line}\n`, ""]);
});

test("woshou serve --verbose: each opening handshake is a line on stderr", async () => {
  await using cli = await spawnCli(["--verbose"]);
  await (await connect(cli.url)).close();
  await exchange(cli.port, request({ "Sec-WebSocket-Version": "12" }));
  cli.signal("SIGKILL");
  const lines = (await cli.ended).stderr.split("\n");
  assert.equal(lines[0], "accepted: 127.0.0.1");
  assert.match(lines[1] ?? "", /^refused: 127\.0\.0\.1 426 version-unsupported: /);
  assert.equal(lines.length, 3);
});

test("woshou serve --protocol: the server's first that the client offers; none in common is refused", async () => {
  await using cli = await spawnCli(["--protocol", "chat.v2", "--protocol", "chat.v1"]);
  const socket = await connect(cli.url, { protocols: ["chat.v1", "chat.v2"] });
  assert.equal(socket.protocol, "chat.v2");
  await socket.close();
  const { status, body } = await failureOf(connect(cli.url, { protocols: ["tea.v1"] }));
  assert.equal(status, 400);
  assert.match(body ?? "", /subprotocol-unsupported/);
});

test("woshou serve --origin: pages of these origins, and of no others", async () => {
  await using cli = await spawnCli(["--origin", "https://app.example", "--origin", "https://*.example.com"]);
  for (const origin of ["https://app.example", "https://a.example.com"]) {
    await (await connect(cli.url, { headers: { origin } })).close();
  }
  for (const origin of ["https://other.example", `http://127.0.0.1:${cli.port}`]) {
    assert.equal((await failureOf(connect(cli.url, { headers: { origin } }))).status, 403);
  }
});

test("woshou serve --origin any: pages of every origin", async () => {
  await using cli = await spawnCli(["--origin", "any"]);
  await (await connect(cli.url, { headers: { origin: "https://anything.example" } })).close();
});

test("woshou serve --allow-host: these names beside the loopback ones", async () => {
  await using cli = await spawnCli(["--allow-host", "dev.example"]);
  for (
    const [host, status] of [["dev.example", 101], ["localhost", 101], ["rebound.example", 421]] as const
  ) {
    const peer = await dial(cli.port);
    peer.write(request({ Host: `${host}:${cli.port}` }));
    assert.ok((await peer.until("\r\n\r\n")).startsWith(`HTTP/1.1 ${status} `), host);
    await peer.destroy();
  }
});

test("woshou serve --max-message-size: that much comes back, more closes with 1009", async () => {
  await using cli = await spawnCli(["--max-message-size", "10"]);
  const socket = await connect(cli.url);
  socket.send("0123456789");
  assert.equal(await next(socket), "0123456789");
  socket.send("0123456789a");
  assert.equal((await socket.closed).code, 1009);
});

test("woshou serve --max-message-size: a message larger than the usual buffers comes back too", async () => {
  const size = 20 * 1024 * 1024;
  await using cli = await spawnCli(["--max-message-size", String(size)]);
  const socket = await connect(cli.url, { maxMessageSize: size, maxBufferedAmount: 2 * size });
  socket.send(new Uint8Array(size).fill(7));
  const echo = await next(socket);
  assert.ok(echo instanceof Uint8Array && echo.length === size && echo.every((byte) => byte === 7));
  await socket.close();
});

test("woshou serve --handshake-timeout: half a request is refused when the time is over", async () => {
  await using cli = await spawnCli(["--handshake-timeout", "50"]);
  assert.match(await exchange(cli.port, "GET / HTTP/1.1\r\n"), /^HTTP\/1\.1 408 Request Timeout\r\n/);
});

test("woshou serve --broadcast: each message goes to every connection, the sender's own included", async () => {
  await using cli = await spawnCli(["--broadcast"]);
  const sockets = await Promise.all([connect(cli.url), connect(cli.url), connect(cli.url)]);
  const sent = ["你好", new Uint8Array([0, 255])];
  for (const message of sent) sockets[0]!.send(message);
  for (const socket of sockets) {
    assert.equal(await next(socket), sent[0]);
    assert.deepEqual(new Uint8Array(await next(socket) as Uint8Array), sent[1]);
  }
  for (const socket of sockets) await socket.close();
});

test("woshou serve --idle-timeout: a connection without messages is closed with 1000", async () => {
  await using cli = await spawnCli(["--idle-timeout", "50"]);
  const { code, reason, initiator } = await (await connect(cli.url)).closed;
  assert.deepEqual([code, reason, initiator], [1000, "idle", "remote"]);
});

test("woshou serve: a port in use is one sentence and exit code 1", async () => {
  await using cli = await spawnCli();
  const { code, stdout, stderr } = await runCli(["serve", "--port", String(cli.port)]);
  assert.deepEqual([code, stdout], [1, ""]);
  assert.match(
    stderr,
    /^woshou: Cannot listen on 127\.0\.0\.1:\d+: something listens there already\.[^\n]*\n$/,
  );
});

if (process.platform === "win32") {
  skip("woshou serve: signals", "Windows ends a process without asking it");
} else {
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    test(`woshou serve: ${signal} closes every connection with 1001 and ends with exit code 0`, async () => {
      await using cli = await spawnCli();
      const sockets = await Promise.all([connect(cli.url), connect(cli.url)]);
      cli.signal(signal);
      for (const socket of sockets) {
        const { code, wasClean, initiator } = await socket.closed;
        assert.deepEqual([code, wasClean, initiator], [1001, true, "remote"]);
      }
      const { code, stdout, stderr } = await cli.ended;
      assert.deepEqual([code, stdout, stderr], [0, `${cli.line}\n`, ""]);
    });
  }

  test("woshou serve: the second signal does not wait for a peer that is silent", async () => {
    await using cli = await spawnCli(["--close-timeout", "600000"]);
    const peer = await dial(cli.port);
    peer.write(request());
    await peer.until("\r\n\r\n");
    cli.signal("SIGTERM");
    await peer.until("\x88\x02\x03\xe9");
    cli.signal("SIGTERM");
    assert.equal((await cli.ended).code, 143);
    await peer.destroy();
  });

  test("woshou serve --close-timeout: a silent peer holds up the end no longer than that", async () => {
    await using cli = await spawnCli(["--close-timeout", "50"]);
    const peer = await dial(cli.port);
    peer.write(request());
    await peer.until("\r\n\r\n");
    cli.signal("SIGTERM");
    await peer.until("\x88\x02\x03\xe9");
    assert.equal((await cli.ended).code, 0);
    await peer.destroy();
  });
}
