import { deepEqual, equal } from "node:assert/strict";
import { test } from "../harness.ts";
import * as codes from "../../src/protocol/status_code.ts";

const { mayBeReceived, mayBeSent } = codes;

/** The RFC's own and those registered after it, without the three that never go over the wire. */
const REGISTERED = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014];

function legal(code: number): boolean {
  return REGISTERED.includes(code) || (code >= 3000 && code < 5000);
}

test("RFC 6455, section 7.4.1: the codes have the registry's values", () => {
  const values = Object.values(codes).filter((value) => typeof value === "number");
  deepEqual(values.sort(), [...REGISTERED, 1005, 1006].sort());
  deepEqual([codes.NORMAL_CLOSURE, codes.GOING_AWAY, codes.PROTOCOL_ERROR], [1000, 1001, 1002]);
  deepEqual([codes.UNSUPPORTED_DATA, codes.NO_STATUS_RECEIVED, codes.ABNORMAL_CLOSURE], [1003, 1005, 1006]);
  deepEqual([codes.INVALID_PAYLOAD, codes.POLICY_VIOLATION, codes.MESSAGE_TOO_BIG], [1007, 1008, 1009]);
  deepEqual([codes.MANDATORY_EXTENSION, codes.INTERNAL_ERROR], [1010, 1011]);
  deepEqual([codes.SERVICE_RESTART, codes.TRY_AGAIN_LATER, codes.BAD_GATEWAY], [1012, 1013, 1014]);
});

test("RFC 6455, section 7.4: of all 65536 codes only the registered and the private may be received", () => {
  for (let code = 0; code <= 0xffff; code++) equal(mayBeReceived(code), legal(code), `code ${code}`);
});

test("RFC 6455, section 7.4.1: a client may send what may be received, a server all but 1010", () => {
  for (let code = 0; code <= 0xffff; code++) {
    equal(mayBeSent(code, "client"), legal(code), `code ${code}`);
    equal(mayBeSent(code, "server"), legal(code) && code !== 1010, `code ${code}`);
  }
});

test("RFC 6455, section 7.4: what is no integer is never sent", () => {
  for (const code of [1000.5, 3000.1, 4998.999, NaN, Infinity, -Infinity, -1, -1000, 0x10000 + 1000]) {
    equal(mayBeSent(code, "client"), false, `code ${code}`);
    equal(mayBeSent(code, "server"), false, `code ${code}`);
  }
});
