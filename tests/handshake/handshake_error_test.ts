import assert from "node:assert/strict";
import { test } from "../harness.ts";
import { HandshakeError } from "../../src/handshake/handshake_error.ts";
import { HeaderFields } from "../../src/http/header_fields.ts";
import { WebSocketError } from "../../src/protocol/errors.ts";

test("RFC 6455, section 4.1: a failed handshake tells all that is known about it", () => {
  const headers = new HeaderFields();
  headers.append("content-type", "text/plain");
  const cause = new Error("beneath");
  const error = new HandshakeError("It failed.", {
    step: "response",
    reason: "unexpected-status",
    section: "RFC 6455, section 4.1",
    status: 403,
    headers,
    body: "no",
    cause,
  });
  assert.ok(error instanceof Error);
  assert.ok(error instanceof WebSocketError);
  assert.equal(error.name, "HandshakeError");
  assert.equal(error.code, "handshake-failed");
  assert.equal(error.message, "It failed.");
  assert.equal(error.step, "response");
  assert.equal(error.reason, "unexpected-status");
  assert.equal(error.section, "RFC 6455, section 4.1");
  assert.equal(error.status, 403);
  assert.deepEqual([...error.headers!], [["content-type", "text/plain"]]);
  assert.equal(error.body, "no");
  assert.equal(error.cause, cause);
});

test("RFC 6455, section 4.1: what is not known stays away", () => {
  const error = new HandshakeError("It failed.", { step: "connect", reason: "ECONNREFUSED" });
  assert.equal(error.step, "connect");
  assert.equal(error.reason, "ECONNREFUSED");
  for (const name of ["section", "status", "headers", "body"] as const) assert.equal(error[name], undefined);
  assert.equal(Object.hasOwn(error, "cause"), false, "no cause is no property");
});
