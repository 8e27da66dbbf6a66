/** Compressed messages between their frames (RFC 7692, section 6): sent. */
import { deepEqual, equal, ok, throws } from "node:assert/strict";
import { ConnectionClosedError } from "../../src/protocol/errors.ts";
import { encodeMessage } from "../../src/protocol/encoded_message.ts";
import type { Protocol, Role } from "../../src/protocol/protocol.ts";
import { test } from "../harness.ts";
import { end, type EndOptions, RecordingCodec } from "../permessage_deflate/support.ts";
import { StrictInflater } from "../permessage_deflate/strict_inflater.ts";
import { bytesOf, hex, noise, parseFrames, sameBytes } from "./frames.ts";
import { Peer, Recorder } from "./support.ts";

const TEXT = "a text that is long enough to be worth it, and worth it, and worth it";

function both(section: string, what: string, fn: (role: Role) => void): void {
  for (const role of ["server", "client"] as const) {
    test(`RFC 7692, section ${section}: ${what} (${role})`, () => fn(role));
  }
}

function open(role: Role, options: EndOptions = {}): [Protocol, Recorder] {
  const recorder = new Recorder(role, {}, undefined, end(options, role));
  return [recorder.protocol, recorder];
}

/** What a peer that takes nothing but what was agreed upon makes of the frames: each message, and whether it was compressed. */
function read({ sent }: Recorder, strict = new StrictInflater(15, true)): [string, boolean][] {
  const messages: [string, boolean][] = [];
  let payload: Uint8Array = new Uint8Array(0);
  let compressed = false;
  for (const frame of sent) {
    if (frame.opcode > 2) continue;
    if (frame.opcode > 0) [payload, compressed] = [frame.payload, frame.compressed];
    else payload = bytesOf(payload, frame.payload);
    if (!frame.fin) continue;
    const data = compressed ? strict.message(payload) : payload;
    messages.push([new TextDecoder("utf-8", { fatal: true }).decode(data), compressed]);
  }
  return messages;
}

both("6.1", "what is compressed has RSV1 on its only frame, and comes out as it was", (role) => {
  const [protocol, recorder] = open(role);
  equal(protocol.sendText(TEXT), true);
  equal(protocol.sendBinary(bytesOf(TEXT)), true);
  protocol.sendText(TEXT.slice(0, 40));
  deepEqual(recorder.sent.map(({ opcode, fin, compressed }) => [opcode, fin, compressed]), [
    [1, true, true],
    [2, true, true],
    [1, true, true],
  ]);
  deepEqual(read(recorder), [[TEXT, true], [TEXT, true], [TEXT.slice(0, 40), true]]);
  ok(recorder.sent[1]!.payload.length < 10, "with the context taken over");
  recorder.flowing = false;
  equal(protocol.sendText(TEXT), false, "and it is told when bytes pile up");
});

both("6.1", "the threshold is in bytes; the caller's choice goes before it either way", (role) => {
  const cases: [string, boolean | undefined, boolean][] = [
    ["a".repeat(63), undefined, false],
    ["a".repeat(64), undefined, true],
    ["é".repeat(31), undefined, false],
    ["é".repeat(32), undefined, true],
    ["世".repeat(21), undefined, false],
    ["世".repeat(22), undefined, true],
    ["👋".repeat(15), undefined, false],
    ["👋".repeat(16), undefined, true],
    ["a".repeat(30), true, true],
    ["é".repeat(30), true, true],
    ["a".repeat(1000), false, false],
    ["é".repeat(1000), false, false],
  ];
  for (const [text, compress, expected] of cases) {
    const [protocol, recorder] = open(role, { threshold: 64 });
    protocol.sendText(text, compress);
    protocol.sendBinary(bytesOf(text), compress);
    deepEqual(read(recorder), [[text, expected], [text, expected]], `${text.length} ${text[0]} ${compress}`);
  }
});

both("6.1", "what would not become smaller goes out as it is, and is not referred to", (role) => {
  const codec = new RecordingCodec();
  const [protocol, recorder] = open(role, { codec });
  const bytes = noise(500);
  protocol.sendBinary(bytes);
  protocol.sendText("abc", true);
  protocol.sendText("é", true);
  deepEqual(recorder.sent.map(({ compressed, opcode }) => [compressed, opcode]), [[false, 2], [false, 1], [
    false,
    1,
  ]]);
  sameBytes(recorder.sent[0]!.payload, bytes);
  protocol.sendText(TEXT);
  ok(codec.deflated.every(({ window }) => window.length === 0));
  equal(read({ sent: recorder.sent.slice(1) } as Recorder).at(-1)![0], TEXT);
});

both("7.2.3.6", "an empty message is one octet, twice in a row as well", (role) => {
  const [protocol, recorder] = open(role);
  for (let i = 0; i < 2; i++) {
    protocol.sendText("");
    protocol.sendBinary(new Uint8Array(0));
    protocol.sendFragment("text", "", true, true, true);
  }
  for (const { compressed, payload } of recorder.sent) deepEqual([compressed, hex(payload)], [true, "00"]);
  protocol.sendText("", false);
  deepEqual([recorder.sent.at(-1)!.compressed, recorder.sent.at(-1)!.payload.length], [false, 0]);
});

both("6.1", "what stands for half a pair of surrogates is compressed as it is sent elsewhere", (role) => {
  const [protocol, recorder] = open(role);
  protocol.sendText(`${"a".repeat(100)}\ud83d`);
  deepEqual(read(recorder), [[`${"a".repeat(100)}\ufffd`, true]]);
});

both("6.1", "of a compressed message in fragments the first alone has RSV1, and the last ends it", (role) => {
  const [protocol, recorder] = open(role);
  for (const kind of ["text", "binary"] as const) {
    const data = (text: string): string | Uint8Array => kind === "text" ? text : bytesOf(text);
    const from = recorder.sent.length;
    equal(protocol.sendFragment(kind, data(TEXT), true, false, true), true);
    protocol.sendPing(bytesOf("between"));
    protocol.sendFragment(kind, data(""), false, false, true);
    protocol.sendFragment(kind, data("é"), false, false, true);
    protocol.sendFragment(kind, data(""), false, true, true);
    const frames = recorder.sent.slice(from);
    deepEqual(frames.map(({ opcode, fin, compressed }) => [opcode, fin, compressed]), [
      [kind === "text" ? 1 : 2, false, true],
      [9, true, false],
      [0, false, false],
      [0, false, false],
      [0, true, false],
    ]);
    equal(frames[2]!.payload.length, 0);
    equal(hex(frames[4]!.payload), "00");
  }
  protocol.sendFragment("text", TEXT, true, true, true);
  deepEqual(read(recorder), [[TEXT + "é", true], [TEXT + "é", true], [TEXT, true]]);
});

both("6.1", "a first fragment without content carries RSV1 all the same", (role) => {
  const [protocol, recorder] = open(role);
  protocol.sendFragment("text", "", true, false, true);
  protocol.sendFragment("text", TEXT, false, true, true);
  deepEqual(recorder.sent.map(({ payload, compressed }) => [payload.length > 0, compressed]), [
    [false, true],
    [
      true,
      false,
    ],
  ]);
  deepEqual(read(recorder), [[TEXT, true]]);
});

both(
  "6.1",
  "a message in fragments is compressed if it is asked for, and there is an extension that does",
  (role) => {
    const [protocol, recorder] = open(role);
    protocol.sendFragment("text", TEXT, true, false);
    protocol.sendFragment("text", TEXT, false, true);
    const plain = new Recorder(role);
    equal(plain.protocol.compression, undefined);
    plain.protocol.sendFragment("text", TEXT, true, false, true);
    plain.protocol.sendFragment("text", TEXT, false, true, true);
    plain.protocol.sendText(TEXT, true);
    plain.protocol.sendBinary(bytesOf(TEXT), true);
    for (const { sent } of [recorder, plain]) ok(sent.every(({ compressed }) => !compressed));
    deepEqual(read(recorder), [[TEXT + TEXT, false]]);
    deepEqual(read(plain), [[TEXT + TEXT, false], [TEXT, false], [TEXT, false]]);
  },
);

both("6.1", "nothing is compressed once the connection is closing", (role) => {
  const codec = new RecordingCodec();
  const [protocol] = open(role, { codec });
  protocol.sendClose(1000);
  throws(() => protocol.sendText(TEXT), ConnectionClosedError);
  throws(() => protocol.sendBinary(bytesOf(TEXT), true), ConnectionClosedError);
  throws(() => protocol.sendFragment("text", TEXT, true, true, true), ConnectionClosedError);
  equal(codec.deflated.length, 0);
});

both("7.2", "what is sent in answer, from within the call, does not mix with what is received", (role) => {
  const compression = end({}, role);
  const recorder = new Recorder(
    role,
    {
      message: (data) => {
        recorder.protocol.sendText(`${data as string} and ${data as string}`);
      },
    },
    undefined,
    compression,
  );
  const peer = new Peer(role);
  const sender = end({}, role === "server" ? "client" : "server");
  const texts = [0, 1, 2, 3].map((index) => `message ${index} ${TEXT}`);
  recorder.protocol.receive(
    bytesOf(
      ...texts.map((text) => peer.text(sender.compressFragment(bytesOf(text), true).slice(), { rsv: 4 })),
    ),
  );
  deepEqual(recorder.messages, texts);
  deepEqual(read(recorder), texts.map((text) => [`${text} and ${text}`, true]));
});

test("RFC 7692, section 6: a message for many is compressed once, by itself, for all that are alike", () => {
  for (const data of [TEXT, bytesOf(TEXT)]) {
    const encoded = encodeMessage(data, end({}));
    ok(encoded?.compressed);
    const [frame, ...more] = parseFrames(encoded.frame, false, true);
    equal(more.length, 0);
    deepEqual([frame!.opcode, frame!.fin, frame!.compressed], [typeof data === "string" ? 1 : 2, true, true]);
    sameBytes(new StrictInflater(15, true).message(frame!.payload), bytesOf(TEXT));
    equal(encodeMessage(data).compressed, false);
  }
  equal(encodeMessage(noise(100), end({})), undefined, "where it would not become smaller");
  equal(hex(encodeMessage("", end({}))!.frame), "c10100");
  equal(hex(encodeMessage(new Uint8Array(0), end({}))!.frame), "c20100");
});

test("RFC 7692, section 7.2.1: a message made for many comes between messages that take over the context", () => {
  const codec = new RecordingCodec();
  const [protocol, recorder] = open("server", { codec });
  const [other, otherRecorder] = open("server");
  const all = encodeMessage(`published: ${TEXT}`, other.compression!)!;
  const plain = encodeMessage(`plain: ${TEXT}`);
  protocol.sendText(`1 ${TEXT}`);
  protocol.sendText(`2 ${TEXT}`);
  protocol.sendEncoded({ ...all, frame: all.frame.slice() });
  protocol.sendText(`3 ${TEXT}`);
  protocol.sendEncoded({ ...plain, frame: plain.frame.slice() });
  protocol.sendText(`4 ${TEXT}`);
  other.sendEncoded({ ...all, frame: all.frame.slice() });
  other.sendText(`5 ${TEXT}`);
  deepEqual(read(recorder), [
    [`1 ${TEXT}`, true],
    [`2 ${TEXT}`, true],
    [`published: ${TEXT}`, true],
    [`3 ${TEXT}`, true],
    [`plain: ${TEXT}`, false],
    [`4 ${TEXT}`, true],
  ]);
  deepEqual(read(otherRecorder), [[`published: ${TEXT}`, true], [`5 ${TEXT}`, true]]);
  // Afresh after the published one; the plain one changes nothing.
  deepEqual(codec.deflated.map(({ window }) => window.length > 0), [false, true, false, true]);
  protocol.sendClose();
  throws(() => protocol.sendEncoded({ ...all, frame: all.frame.slice() }), ConnectionClosedError);
});
