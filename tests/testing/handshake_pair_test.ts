/** The opening handshake in memory. */
import assert from "node:assert/strict";
import { HandshakeError } from "../../mod.ts";
import { handshakePair } from "../../src/testing/mod.ts";
import { test } from "../harness.ts";

test("handshakePair() opens by a real handshake, on any network", async () => {
  for (const split of ["bytes", 7, { seed: 5 }, undefined] as const) {
    await using ends = await handshakePair({
      client: { url: "ws://localhost/room?id=4", protocols: "chat", headers: { authorization: "Bearer x" } },
      server: {
        protocols: ["chat"],
        upgrade: ({ headers }) => ({ data: headers.get("authorization") }),
      },
      network: split === undefined ? {} : { split },
    });
    assert.equal(ends.client.protocol, "chat");
    assert.equal(ends.server.protocol, "chat");
    assert.equal(ends.server.data, "Bearer x");
    assert.equal(ends.server.request?.url, "http://localhost/room?id=4");
    ends.client.send("hello");
    for await (const message of ends.server) {
      assert.equal(message, "hello");
      break;
    }
    assert.ok((await ends.client.close(1000)).wasClean);
  }
});

test("handshakePair() gives the server's end to the handler, and holds each end to its options", async () => {
  const ends = await handshakePair({
    handler: (socket) => void socket.send("x".repeat(20)),
    client: { maxMessageSize: 10 },
  });
  assert.equal((await ends.server.closed).code, 1009);
  await ends.client.closed;
  await assert.rejects(handshakePair({ client: { maxMessageSize: 0 } }), RangeError);
});

test("handshakePair() rejects as connect() does: with the refusal, or what broke", async () => {
  const refused = handshakePair({
    server: { upgrade: () => new Response("Sign in first", { status: 401 }) },
  });
  await assert.rejects(refused, (error: unknown) => {
    assert.ok(error instanceof HandshakeError);
    assert.deepEqual([error.status, error.body], [401, "Sign in first"]);
    return true;
  });
  await assert.rejects(handshakePair({ server: { hosts: ["example.com"] } }), HandshakeError);
  const broken = handshakePair({ network: { toServer: { alter: (piece) => void piece.fill(0) } } });
  await assert.rejects(broken, HandshakeError);
  await assert.rejects(
    handshakePair({ server: { handshakeTimeout: 5, upgrade: () => new Promise<void>(() => {}) } }),
    HandshakeError,
  );
  await assert.rejects(handshakePair({ client: { protocols: ["not a token"] } }), SyntaxError);
});

test("handshakePair() leaves nothing behind when it gives up on a network that delivers nothing", async () => {
  // The server's end has a deadline running, which Deno's sanitizer would find.
  const controller = new AbortController();
  const opening = handshakePair({
    client: { signal: controller.signal },
    network: {
      delay() {
        controller.abort(new Error("enough"));
        return new Promise(() => {});
      },
    },
  });
  await assert.rejects(opening, /enough/);
});

test("handshakePair() gives up when the signal is aborted", async () => {
  const controller = new AbortController();
  const reason = new Error("enough");
  const opening = handshakePair({
    server: { upgrade: () => new Promise<void>(() => {}) },
    client: { signal: controller.signal },
  });
  controller.abort(reason);
  await assert.rejects(opening, (error: unknown) => error === reason);
  await assert.rejects(
    handshakePair({ client: { signal: controller.signal } }),
    (error: unknown) => error === reason,
  );
});
