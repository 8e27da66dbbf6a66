import { deepEqual, equal, ok } from "node:assert/strict";
import { test } from "../harness.ts";
import {
  type Close,
  ConnectionClosedError,
  ProtocolError,
  WebSocketError,
} from "../../src/protocol/errors.ts";

test("RFC 6455, section 7.1.7: a ProtocolError tells the rule that was broken", () => {
  const error = new ProtocolError(1002, "RFC 6455, section 5.1", "A client's frame is not masked.");
  ok(error instanceof WebSocketError && error instanceof Error);
  const { name, code, statusCode, section, message } = error;
  deepEqual([name, code, statusCode], ["ProtocolError", "protocol-error", 1002]);
  deepEqual([section, message], ["RFC 6455, section 5.1", "A client's frame is not masked."]);
});

test("RFC 6455, section 7.1.5: a ConnectionClosedError tells how the connection ended", () => {
  const cause = new Error("reset");
  const close: Close = { code: 1006, reason: "", wasClean: false, initiator: "remote", error: cause };
  const error = new ConnectionClosedError("Cannot send.", close);
  ok(error instanceof WebSocketError && error instanceof Error);
  deepEqual([error.name, error.code, error.message], [
    "ConnectionClosedError",
    "connection-closed",
    "Cannot send.",
  ]);
  equal(error.close, close);
  equal(error.cause, cause);
});

test("RFC 6455, section 7.1.3: while the connection is closing there is nothing to tell yet", () => {
  const closing = new ConnectionClosedError("Cannot send.");
  equal(closing.close, undefined);
  equal("cause" in closing, false);
  const clean: Close = { code: 1000, reason: "", wasClean: true, initiator: "local" };
  equal("cause" in new ConnectionClosedError("Cannot send.", clean), false);
});
