import { deepEqual, equal, ok, throws } from "node:assert/strict";
import { test } from "../harness.ts";
import { ConnectionClosedError } from "../../src/protocol/errors.ts";
import type { Protocol } from "../../src/protocol/protocol.ts";
import { bytesOf, hex, noise, show } from "./frames.ts";
import { bothRoles, start } from "./support.ts";

const SIZES = [0, 1, 63, 64, 65, 125, 126, 127, 65535, 65536, 200_001];

bothRoles("5.2", "messages of all sizes go out as one whole frame", (role) => {
  const [protocol, recorder] = start(role);
  for (const size of SIZES) {
    const bytes = noise(size);
    for (const text of ["a".repeat(size), "é".repeat(size)]) {
      equal(protocol.sendText(text), true);
      equal(recorder.log.at(-1), `> text ${show(text)}`);
    }
    equal(protocol.sendBinary(bytes), true);
    equal(recorder.log.at(-1), `> binary ${hex(bytes)}`);
  }
  equal(recorder.sent.length, 3 * SIZES.length);
  equal(recorder.written.length, recorder.sent.length, "one write for each frame");
  ok(recorder.sent.every(({ fin }) => fin));
});

bothRoles("5.1", "the sender's bytes are copied, neither masked in place nor kept", (role) => {
  const [protocol, recorder] = start(role);
  for (const size of [3, 100, 70_000]) {
    const memory = noise(size + 8);
    const bytes = memory.subarray(5, 5 + size);
    const before = hex(memory);
    protocol.sendBinary(bytes);
    equal(hex(memory), before);
    equal(hex(recorder.sent.at(-1)!.payload), hex(bytes));
  }
});

bothRoles("5.5", "pings and pongs carry up to 125 bytes", (role) => {
  const [protocol, { log }] = start(role);
  equal(protocol.sendPing(), true);
  equal(protocol.sendPong(), true);
  deepEqual(log, ["> ping ", "> pong "]);
  for (const size of [0, 1, 125]) {
    protocol.sendPing(noise(size));
    equal(log.at(-1), `> ping ${hex(noise(size))}`);
    protocol.sendPong(noise(size));
    equal(log.at(-1), `> pong ${hex(noise(size))}`);
  }
  const { length } = log;
  for (const size of [126, 65536]) {
    const expected = {
      name: "RangeError",
      message: `Cannot send a control frame of ${size} bytes: at most 125 fit.`,
    };
    throws(() => protocol.sendPing(noise(size)), expected);
    throws(() => protocol.sendPong(noise(size)), expected);
  }
  equal(log.length, length);
  equal(protocol.open, true);
});

bothRoles("5.5.1", "sendClose() with and without code and reason, once", (role) => {
  for (
    const [code, reason, line] of [
      [undefined, undefined, "> close"],
      [1000, undefined, '> close 1000 ""'],
      [4999, "é", '> close 4999 "é"'],
      [1001, "a".repeat(123), `> close 1001 ${JSON.stringify("a".repeat(123))}`],
    ] as const
  ) {
    const [protocol, { log }] = start(role);
    protocol.sendClose(code, reason);
    protocol.sendClose(code, reason);
    protocol.sendClose(1002);
    deepEqual(log, [line]);
  }
});

bothRoles(
  "7.4",
  "sendClose() with what must not be sent throws a RangeError, and changes nothing",
  (role) => {
    const [protocol, { log }] = start(role);
    const codes = [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65536, -1, 1000.5, NaN];
    const check = (): void => {
      for (const code of role === "server" ? [...codes, 1010] : codes) {
        throws(() => protocol.sendClose(code), {
          name: "RangeError",
          message: new RegExp(`status code ${code}: use`),
        });
      }
      throws(() => protocol.sendClose(1000, "é".repeat(62)), {
        name: "RangeError",
        message: /124 bytes: at most 123/,
      });
      throws(() => protocol.sendClose(undefined, "why"), {
        name: "RangeError",
        message: /without a status code/,
      });
    };
    check();
    deepEqual(log, []);
    equal(protocol.open, true);
    protocol.sendClose(1000);
    check();
    deepEqual(log, ['> close 1000 ""']);
  },
);

const SENDS: [string, (protocol: Protocol) => unknown][] = [
  ["message", (protocol) => protocol.sendText("a")],
  ["message", (protocol) => protocol.sendBinary(noise(1))],
  ["ping", (protocol) => protocol.sendPing()],
  ["pong", (protocol) => protocol.sendPong()],
  ["ping", (protocol) => protocol.sendPing(noise(200))],
];

bothRoles("5.5.1", "nothing is sent behind a Close frame: a ConnectionClosedError tells why", (role) => {
  const stages: [string, (protocol: Protocol) => void][] = [
    ["closing", (protocol) => protocol.sendClose(1000)],
    ["closed", (protocol) => protocol.receiveEnd()],
    ["closed", (protocol) => protocol.fail(1011, new Error("no"))],
    ["closed", (protocol) => protocol.abandon("remote", new Error("no"))],
  ];
  for (const [stage, close] of stages) {
    const [protocol, { log }] = start(role);
    close(protocol);
    const { length } = log;
    for (const [what, send] of SENDS) {
      throws(() => send(protocol), (error) => {
        ok(error instanceof ConnectionClosedError);
        equal(error.message, `Cannot send a ${what}: the connection is ${stage}.`);
        return true;
      });
    }
    equal(log.length, length);
  }
});

bothRoles("6.1", "sending answers what the sink's write() answered, and goes on all the same", (role) => {
  const [protocol, recorder] = start(role);
  for (const flowing of [true, false, true, false]) {
    recorder.flowing = flowing;
    equal(protocol.sendText("a"), flowing);
    equal(protocol.sendText("a".repeat(100)), flowing);
    equal(protocol.sendBinary(noise(3)), flowing);
    equal(protocol.sendPing(), flowing);
    equal(protocol.sendPong(), flowing);
  }
  equal(recorder.log.length, 20);
});

test("RFC 6455, section 5.3: a client masks every frame of every kind with a key of its own", () => {
  const [protocol, recorder, peer] = start("client");
  for (let i = 0; i < 2500; i++) {
    protocol.sendText("a");
    protocol.sendBinary(noise(2));
    protocol.sendPing(noise(2));
    protocol.receive(peer.ping("p"));
  }
  protocol.sendClose(1000);
  const keys = recorder.sent.map(({ key }) =>
    ((key![0]! << 24) | (key![1]! << 16) | (key![2]! << 8) | key![3]!) >>> 0
  );
  equal(keys.length, 10_001);
  ok(new Set(keys).size > keys.length - 4, `${new Set(keys).size} different keys in ${keys.length} frames`);
  for (let bit = 0; bit < 32; bit++) {
    const ones = keys.filter((key) => (key / 2 ** bit) & 1).length;
    ok(Math.abs(ones - keys.length / 2) < 450, `bit ${bit} is set in ${ones} of ${keys.length} keys`);
  }
});

test("RFC 6455, section 5.3: two connections of a client share no keys", () => {
  const keys = [0, 1].flatMap(() => {
    const [protocol, recorder] = start("client");
    for (let i = 0; i < 500; i++) protocol.sendText("a");
    return recorder.sent.map(({ key }) => key!.join());
  });
  ok(new Set(keys).size > 997);
});

test("RFC 6455, section 5.7: what a server sends, byte for byte", () => {
  const [protocol, { written }] = start("server");
  protocol.sendText("Hello");
  protocol.sendPing(bytesOf("Hello"));
  protocol.sendBinary(new Uint8Array(256));
  protocol.sendClose(1000, "bye");
  deepEqual(written.map(hex), [
    "810548656c6c6f",
    "890548656c6c6f",
    hex(bytesOf([0x82, 0x7e, 0x01, 0x00], new Uint8Array(256))),
    "880503e8627965",
  ]);
});
