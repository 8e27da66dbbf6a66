import assert from "node:assert/strict";
import { test } from "../harness.ts";
import { ClientHandshake } from "../../src/handshake/client_handshake.ts";
import { assertAwaited, bytesOf, clientOptions, excerpt, received, response } from "./support.ts";

const CONTINUE = "HTTP/1.1 100 Continue\r\n\r\n";
const HINTS = "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\nUpgrade: x\r\n\r\n";

test("RFC 9110, section 15.2: interim responses before the 101 are passed over", () => {
  for (
    const interim of [
      CONTINUE,
      HINTS,
      "HTTP/1.1 102\r\n\r\n",
      "HTTP/1.1 199 x\r\n\r\n",
      CONTINUE + HINTS,
      CONTINUE.repeat(5),
      `\r\n${CONTINUE}\r\n`,
    ]
  ) {
    const { outcome, rest } = received(`${interim}${response()}\x81\x00`);
    assert.equal(outcome.kind, "open", excerpt(interim));
    assert.equal(outcome.head?.headers.get("link"), undefined, "fields do not leak into the next head");
    assert.equal(outcome.head?.headers.size, 3);
    assert.equal(rest, "\x81\x00");
  }
});

test("RFC 9110, section 15.2: interim responses before a refusal, and before nonsense, change neither", () => {
  const refused = received(`${CONTINUE}HTTP/1.1 403 Forbidden\r\n\r\nno`);
  assert.ok(refused.outcome.kind === "failed");
  assert.equal(refused.outcome.failure.code, "unexpected-status");
  assert.equal(refused.rest, "no");
  const malformed = received(`${CONTINUE}nonsense\r\n`);
  assert.ok(malformed.outcome.kind === "failed");
  assert.equal(malformed.outcome.failure.code, "response-malformed");
  assertAwaited(CONTINUE + HINTS);
});

test("RFC 6455, section 4.1: 101 is final, whatever follows it", () => {
  const { outcome, rest } = received(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n${response()}`,
  );
  assert.ok(outcome.kind === "failed");
  assert.equal(outcome.failure.code, "upgrade-missing");
  assert.equal(rest?.startsWith("HTTP/1.1 101"), true);
});

test("RFC 6585, section 5: interim responses and the final one share the limit of size", () => {
  const final = response().length - "{ACCEPT}".length + 28;
  const size = CONTINUE.length + HINTS.length + final;
  const read = (maxHeadSize: number) =>
    received(CONTINUE + HINTS + response() + "\x81\x00", { limits: { maxHeadSize, maxHeaders: 5 } });
  assert.equal(read(size).outcome.kind, "open");
  const less = read(size - 1);
  assert.ok(less.outcome.kind === "failed");
  assert.equal(less.outcome.failure.code, "response-malformed");
  assert.equal(less.decidedAt, size);
});

test("RFC 6585, section 5: interim responses and the final one share the limit of header lines", () => {
  const read = (maxHeaders: number) =>
    received(HINTS + HINTS + response(), { limits: { maxHeadSize: 10_000, maxHeaders } }).outcome;
  assert.equal(read(7).kind, "open");
  const less = read(6);
  assert.ok(less.kind === "failed");
  assert.match(less.failure.message, /maxHeaders/);
});

test("RFC 6585, section 5: an endless run of interim responses stops at the limit", () => {
  const handshake = new ClientHandshake(clientOptions({ limits: { maxHeadSize: 1000, maxHeaders: 10 } }));
  let sent = 0;
  let outcome: string | undefined;
  while (outcome === undefined && sent < 100_000) {
    outcome = handshake.receive(bytesOf(CONTINUE))?.outcome.kind;
    sent += CONTINUE.length;
  }
  assert.equal(outcome, "failed", `${sent} bytes of interim responses and no end`);
  assert.ok(sent <= 1000 + CONTINUE.length, `${sent} bytes`);
});

test("RFC 6455, section 4.1: a connection that ends behind an interim response ends in the middle", () => {
  const handshake = new ClientHandshake(clientOptions());
  handshake.receive(bytesOf(CONTINUE));
  const { failure } = handshake.receiveEnd();
  assert.equal(failure.code, "response-truncated");
  assert.match(failure.message, /in the middle of its response/);
});
