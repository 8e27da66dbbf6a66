/** The suite's own inflater: it must take what is right, and must not be as lenient as zlib. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { constants, deflateRawSync } from "node:zlib";
import { test } from "../harness.ts";
import { Deflate } from "./deflate.ts";
import { agreedByServer, answerTo, offersOf } from "./extension.ts";
import { Inflater } from "./inflater.ts";
import { materials, stretches } from "./materials.ts";
import { randomNumbers } from "./splitter.ts";

const hex = (digits: string): Uint8Array => Buffer.from(digits, "hex");
const readable = (bytes: Uint8Array): string => Buffer.from(bytes).toString();
const alone = (windowBits: number): Inflater => new Inflater({ windowBits, takeover: false });

test("The suite's inflater reads the examples of RFC 7692, section 7.2.3", () => {
  const inflater = new Inflater({ windowBits: 15, takeover: true });
  const examples = [
    "f248cdc9c90700",
    "f200110000",
    "000500faff48656c6c6f00",
    "f348cdc9c9070000",
    "f24805000000ffffcac9c90700",
  ];
  for (const example of examples) assert.equal(readable(inflater.inflate(hex(example))), "Hello", example);
  assert.equal(readable(inflater.inflate(hex("00"))), "");
});

test("The suite's inflater reads what zlib makes of every kind of data, with every window and level", async () => {
  const random = randomNumbers(1);
  for (let windowBits = 9; windowBits <= 15; windowBits++) {
    for (const takeover of [true, false]) {
      const terms = { windowBits, takeover };
      const deflate = new Deflate({ sending: terms, receiving: terms });
      for (const material of materials) {
        for (const data of stretches(material, Math.floor(1 + random() * 20_000), 3)) {
          assert.ok(Buffer.from(data).equals(deflate.inflate(await deflate.compress(data))), material.name);
        }
      }
      deflate.close();
    }
  }
  const data = materials[0]!.bytes().subarray(0, 10_000);
  for (let level = 0; level <= 9; level++) {
    const whole = deflateRawSync(data, { level, finishFlush: constants.Z_SYNC_FLUSH });
    assert.ok(Buffer.from(data).equals(alone(15).inflate(whole.subarray(0, -4))), `level ${level}`);
  }
});

test("The suite's inflater takes no distance beyond the window, though the bytes are at hand", () => {
  const random = randomNumbers(2);
  const farApart = (gap: number): Uint8Array => {
    // Of few letters, or zlib would store it as it is, and the end with it.
    const noise = Uint8Array.from({ length: gap }, () => 0x41 + random() * 26);
    const data = Buffer.concat([Buffer.from("the same again"), noise, Buffer.from("the same again")]);
    return deflateRawSync(data, { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4);
  };
  for (const windowBits of [9, 10, 12, 14]) {
    const payload = farApart(2 ** windowBits);
    assert.throws(() => alone(windowBits).inflate(payload), /beyond the window/);
    assert.doesNotThrow(() => alone(windowBits + 1).inflate(payload));
  }
});

test("The suite's inflater takes no reference to a message before, where none is agreed", () => {
  const inflater = alone(15);
  assert.equal(readable(inflater.inflate(hex("f248cdc9c90700"))), "Hello");
  assert.throws(() => inflater.inflate(hex("f200110000")), /before the first byte/);
});

test("The suite's inflater takes no message whose tail stands, that is cut short, or that has no block", () => {
  for (const payload of ["f248cdc9c907000000ffff", "f248cdc9c9", "", "f248cdc9c9070000", "07"]) {
    assert.throws(() => alone(15).inflate(hex(payload)), Error, payload);
  }
});

const LAWFUL = "permessage-deflate; server_no_context_takeover; server_max_window_bits=9";

test("RFC 7692, section 7.1: the suite takes no answer that is wrong, or less than what it asked", () => {
  const asked = [{ noContextTakeover: true, windowBits: 9 }];
  assert.deepEqual(agreedByServer(asked, LAWFUL), {
    sending: { takeover: true, windowBits: 15 },
    receiving: { takeover: false, windowBits: 9 },
  });
  for (
    const wrong of [
      "",
      "permessage-deflate",
      "permessage-deflate; server_no_context_takeover",
      "permessage-deflate; server_max_window_bits=9",
      "permessage-deflate; server_no_context_takeover; server_max_window_bits=10",
      `${LAWFUL}, permessage-deflate`,
      `${LAWFUL}; server_no_context_takeover`,
      `${LAWFUL}; client_max_window_bits`,
      `${LAWFUL}; client_max_window_bits=7`,
      `${LAWFUL}; client_no_context_takeover=1`,
      `${LAWFUL}; mine`,
      "x-webkit-deflate-frame",
    ]
  ) assert.throws(() => agreedByServer(asked, wrong), Error, wrong);
});

test("RFC 7692, section 7.1: the suite answers an offer with the first of its wishes that the offer allows", () => {
  const asked = [{ noContextTakeover: true, windowBits: 9 }, { noContextTakeover: true }, {}];
  const answers: [string, string][] = [
    [
      "permessage-deflate; client_max_window_bits",
      "permessage-deflate; server_no_context_takeover; server_max_window_bits=9; client_no_context_takeover; " +
      "client_max_window_bits=9",
    ],
    [
      "permessage-deflate; client_max_window_bits=8; server_no_context_takeover",
      "permessage-deflate; server_no_context_takeover; server_max_window_bits=9; client_no_context_takeover; " +
      "client_max_window_bits=8",
    ],
    [
      "permessage-deflate; server_max_window_bits=12",
      "permessage-deflate; server_no_context_takeover; server_max_window_bits=12; client_no_context_takeover",
    ],
  ];
  for (const [offer, answer] of answers) assert.equal(answerTo(asked, offer).answer, answer);
  assert.equal(answerTo([{}], "permessage-deflate; client_no_context_takeover").receiving.takeover, false);
  assert.throws(() => answerTo([{ windowBits: 9 }], "permessage-deflate"), /does not offer/);
  assert.throws(() => answerTo([{}], ""), /offers no/);
  assert.equal(
    offersOf([{ noContextTakeover: true, windowBits: 9 }, {}]),
    "permessage-deflate; client_max_window_bits; client_no_context_takeover; server_no_context_takeover; " +
      "server_max_window_bits=9, permessage-deflate; client_max_window_bits",
  );
});
