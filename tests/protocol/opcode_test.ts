import { deepEqual, equal } from "node:assert/strict";
import { test } from "../harness.ts";
import {
  BINARY,
  CLOSE,
  CONTINUATION,
  isControl,
  isKnownOpcode,
  PING,
  PONG,
  TEXT,
} from "../../src/protocol/opcode.ts";

const ALL = Array.from({ length: 16 }, (_, opcode) => opcode);

test("RFC 6455, section 5.2: the opcodes have the RFC's values", () => {
  deepEqual([CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG], [0x0, 0x1, 0x2, 0x8, 0x9, 0xa]);
});

test("RFC 6455, section 5.2: opcodes 3 to 7 and 11 to 15 are reserved", () => {
  deepEqual(ALL.filter((opcode) => !isKnownOpcode(opcode)), [3, 4, 5, 6, 7, 11, 12, 13, 14, 15]);
});

test("RFC 6455, section 5.5: control frames have the opcode's highest bit set", () => {
  for (const opcode of ALL) equal(isControl(opcode), opcode >= 8, `opcode ${opcode}`);
});
