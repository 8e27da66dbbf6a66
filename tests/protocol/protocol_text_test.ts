import { deepEqual, equal } from "node:assert/strict";
import { bytesOf, fromHex, hex, show } from "./frames.ts";
import { bothRoles, fails, failsAtLastByte, Peer, play, receives, start } from "./support.ts";
import { INVALID, TRUNCATED, VALID } from "./utf8_vectors.ts";

bothRoles("8.1", "UTF-8 arrives as text, whole and with a fragment and a ping for each byte", (role) => {
  for (const [text, digits] of VALID) {
    const peer = new Peer(role);
    const bytes = fromHex(digits);
    const bytewise = [...bytes].map((byte, i) =>
      bytesOf(
        peer.frame({ opcode: i === 0 ? 1 : 0, fin: false, payload: Uint8Array.of(byte) }),
        peer.ping("p"),
      )
    );
    receives(role, peer.text(bytes), [`text ${show(text)}`]);
    if (bytes.length === 0) continue;
    const { log } = play(role, [bytesOf(...bytewise, peer.continuation("")), peer.text("next")]);
    const pings = [...bytes].flatMap(() => ["> pong 70", "ping 70"]);
    deepEqual(log, [...pings, `text ${show(text)}`, 'text "next"']);
  }
});

for (const [what, digits, at] of INVALID) {
  bothRoles("8.1", `${what} fails the connection with 1007`, (role) => {
    const peer = new Peer(role);
    const bytes = fromHex(digits);
    fails(role, peer.text(bytes), 1007, "8.1");
    fails(role, bytesOf(peer.text("", { fin: false }), peer.continuation(bytes)), 1007, "8.1");
    const cut = bytesOf(peer.text("Hé", { fin: false }), peer.continuation(bytes, { fin: false }));
    fails(role, cut, 1007, "8.1");
    if (at === 0) return;
    for (const rest of [bytes.subarray(at), bytes.subarray(at, at + 1)]) {
      const split = bytesOf(peer.text(bytes.subarray(0, at), { fin: false }), peer.continuation(rest));
      fails(role, split, 1007, "8.1");
    }
  });

  bothRoles("8.1", `${what} fails the connection at that very byte, with more to come`, (role) => {
    const peer = new Peer(role);
    const bad = fromHex(digits).subarray(0, at + 1);
    const unfinished = bytesOf(peer.text(bytesOf("Hello é", bad, "x".repeat(200))));
    failsAtLastByte(role, unfinished.subarray(0, unfinished.length - 200), 1007);
    const second = peer.continuation(bytesOf(bad, "x".repeat(50)), { fin: false });
    const fragmented = bytesOf(peer.text("", { fin: false }), peer.continuation("é", { fin: false }), second);
    failsAtLastByte(role, fragmented.subarray(0, fragmented.length - 50), 1007);
  });
}

for (const digits of TRUNCATED) {
  bothRoles(
    "8.1",
    `a text that ends inside a character fails the connection with 1007: ${digits}`,
    (role) => {
      const peer = new Peer(role);
      const bytes = fromHex(digits);
      fails(role, peer.text(bytes), 1007, "8.1");
      for (let cut = 0; cut <= bytes.length; cut++) {
        const first = peer.text(bytes.subarray(0, cut), { fin: false });
        fails(role, bytesOf(first, peer.continuation(bytes.subarray(cut))), 1007, "8.1");
      }
      receives(role, bytesOf(peer.text(bytes, { fin: false }), peer.continuation("", { fin: false })), []);
    },
  );
}

bothRoles("8.1", "a bad byte anywhere in a long text is found", (role) => {
  const peer = new Peer(role);
  for (const [size, places] of [[40, [0, 16, 39]], [70_000, [16, 35_000, 69_999]]] as const) {
    for (const place of places) {
      const bytes = new Uint8Array(size).fill(0x61);
      bytes[place] = 0xff;
      const { log } = play(role, [peer.text(bytes)]);
      equal(log.at(-1), 'finish 1006 "" unclean remote ProtocolError 1007', `byte ${place} of ${size}`);
      const parts = bytesOf(
        peer.text(bytes.subarray(0, place), { fin: false }),
        peer.continuation(bytes.subarray(place)),
      );
      equal(play(role, [parts]).log.at(-1), 'finish 1006 "" unclean remote ProtocolError 1007');
    }
  }
});

bothRoles("8.1", "the sixth of a hundred announced bytes is refused before the seventh has come", (role) => {
  const [protocol, { log }, peer] = start(role);
  const stream = peer.text(bytesOf("Hello", [0xff], "x".repeat(94)));
  protocol.receive(stream.slice(0, -95));
  deepEqual(log, []);
  protocol.receive(stream.slice(-95, -94));
  equal(log.at(-1), 'finish 1006 "" unclean remote ProtocolError 1007');
});

bothRoles("8.1", "long text beyond ASCII in any split", (role) => {
  const text = "Grüße, 世界 \u{1f600} ".repeat(60);
  receives(role, new Peer(role).text(text), [`text ${show(text)}`]);
});

bothRoles("5.6", "a byte order mark is part of the text, at the start of any fragment", (role) => {
  const peer = new Peer(role);
  const stream = bytesOf(
    peer.text("\ufeffx"),
    peer.text("\ufeff", { fin: false }),
    peer.continuation("\ufeffy"),
    peer.text("\ufeff"),
  );
  receives(role, stream, ['text "\ufeffx"', 'text "\ufeff\ufeffy"', 'text "\ufeff"']);
});

bothRoles("5.6", "binary is not looked into", (role) => {
  const peer = new Peer(role);
  for (const digits of [...INVALID.map(([, digits]) => digits), ...TRUNCATED]) {
    const bytes = fromHex(digits);
    receives(role, peer.binary(bytes), [`binary ${hex(bytes)}`]);
  }
  const fragmented = bytesOf(peer.binary(fromHex("ff"), { fin: false }), peer.continuation(fromHex("c3")));
  receives(role, fragmented, ["binary ffc3"]);
});

bothRoles("8.1", "what one message ended with does not touch the next", (role) => {
  const peer = new Peer(role);
  const stream = bytesOf(
    peer.binary(fromHex("e2"), { fin: false }),
    peer.continuation(fromHex("82")),
    peer.text("a", { fin: false }),
    peer.continuation("é"),
    peer.text("é"),
  );
  receives(role, stream, ["binary e282", 'text "aé"', 'text "é"']);
});
