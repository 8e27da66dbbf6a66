import { deepEqual, equal, match, ok, throws } from "node:assert/strict";
import { test } from "../harness.ts";
import { encodeClosePayload, MAX_REASON_SIZE, parseClosePayload } from "../../src/protocol/close_payload.ts";
import { ProtocolError } from "../../src/protocol/errors.ts";
import { bytesOf, fromHex, hex } from "./frames.ts";
import { INVALID, TRUNCATED, VALID } from "./utf8_vectors.ts";

const NEVER_SENT = [
  0,
  1,
  999,
  1004,
  1005,
  1006,
  1015,
  1016,
  1999,
  2000,
  2999,
  5000,
  65535,
  66536,
  -1,
  1000.5,
  NaN,
];

function refused(payload: Uint8Array, statusCode: number, section: string, message: RegExp): void {
  const error = parseClosePayload(payload);
  ok(error instanceof ProtocolError, "accepted");
  equal(error.statusCode, statusCode);
  equal(error.section, `RFC 6455, section ${section}`);
  match(error.message, message);
}

test("RFC 6455, section 7.1.5: an empty payload stands for 1005", () => {
  deepEqual(parseClosePayload(new Uint8Array(0)), { code: 1005, reason: "" });
});

test("RFC 6455, section 5.5.1: one byte is no status code", () => {
  for (const byte of [0, 3, 0x7f, 0xff]) refused(Uint8Array.of(byte), 1002, "5.5.1", /one byte/);
});

test("RFC 6455, section 7.4: of all codes up to 5000 and beyond only the legal ones are accepted", () => {
  for (const code of [...Array(5003).keys(), 0x7fff, 0x8000, 0xffff]) {
    const payload = Uint8Array.of(code >> 8, code & 255);
    const legal = (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
      (code >= 3000 && code <= 4999);
    if (legal) deepEqual(parseClosePayload(payload), { code, reason: "" });
    else refused(payload, 1002, "7.4", new RegExp(`\\b${code}\\b`));
  }
});

test("RFC 6455, section 5.5.1: a reason is UTF-8, and its BOM is kept", () => {
  for (const [reason, digits] of VALID) {
    deepEqual(parseClosePayload(bytesOf([0x03, 0xe8], fromHex(digits))), { code: 1000, reason });
  }
  const longest = "é".repeat(61) + "!";
  deepEqual(parseClosePayload(bytesOf([0x0f, 0xa0], longest)), { code: 4000, reason: longest });
});

test("RFC 6455, section 5.5.1: a reason that is not UTF-8 is refused with 1007", () => {
  for (const digits of [...INVALID.map(([, digits]) => digits), ...TRUNCATED]) {
    refused(bytesOf([0x03, 0xe8], "why ", fromHex(digits)), 1007, "5.5.1", /not UTF-8/);
  }
});

test("RFC 6455, section 7.4: a code that is not legal outweighs a reason that is not UTF-8", () => {
  refused(fromHex("03edff"), 1002, "7.4", /1005/);
});

test("RFC 6455, section 5.5.1: without a code the payload is empty", () => {
  for (const role of ["client", "server"] as const) {
    deepEqual(encodeClosePayload(undefined, "", role), new Uint8Array(0));
    throws(() => encodeClosePayload(undefined, "why", role), (error) => {
      ok(error instanceof RangeError);
      match(error.message, /without a status code.*1000/);
      return true;
    });
  }
});

test("RFC 6455, section 7.4.1: codes that must not be sent are refused by name", () => {
  for (const role of ["client", "server"] as const) {
    for (const code of role === "server" ? [...NEVER_SENT, 1010] : NEVER_SENT) {
      throws(() => encodeClosePayload(code, "", role), (error) => {
        ok(error instanceof RangeError);
        match(error.message, new RegExp(`status code ${code}: use 1000`));
        return true;
      });
    }
  }
});

test("RFC 6455, section 7.4: all other codes are sent with the highest byte first", () => {
  equal(hex(encodeClosePayload(1010, "", "client")), "03f2");
  for (
    const code of [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999]
  ) {
    for (const role of ["client", "server"] as const) {
      const expected = code.toString(16).padStart(4, "0");
      equal(hex(encodeClosePayload(code, "", role)), expected);
      equal(hex(encodeClosePayload(code, "é", role)), `${expected}c3a9`);
    }
  }
});

test("RFC 6455, section 5.5: a reason of 123 bytes fits, counted in UTF-8", () => {
  equal(MAX_REASON_SIZE, 123);
  for (const reason of ["a".repeat(123), "é".repeat(61) + "a", "\u{1f600}".repeat(30) + "abc"]) {
    equal(hex(encodeClosePayload(1000, reason, "server")), hex(bytesOf([0x03, 0xe8], reason)));
  }
  for (
    const [reason, size] of [["a".repeat(124), 124], ["é".repeat(62), 124], [
      "\u20ac".repeat(42),
      126,
    ]] as const
  ) {
    throws(() => encodeClosePayload(1000, reason, "server"), (error) => {
      ok(error instanceof RangeError);
      match(error.message, new RegExp(`reason of ${size} bytes: at most 123`));
      return true;
    });
  }
});

test("RFC 6455, section 5.5.1: what is encoded is read back", () => {
  for (const reason of ["", "bye", "\ufeffΣ", "x".repeat(123)]) {
    deepEqual(parseClosePayload(encodeClosePayload(4321, reason, "client")), { code: 4321, reason });
  }
  deepEqual(parseClosePayload(encodeClosePayload(1000, "\ud800", "client")), {
    code: 1000,
    reason: "\ufffd",
  });
});
