/** One answer of a server must not end the process of its client: advisories of that class, against the whole stack. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer as createTlsServer } from "node:tls";
import { connect, HandshakeError, ProtocolError } from "../../mod.ts";
import { tls } from "../fixtures.ts";
import { test } from "../harness.ts";
import { RawServer } from "../raw_peer.ts";
import { acceptance, attackClient, BINARY, failClient, rejection, serverFrame, TEXT } from "./support.ts";

test("CVE-2026-1528 (undici): a server's 64-bit lengths fail a client's connection, and nothing else", async () => {
  const cases: [length: bigint, code: number][] = [
    [2n ** 31n, 1009],
    [2n ** 32n + 5n, 1009],
    [2n ** 53n - 1n, 1009],
    [2n ** 53n, 1009],
    [2n ** 63n - 1n, 1009],
    [2n ** 63n, 1002],
    [2n ** 64n - 1n, 1002],
  ];
  for (const [length, code] of cases) {
    for (const opcode of [TEXT, BINARY]) {
      const { close, frames, messages } = await attackClient(serverFrame({ opcode, length, form: 64 }));
      assert.ok(close.error instanceof ProtocolError);
      assert.equal(close.error.statusCode, code, `a length of ${length}`);
      assert.deepEqual([close.code, frames.length, messages], [1006, 1, []]);
    }
  }
});

test("CVE-2026-2229 (undici): window bits that a server must not answer fail the handshake", async () => {
  const values = ["1000", "7", "16", "0", "-8", "010", "0xf", "1e1", "15.0", '""', "9".repeat(400), " "];
  for (const side of ["server", "client"]) {
    for (const value of values) {
      const line = `Sec-WebSocket-Extensions: permessage-deflate; ${side}_max_window_bits=${value}\r\n`;
      const compressed = serverFrame({ opcode: TEXT, rsv: 4, payload: Uint8Array.of(0xf2, 0x48, 0) });
      const error = await failClient((request) => acceptance(request, line) + compressed, {
        compression: true,
      });
      assert.match(error.reason, /^extension-(parameters|malformed)$/, line);
    }
  }
});

test("Deno issue 36327: a client offers and speaks HTTP/1.1 alone, whatever the server would like", async () => {
  const firstBytes: string[] = [];
  const protocols: unknown[] = [];
  const server = createTlsServer(
    { cert: tls.cert, key: tls.key, ALPNProtocols: ["h2", "http/1.1"] },
    (socket) => {
      protocols.push(socket.alpnProtocol);
      socket.on("error", () => {});
      socket.once("data", (data: Uint8Array) => {
        firstBytes.push(String.fromCharCode(...data.subarray(0, 3)));
        // PUSH_PROMISE and two interim responses, as HTTP/2 frames.
        socket.end(
          "\0\0\x04\x05\x04\0\0\0\x01\0\0\0\x02" + "\0\0\x01\x01\x04\0\0\0\x01\x88".repeat(2),
          "latin1",
        );
      });
    },
  );
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  const error = await rejection(connect(`wss://127.0.0.1:${port}/`, { tls: { ca: tls.ca } }));
  assert.ok(error instanceof HandshakeError);
  assert.equal(error.reason, "response-malformed");
  assert.deepEqual([firstBytes, protocols], [["GET"], ["http/1.1"]]);
  server.close();
  await once(server, "close");
});

test("the class of CVE-2026-1528 (undici): a response whose Content-Length is no length fails the handshake, and nothing else", async () => {
  for (
    const length of [
      "-1",
      "-5",
      "-1e9",
      "1.5",
      "-0.5",
      "0x10",
      "1e400",
      "-Infinity",
      "NaN",
      "",
      "9".repeat(400),
    ]
  ) {
    for (const body of ["", "not here", "x".repeat(5000)]) {
      const error = await failClient(
        `HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\nContent-Length: ${length}\r\n\r\n${body}`,
      );
      assert.deepEqual([error.reason, error.status], ["unexpected-status", 404], length);
      assert.ok((error.body ?? "").length <= 4096);
    }
  }
});

test("the class of CVE-2026-1528 (undici): a proxy's Content-Length that is no length fails the handshake, and nothing else", async () => {
  for (const length of ["-1", "-5", "1.5", "NaN"]) {
    await using proxy = await RawServer.listen(async (peer) => {
      await peer.until("\r\n\r\n");
      peer.write(`HTTP/1.1 407 Who are you\r\nContent-Length: ${length}\r\n\r\nbody`);
      peer.end();
    });
    const error = await rejection(connect("ws://a.example/", { proxy: `http://127.0.0.1:${proxy.port}` }));
    assert.ok(error instanceof HandshakeError);
    assert.deepEqual([error.step, error.status], ["proxy", 407]);
  }
});

test("the class of CVE-2026-1528 (undici): whatever a server answers, a client's handshake fails with a reason", async () => {
  const answers: [answer: string | ((request: string) => string), reason: string][] = [
    ["", "response-truncated"],
    ["\0", "response-malformed"],
    ["HTTP/1.1 101\r\n\r\n", "upgrade-missing"],
    ["HTTP/1.1 1e2 OK\r\n\r\n", "response-malformed"],
    ["HTTP/1.1 99999 OK\r\n\r\n", "response-malformed"],
    ["HTTP/1.1 -20 OK\r\n\r\n", "response-malformed"],
    ["HTTP/2.0 101 OK\r\n\r\n", "response-malformed"],
    ["HTTP/1.1 200 OK\r\n: x\r\n\r\n", "response-malformed"],
    ["HTTP/1.1 200 OK\r\n x\r\n\r\n", "response-malformed"],
    ["HTTP/1.1 100 Continue\r\n\r\n".repeat(10_000), "response-malformed"],
    ["HTTP/1.1 200 OK\r\n" + "a: b\r\n".repeat(101) + "\r\n", "response-malformed"],
    ["HTTP/1.1 200 OK\r\na: " + "b".repeat(20_000) + "\r\n\r\n", "response-malformed"],
    ["HTTP/1.1 302 Found\r\nLocation: \xff\r\n\r\n", "unexpected-status"],
    [(request) => acceptance(request).replace("Accept: ", "Accept: x"), "accept-mismatch"],
    [(request) => acceptance(request, "Sec-WebSocket-Protocol: __proto__\r\n"), "subprotocol-not-offered"],
    [(request) => acceptance(request, "Sec-WebSocket-Extensions: constructor\r\n"), "extension-not-offered"],
    [(request) => acceptance(request, 'Sec-WebSocket-Extensions: a; b="\r\n'), "extension-malformed"],
  ];
  for (const [answer, reason] of answers) {
    assert.equal((await failClient(answer)).reason, reason, String(answer).slice(0, 60));
  }
});

test("CVE-2026-21637 (Node): a client that is given garbage for TLS fails with a reason", async () => {
  for (
    const bytes of [
      "\x16\x03\x03\xff\xff" + "x".repeat(70_000),
      "\x15\x03\x03\0\x02\x02\x28",
      "HTTP/1.1 400 No\r\n\r\n",
    ]
  ) {
    await using server = await RawServer.listen(async (peer) => {
      await peer.until("\x16");
      peer.write(bytes);
      peer.end();
    });
    const error = await rejection(connect(`wss://127.0.0.1:${server.port}/`, { tls: { ca: tls.ca } }));
    assert.ok(error instanceof HandshakeError);
    assert.equal(error.step, "connect");
  }
});
