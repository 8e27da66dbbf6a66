/** The small parts of the transports: the error codes, the addresses and the queue. */
import { deepEqual, equal, match } from "node:assert/strict";
import { test } from "../harness.ts";
import { bareHost, describeAddress, plainAddress } from "../../src/transport/address.ts";
import { ByteQueue } from "../../src/transport/byte_queue.ts";
import { brokenError, connectError, errorCode, listenError } from "../../src/transport/errors.ts";
import { pattern, PatternReader } from "./support.ts";

function failure(properties: { code?: string; name?: string; message?: string }): Error {
  return Object.assign(new Error(properties.message), properties);
}

test("transport errors: every runtime's word has one code", () => {
  const cases: [Parameters<typeof failure>[0], string][] = [
    [{ code: "ECONNREFUSED" }, "connection-refused"],
    [{ name: "ConnectionRefused" }, "connection-refused"],
    [{ name: "ConnectionReset", code: "ECONNRESET" }, "connection-reset"],
    [{ code: "EPIPE" }, "connection-reset"],
    [{ code: "EAI_AGAIN" }, "host-not-found"],
    [{ message: "failed to lookup address information: Name or service not known" }, "host-not-found"],
    [{ code: "ENETUNREACH" }, "host-unreachable"],
    [{ name: "AddrInUse" }, "address-in-use"],
    [{ code: "ETIMEDOUT" }, "timed-out"],
    [{ name: "NotCapable" }, "permission-denied"],
    [{ code: "DEPTH_ZERO_SELF_SIGNED_CERT" }, "certificate-rejected"],
    [{ code: "ERR_TLS_CERT_ALTNAME_INVALID" }, "certificate-rejected"],
    [{ name: "InvalidData", message: "invalid peer certificate: UnknownIssuer" }, "certificate-rejected"],
    [{ name: "InvalidData", message: "received corrupt message" }, "tls-failed"],
    [{ code: "ERR_SSL_WRONG_VERSION_NUMBER" }, "tls-failed"],
    [{ code: "constructor" }, "failed"],
  ];
  for (const [properties, code] of cases) {
    equal(errorCode(failure(properties)), code, JSON.stringify(properties));
  }
  for (const nothing of [undefined, null, "ECONNRESET", 5]) equal(errorCode(nothing), "failed");
});

test("transport errors: the message says what was tried, where, and what to do", () => {
  const cause = failure({ code: "ECONNREFUSED" });
  const error = connectError(cause, { hostname: "[::1]", port: 80 });
  match(error.message, /^Cannot connect to \[::1\]:80: nothing listens there\. Check .*\.$/);
  equal(error.cause, cause);
  equal(error.name, "TransportError");
  match(listenError(failure({ message: "odd" }), { path: "/x" }).message, /^Cannot listen on \/x: odd$/);
  const secure = { hostname: "::", port: 443, tls: {} };
  equal(listenError(failure({ code: "ERR_OSSL_PEM_NO_START_LINE" }), secure).code, "tls-failed");
  equal(listenError(failure({ code: "EADDRINUSE" }), secure).code, "address-in-use");
  equal(brokenError(error), error);
  equal("cause" in brokenError(undefined, "connection-reset"), false);
});

test("addresses: an IPv4 address is plain, a bare host has no brackets", () => {
  equal(plainAddress("::ffff:192.0.2.1"), "192.0.2.1");
  equal(plainAddress("::FFFF:192.0.2.1"), "192.0.2.1");
  equal(plainAddress("2001:db8::1"), "2001:db8::1");
  equal(plainAddress(undefined), "");
  equal(bareHost("[::1]"), "::1");
  equal(bareHost("localhost"), "localhost");
  equal(describeAddress({ hostname: "::1", port: 1 }), "[::1]:1");
});

test("the byte queue gives everything in order, whatever is consumed at a time", () => {
  const queue = new ByteQueue();
  const reader = new PatternReader();
  let pushed = 0;
  for (let round = 1; round <= 300; round++) {
    const length = round % 50 === 0 ? 200_000 : round * 13 % 997;
    queue.push(pattern(pushed, length));
    pushed += length;
    if (queue.length === 0 || round % 3 !== 0) continue;
    const bytes = queue.peek();
    const taken = bytes.subarray(0, Math.ceil(bytes.length * (round % 7) / 6));
    reader.read(taken);
    queue.consume(taken.length);
    equal(queue.length, pushed - reader.offset);
  }
  while (queue.length > 0) {
    const bytes = queue.peek();
    deepEqual(queue.peek(), bytes);
    reader.read(bytes);
    queue.consume(bytes.length);
  }
  equal(reader.offset, pushed);
  equal(reader.wrong, undefined);
  queue.push(new Uint8Array(3));
  queue.clear();
  equal(queue.length, 0);
});
