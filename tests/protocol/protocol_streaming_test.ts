import { deepEqual, equal, ok, throws } from "node:assert/strict";
import { ConnectionClosedError } from "../../src/protocol/errors.ts";
import { encodeMessage } from "../../src/protocol/encoded_message.ts";
import { bytesOf, hex, noise, parseFrames } from "./frames.ts";
import { bothRoles, chunkings, feed, Peer, start } from "./support.ts";

/** What came of one message, its pieces joined. */
function joined(pieces: readonly (string | Uint8Array)[]): string {
  if (pieces.every((piece) => typeof piece === "string")) return pieces.join("");
  return hex(bytesOf(...(pieces as Uint8Array[])));
}

bothRoles("5.4", "a streamed message comes in pieces that join to it, in any split", (role) => {
  const peer = new Peer(role);
  const text = "é😀 and ascii ".repeat(9);
  const bytes = noise(300);
  const stream = bytesOf(
    peer.text(text.slice(0, 40), { fin: false }),
    peer.ping("between"),
    peer.continuation(text.slice(40)),
    peer.binary(bytes.subarray(0, 7), { fin: false }),
    peer.continuation("", { fin: false }),
    peer.continuation(bytes.subarray(7)),
  );
  for (const pieces of chunkings(stream)) {
    const messages: (string | Uint8Array)[][] = [[]];
    const [protocol, recorder] = start(role, {
      message(data, last) {
        messages.at(-1)!.push(data);
        if (last) messages.push([]);
      },
    });
    protocol.streamFromNowOn();
    feed(protocol, pieces);
    deepEqual(messages.map(joined), [text, hex(bytes), ""]);
    ok(recorder.unchanged);
    ok(recorder.log.includes(`ping ${hex(bytesOf("between"))}`));
  }
});

bothRoles("5.4", "a message of which nothing has come but a header is streamed from there", (role) => {
  const peer = new Peer(role);
  const [protocol, { log }] = start(role);
  const frame = peer.binary(bytesOf([1, 2]));
  feed(protocol, [frame.subarray(0, frame.length - 2)]);
  protocol.streamFromNowOn();
  feed(protocol, [frame.subarray(frame.length - 2)]);
  deepEqual(log.at(-1), "binary 0102");
});

bothRoles(
  "5.4",
  "a message that has begun is streamed from where it is, and the call may be repeated",
  (role) => {
    const peer = new Peer(role);
    const [protocol, { log }] = start(role);
    feed(protocol, [
      peer.text("whole"),
      peer.text("a\u00e9", { fin: false }),
      peer.continuation(bytesOf([0xc3]), { fin: false }),
    ]);
    protocol.streamFromNowOn();
    protocol.streamFromNowOn();
    feed(protocol, [peer.continuation(bytesOf([0xa9], "z")), peer.binary(bytesOf([1]), { fin: false })]);
    feed(protocol, [peer.continuation("")]);
    deepEqual(log, [
      `text "whole"`,
      `text "a\u00e9" ...`,
      `text "\u00e9z"`,
      "binary 01 ...",
      "binary ",
    ]);
  },
);

bothRoles("5.4", "a streamed message may pass the limits on what is held", (role) => {
  const peer = new Peer(role);
  const [protocol, { log, messages }] = start(role, {}, { maxMessageSize: 4, maxFragments: 2 });
  protocol.streamFromNowOn();
  feed(protocol, [peer.binary(noise(5), { fin: false })]);
  for (let i = 0; i < 5; i++) feed(protocol, [peer.continuation(noise(3), { fin: false })]);
  feed(protocol, [peer.continuation("")]);
  equal(joined(messages).length, 2 * (5 + 15));
  equal(log.filter((line) => line.startsWith("finish")).length, 0);
});

bothRoles("8.1", "a streamed text is checked as it comes, its last character too", (role) => {
  for (const [first, second] of [[[0xc3], [0x28]], [[0x61, 0xed], [0xa0]], [[0x61], [0xf0, 0x9f]]] as const) {
    const peer = new Peer(role);
    const [protocol, recorder] = start(role);
    protocol.streamFromNowOn();
    feed(protocol, [peer.text(bytesOf([...first]), { fin: false }), peer.continuation(bytesOf([...second]))]);
    equal(recorder.close?.error?.name, "ProtocolError");
    ok(recorder.log.some((line) => line.startsWith("> close 1007")));
  }
});

bothRoles("8.1", "a streamed text keeps its BOM, and its characters whole", (role) => {
  const peer = new Peer(role);
  const text = "\ufeffa\u{1f600}\ufeff";
  const bytes = new TextEncoder().encode(text);
  const [protocol, { messages }] = start(role);
  protocol.streamFromNowOn();
  feed(protocol, [peer.text(bytes.subarray(0, 1), { fin: false })]);
  for (const byte of bytes.subarray(1)) {
    feed(protocol, [peer.continuation(Uint8Array.of(byte), { fin: false })]);
  }
  feed(protocol, [peer.continuation("")]);
  equal(messages.join(""), text);
  ok(
    messages.every((piece) => !/^[\ud800-\udbff]$|^[\udc00-\udfff]/.test(piece as string)),
    "no half of a pair",
  );
});

bothRoles("5.4", "fragments go out under the opcode of their place, with FIN on the last alone", (role) => {
  const [protocol, recorder] = start(role);
  protocol.sendFragment("text", "one", true, false);
  protocol.sendPing(bytesOf("between"));
  protocol.sendFragment("text", "é", false, false);
  protocol.sendFragment("text", "", false, true);
  protocol.sendFragment("binary", bytesOf([1, 2]), true, true);
  deepEqual(recorder.sent.map(({ opcode, fin, payload }) => [opcode, fin, hex(payload)]), [
    [1, false, hex(bytesOf("one"))],
    [9, true, hex(bytesOf("between"))],
    [0, false, "c3a9"],
    [0, true, ""],
    [2, true, "0102"],
  ]);
  protocol.sendClose(1000);
  throws(() => protocol.sendFragment("text", "late", false, true), ConnectionClosedError);
});

bothRoles(
  "5.1",
  "a frame that was encoded beforehand goes out as it is, unless the connection is closing",
  (role) => {
    for (const [data, opcode] of [["text é", 1], [bytesOf([1, 2, 3]), 2]] as const) {
      const message = encodeMessage(data);
      const [parsed] = parseFrames(message.frame.slice(), false);
      equal(parsed!.opcode, opcode);
      equal(hex(parsed!.payload), hex(bytesOf(data)));
      if (role === "client") continue;
      const [protocol, recorder] = start(role);
      equal(protocol.sendEncoded({ ...message, frame: message.frame.slice() }), true);
      deepEqual(recorder.written, [message.frame]);
      protocol.sendClose();
      throws(() => protocol.sendEncoded(message), ConnectionClosedError);
    }
  },
);

bothRoles("5.2", "whether a frame is on its way is told", (role) => {
  const peer = new Peer(role);
  const [protocol] = start(role);
  const frame = peer.text("abc");
  for (let i = 0; i < frame.length; i++) {
    equal(protocol.betweenFrames, i === 0);
    feed(protocol, [frame.subarray(i, i + 1)]);
  }
  equal(protocol.betweenFrames, true);
});
