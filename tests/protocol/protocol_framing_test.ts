import { deepEqual, match } from "node:assert/strict";
import { bytesOf, fromHex, hex, noise, show } from "./frames.ts";
import { bothRoles, fails, failsAtLastByte, feed, Peer, play, receives, start } from "./support.ts";

const SIZES = [0, 1, 2, 3, 4, 124, 125, 126, 127, 128, 255, 256, 65535, 65536];
const KEY = [0x37, 0xfa, 0x21, 0x3d];

bothRoles("5.1", "a frame whose mask bit is the wrong way round fails the connection with 1002", (role) => {
  const key = role === "server" ? undefined : KEY;
  const peer = new Peer(role);
  for (const opcode of [1, 2, 8, 9, 10]) {
    for (const payload of ["", "ab"]) fails(role, peer.frame({ opcode, payload, key }), 1002, "5.1");
  }
  const inside = bytesOf(peer.text("a", { fin: false }), peer.continuation("b", { key }));
  fails(role, inside, 1002, "5.1");
  fails(role, bytesOf(peer.text("a"), peer.text("b", { key })), 1002, "5.1", { first: ['text "a"'] });
});

bothRoles("5.1", "the reason tells which side must mask", (role) => {
  const wrong = new Peer(role).text("a", { key: role === "server" ? undefined : KEY });
  const message = play(role, [wrong]).close?.error?.message ?? "";
  match(message, role === "server" ? /client's frame is not masked/ : /server's frame is masked/);
});

bothRoles("5.2", "RSV1, RSV2 or RSV3 on any frame fails the connection with 1002", (role) => {
  const peer = new Peer(role);
  for (let rsv = 1; rsv < 8; rsv++) {
    for (const opcode of [1, 2, 8, 9, 10]) {
      fails(role, peer.frame({ opcode, rsv, payload: "" }), 1002, "5.2");
    }
    fails(role, bytesOf(peer.text("a", { fin: false }), peer.continuation("b", { rsv })), 1002, "5.2");
    fails(role, peer.frame({ opcode: 0, rsv }), 1002, "5.2");
  }
});

bothRoles("5.2", "a reserved opcode fails the connection with 1002", (role) => {
  const peer = new Peer(role);
  for (const opcode of [3, 4, 5, 6, 7, 11, 12, 13, 14, 15]) {
    for (const fin of [true, false]) fails(role, peer.frame({ opcode, fin, payload: "ab" }), 1002, "5.2");
    fails(role, bytesOf(peer.binary(noise(3), { fin: false }), peer.frame({ opcode })), 1002, "5.2");
  }
});

bothRoles("5.2", "what the first two bytes show is not waited for", (role) => {
  const peer = new Peer(role);
  const head = (spec: Parameters<Peer["frame"]>[0]): Uint8Array => peer.frame(spec).subarray(0, 2);
  for (const length of [0, 5, 126, 65536]) {
    for (const opcode of [3, 7, 11, 15]) failsAtLastByte(role, head({ opcode, length }), 1002);
    for (const rsv of [1, 2, 4]) failsAtLastByte(role, head({ opcode: 1, rsv, length }), 1002);
    const key = role === "server" ? undefined : KEY;
    failsAtLastByte(role, head({ opcode: 2, length, key }), 1002);
  }
});

bothRoles("5.2", "what comes instead of frames fails the connection", (role) => {
  const request = bytesOf("GET /again HTTP/1.1\r\nHost: localhost\r\n\r\n");
  fails(role, request, 1002, "5.2");
  fails(role, fromHex("16030100c8010000c40303"), 1002, "5.2");
  fails(role, fromHex("0068656c6c6fff"), 1002, role === "server" ? "5.1" : "5.4");
});

for (const size of SIZES) {
  bothRoles("5.2", `a message of ${size} bytes arrives whole`, (role) => {
    const peer = new Peer(role);
    const payload = noise(size);
    const text = "a".repeat(size);
    receives(role, bytesOf(peer.binary(payload), peer.text(text), peer.text("next")), [
      `binary ${hex(payload)}`,
      `text ${show(text)}`,
      'text "next"',
    ]);
  });
}

bothRoles("5.3", "200 KB in chunks of 4093 bytes, and in others that divide no word", (role) => {
  const payload = noise(200_000);
  const stream = new Peer(role).binary(payload);
  for (const step of [4093, 1, 7, 1021, 65537]) {
    const [protocol, { log }] = start(role);
    const count = Math.ceil(stream.length / step);
    feed(protocol, Array.from({ length: count }, (_, i) => stream.subarray(i * step, (i + 1) * step)));
    deepEqual(log, [`binary ${hex(payload)}`]);
  }
});

bothRoles("5.3", "a masking key may hold anything, zeros too", (role) => {
  if (role === "client") return;
  const peer = new Peer(role);
  for (const key of [[0, 0, 0, 0], [255, 255, 255, 255], [0, 255, 0, 128], [128, 0, 0, 1]]) {
    const stream = bytesOf(
      peer.text("zero", { key }),
      peer.text("é", { key }),
      peer.frame({ opcode: 9, key }),
    );
    receives(role, stream, ['text "zero"', 'text "é"', "> pong ", "ping "]);
  }
});

bothRoles("5.7", "the RFC's own examples", (role) => {
  const frames = role === "server" ? ["818537fa213d7f9f4d5158"] : ["810548656c6c6f", "010348656c80026c6f"];
  receives(role, fromHex(frames.join("")), frames.map(() => 'text "Hello"'));
  if (role === "server") {
    const pong = "8a8537fa213d7f9f4d5158";
    return receives(role, fromHex(pong), ["pong 48656c6c6f"]);
  }
  receives(role, fromHex("890548656c6c6f"), ["> pong 48656c6c6f", "ping 48656c6c6f"]);
  const medium = bytesOf(fromHex("827e0100"), noise(256));
  const large = bytesOf(fromHex("827f0000000000010000"), noise(65536));
  receives(role, bytesOf(medium, large), [`binary ${hex(noise(256))}`, `binary ${hex(noise(65536))}`]);
});

bothRoles("5.2", "ten messages in one chunk arrive as ten", (role) => {
  const peer = new Peer(role);
  const texts = Array.from({ length: 10 }, (_, i) => `m${i}`);
  receives(role, bytesOf(...texts.map((text) => peer.text(text))), texts.map((text) => `text "${text}"`));
});

bothRoles("5.2", "a length with its highest bit set fails the connection with 1002", (role) => {
  const peer = new Peer(role);
  for (const length of [2n ** 63n, 2n ** 63n + 5n, 2n ** 64n - 1n, 2n ** 63n + 2n ** 32n]) {
    for (const opcode of [1, 2]) fails(role, peer.frame({ opcode, length }), 1002, "5.2");
    failsAtLastByte(role, peer.frame({ opcode: 2, length }), 1002);
  }
});

bothRoles("7.4.1", "a length beyond the limit fails the connection with 1009, up to 2^63 - 1", (role) => {
  const peer = new Peer(role);
  for (const bits of [21n, 31n, 32n, 33n, 40n, 52n, 53n, 54n, 62n]) {
    for (const length of [2n ** bits, 2n ** bits + 5n]) {
      fails(role, peer.binary(noise(0), { length }), 1009, "7.4.1");
    }
  }
  for (const length of [2n ** 53n - 1n, 2n ** 63n - 1n, 0x80000000n, 0xffffffffn]) {
    fails(role, peer.text("", { length }), 1009, "7.4.1");
    failsAtLastByte(role, peer.text("", { length }), 1009);
  }
});

bothRoles("5.2", "beyond 2^53 - 1 a limit as high as numbers go is no help", (role) => {
  const limits = { maxMessageSize: Infinity, maxFragments: 10 };
  const peer = new Peer(role);
  receives(role, peer.binary(noise(0), { length: 2 ** 53 - 1 }), [], { limits });
  fails(role, peer.binary(noise(0), { length: 2n ** 53n }), 1009, "7.4.1", { limits });
  fails(role, peer.binary(noise(0), { length: 2n ** 63n - 1n }), 1009, "7.4.1", { limits });
});

bothRoles("5.2", "a length that is not in the fewest bytes fails the connection with 1002", (role) => {
  const peer = new Peer(role);
  for (const opcode of [1, 2]) {
    for (const size of [0, 1, 125]) {
      fails(role, peer.frame({ opcode, form: 16, payload: "a".repeat(size) }), 1002, "5.2");
    }
    for (const size of [0, 5, 125, 126, 300, 65535]) {
      fails(role, peer.frame({ opcode, form: 64, length: size, payload: "aaa" }), 1002, "5.2");
    }
  }
});
