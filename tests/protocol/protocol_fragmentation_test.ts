import { equal } from "node:assert/strict";
import { bytesOf, hex, noise } from "./frames.ts";
import { bothRoles, fails, failsAtLastByte, Peer, receives, start } from "./support.ts";
import type { Role } from "../../src/protocol/protocol.ts";

function fragments(peer: Peer, opcode: 1 | 2, payloads: (string | Uint8Array)[]): Uint8Array {
  return bytesOf(
    ...payloads.map((payload, i) =>
      peer.frame({ opcode: i === 0 ? opcode : 0, fin: i === payloads.length - 1, payload })
    ),
  );
}

const TEXTS = [
  ["Hel", "lo"],
  ["", "", "He", "", "llo", ""],
  [..."Hello"],
  ["Hello", ""],
  ["", "Hello"],
  ["", "", "Hello"],
];

bothRoles("5.4", "a message arrives whole, however it is fragmented", (role) => {
  for (const texts of TEXTS) {
    const peer = new Peer(role);
    const stream = bytesOf(fragments(peer, 1, texts), fragments(peer, 2, texts), peer.text("next"));
    receives(role, stream, ['text "Hello"', "binary 48656c6c6f", 'text "next"']);
  }
});

bothRoles("5.4", "a message of nothing but empty fragments is an empty message", (role) => {
  const peer = new Peer(role);
  for (const count of [1, 2, 5]) {
    const empties = Array<string>(count).fill("");
    receives(role, bytesOf(fragments(peer, 1, empties), fragments(peer, 2, empties)), ['text ""', "binary "]);
  }
});

bothRoles("5.4", "large fragments in one message", (role) => {
  const peer = new Peer(role);
  const [a, b, c] = [noise(70_000), noise(125), noise(1100)];
  receives(role, fragments(peer, 2, [a, b, c]), [`binary ${hex(bytesOf(a, b, c))}`]);
});

bothRoles("5.4", "control frames between fragments are handled at once", (role) => {
  const peer = new Peer(role);
  const stream = bytesOf(
    peer.text("He", { fin: false }),
    peer.ping("1"),
    peer.continuation("l", { fin: false }),
    peer.pong("2"),
    peer.ping(""),
    peer.continuation("lo"),
    peer.ping("3"),
  );
  const log = ["> pong 31", "ping 31", "pong 32", "> pong ", "ping ", 'text "Hello"', "> pong 33", "ping 33"];
  receives(role, stream, log);
});

bothRoles("5.4", "a continuation frame that continues nothing fails the connection with 1002", (role) => {
  const peer = new Peer(role);
  for (const fin of [true, false]) {
    for (const payload of ["", "x"]) {
      const stray = peer.continuation(payload, { fin });
      fails(role, stray, 1002, "5.4");
      fails(role, bytesOf(peer.text("a"), stray), 1002, "5.4", { first: ['text "a"'] });
      const after = bytesOf(fragments(peer, 2, ["a", "b"]), stray);
      fails(role, after, 1002, "5.4", { first: ["binary 6162"] });
      fails(role, bytesOf(peer.ping(), stray), 1002, "5.4", { first: ["> pong ", "ping "] });
    }
  }
});

bothRoles("5.4", "a message inside a message fails the connection with 1002", (role) => {
  const peer = new Peer(role);
  for (const opcode of [1, 2]) {
    for (const payload of ["", "x"]) {
      for (const fin of [true, false]) {
        for (
          const begin of [peer.text(payload, { fin: false }), peer.binary(bytesOf(payload), { fin: false })]
        ) {
          const second = peer.frame({ opcode, fin, payload: "new" });
          fails(role, bytesOf(begin, second), 1002, "5.4");
          fails(role, bytesOf(begin, peer.continuation("", { fin: false }), second), 1002, "5.4");
        }
      }
    }
  }
});

bothRoles("5.4", "a continuation or a second message is refused with its header", (role) => {
  const peer = new Peer(role);
  failsAtLastByte(role, peer.continuation("", { length: 1000 }), 1002);
  const inside = bytesOf(peer.text("a", { fin: false }), peer.binary(noise(0), { length: 1000 }));
  failsAtLastByte(role, inside, 1002);
});

const LIMITS = { maxMessageSize: 300, maxFragments: 1000 };

bothRoles("10.4", "a message of just the limit arrives, and another one after it", (role) => {
  const peer = new Peer(role);
  const [payload, text] = [noise(300), "é".repeat(150)];
  const parts = [payload.subarray(0, 100), payload.subarray(100, 299), payload.subarray(299), noise(0)];
  const stream = bytesOf(
    peer.binary(payload),
    peer.text(text),
    fragments(peer, 2, parts),
    fragments(peer, 2, parts),
  );
  const binary = `binary ${hex(payload)}`;
  receives(role, stream, [binary, `text (text: ${hex(bytesOf(text))})`, binary, binary], { limits: LIMITS });
});

bothRoles("7.4.1", "a message one byte over the limit fails the connection with 1009", (role) => {
  const peer = new Peer(role);
  fails(role, peer.binary(noise(301)), 1009, "7.4.1", { limits: LIMITS });
  fails(role, peer.text("a".repeat(301)), 1009, "7.4.1", { limits: LIMITS });
  fails(role, fragments(peer, 2, [noise(300), noise(1)]), 1009, "7.4.1", { limits: LIMITS });
  fails(role, fragments(peer, 1, ["a".repeat(150), "", "a".repeat(151)]), 1009, "7.4.1", { limits: LIMITS });
  fails(role, fragments(peer, 2, [...noise(301)].map((byte) => Uint8Array.of(byte))), 1009, "7.4.1", {
    limits: LIMITS,
  });
});

bothRoles(
  "10.4",
  "the limit is held at the header, before a byte of payload, also without masking key",
  (role) => {
    const [protocol, recorder, peer] = start(role, {}, LIMITS);
    const announced = bytesOf(
      peer.binary(noise(100), { fin: false }),
      peer.continuation("", { length: 201 }),
    );
    announced.forEach((byte, i) => {
      equal(recorder.close, undefined, `finished before byte ${i} of ${announced.length}`);
      protocol.receive(Uint8Array.of(byte));
    });
    equal(recorder.log.at(-1), 'finish 1006 "" unclean remote ProtocolError 1009');
  },
);

bothRoles("10.4", "control frames do not count towards the limits of a message", (role) => {
  const peer = new Peer(role);
  const ping = peer.ping("p".repeat(125));
  const stream = bytesOf(
    peer.binary(noise(200), { fin: false }),
    ping,
    ping,
    ping,
    peer.continuation(noise(100)),
  );
  const pong = hex(bytesOf("p".repeat(125)));
  receives(role, stream, [
    ...Array(3).fill([`> pong ${pong}`, `ping ${pong}`]).flat(),
    `binary ${hex(bytesOf(noise(200), noise(100)))}`,
  ], { limits: { maxMessageSize: 300, maxFragments: 2 } });
});

bothRoles("10.4", "as many fragments as allowed arrive, one more fails the connection with 1008", (role) => {
  const limits = { maxMessageSize: 300, maxFragments: 4 };
  const peer = new Peer(role);
  for (const payload of ["", "a"]) {
    const four = fragments(peer, 1, Array<string>(4).fill(payload));
    const text = `text "${payload.repeat(4)}"`;
    receives(role, bytesOf(four, four, peer.text("b")), [text, text, 'text "b"'], { limits });
    const five = fragments(peer, 1, Array<string>(5).fill(payload));
    fails(role, bytesOf(four, five), 1008, "7.4.1", { limits, first: [text] });
  }
});

function flood(role: Role, payload: string): void {
  const limits = { maxMessageSize: 1 << 20, maxFragments: 16_384 };
  const [protocol, recorder, peer] = start(role, {}, limits);
  protocol.receive(peer.text(payload, { fin: false }));
  let count = 1;
  while (!protocol.finished && count < 20_000) {
    protocol.receive(peer.continuation(payload, { fin: false }));
    count++;
  }
  equal(count, 16_385);
  equal(recorder.log.at(-1), 'finish 1006 "" unclean remote ProtocolError 1008');
}

bothRoles("10.4", "a flood of fragments without end is ended", (role) => {
  flood(role, "");
  flood(role, "a");
});

bothRoles("5.4", "a Close frame inside a message closes, and the message is dropped", (role) => {
  const peer = new Peer(role);
  const stream = bytesOf(peer.text("Hel", { fin: false }), peer.close(1000), peer.continuation("lo"));
  receives(role, stream, ['> close 1000 ""', 'finish 1000 "" clean remote']);
});
