import { deepEqual, equal, match, ok, throws } from "node:assert/strict";
import { ProtocolError } from "../../src/protocol/errors.ts";
import { bytesOf, noise } from "./frames.ts";
import { bothRoles, Peer, play, start } from "./support.ts";

bothRoles("7.1.7", "fail() sends a Close frame, finishes with 1006, and reads no further", (role) => {
  for (const code of [1002, 1008, 1009, 1011, 1013, 4000]) {
    const error = new Error("a secret");
    const [protocol, recorder, peer] = start(role);
    protocol.receive(peer.text("a", { fin: false }));
    protocol.fail(code, error);
    protocol.receive(bytesOf(peer.continuation("b"), peer.close(1000)));
    deepEqual(recorder.log, [`> close ${code} ""`, 'finish 1006 "" unclean local Error']);
    equal(recorder.close?.error, error);
  }
});

bothRoles("7.1.7", "the Close frame tells the peer what it did, and no one else's secrets", (role) => {
  const [protocol, { log }] = start(role);
  protocol.fail(1003, new ProtocolError(1003, "RFC 6455, section 5.6", "Text only, please."));
  deepEqual(log, ['> close 1003 "Text only, please."', 'finish 1006 "" unclean remote ProtocolError 1003']);
});

bothRoles("7.1.7", "fail() behind our own Close frame sends no second, and ends what we began", (role) => {
  const [protocol, { log }, peer] = start(role);
  protocol.sendClose(1000);
  protocol.fail(1011, new Error("late"));
  protocol.receive(peer.close(1000));
  deepEqual(log, ['> close 1000 ""', 'finish 1006 "" unclean local Error']);
});

bothRoles("7.1.7", "fail() inside a message leaves the rest of its chunk unread", (role) => {
  const [protocol, { log }, peer] = start(role, { message: () => protocol.fail(1011, new Error("no")) });
  protocol.receive(bytesOf(peer.text("a"), peer.text("b"), peer.ping(), peer.close(1000)));
  deepEqual(log, ['text "a"', '> close 1011 ""', 'finish 1006 "" unclean local Error']);
});

bothRoles("7.4.1", "fail() with a code that must not be sent throws, and changes nothing", (role) => {
  const [protocol, { log }, peer] = start(role);
  for (const code of role === "server" ? [1005, 1006, 1010, 999] : [1005, 1006, 1015, 5000]) {
    throws(() => protocol.fail(code, new Error("no")), RangeError);
  }
  equal(protocol.open, true);
  protocol.receive(peer.text("still here"));
  deepEqual(log, ['text "still here"']);
});

bothRoles("7.1.7", "every rule has a reason that tells what was wrong, and where it stands", (role) => {
  const peer = new Peer(role);
  const limits = { maxMessageSize: 10, maxFragments: 2 };
  const empty = peer.text("", { fin: false });
  const more = peer.continuation("", { fin: false });
  const key = role === "server" ? undefined : [1, 2, 3, 4];
  const cases: [Uint8Array, RegExp, RegExp][] = [
    [peer.text("", { key }), /mask/, /5\.1$/],
    [peer.text("", { rsv: 1 }), /RSV2 or RSV3/, /5\.2$/],
    [peer.text("", { rsv: 2 }), /RSV2 or RSV3/, /5\.2$/],
    [peer.text("", { rsv: 4 }), /RSV1/, /5\.2$/],
    [peer.frame({ opcode: 11 }), /Opcode 11 is reserved/, /5\.2$/],
    [peer.text("", { length: 2n ** 63n }), /highest bit/, /5\.2$/],
    [peer.text("", { form: 16 }), /fewest bytes/, /5\.2$/],
    [peer.text("", { length: 2n ** 53n }), /2\^53/, /7\.4\.1$/],
    [peer.binary(noise(11)), /limit of 10 bytes/, /7\.4\.1$/],
    [bytesOf(empty, more, more), /limit of 2 fragments/, /7\.4\.1$/],
    [peer.continuation(""), /no message to continue/, /5\.4$/],
    [bytesOf(empty, peer.text("")), /before the one before it has ended/, /5\.4$/],
    [peer.frame({ opcode: 9, fin: false }), /control frame is fragmented/, /5\.5$/],
    [peer.frame({ opcode: 9, length: 126 }), /longer than 125/, /5\.5$/],
    [peer.text(Uint8Array.of(0xff)), /text message is not UTF-8/, /8\.1$/],
    [peer.frame({ opcode: 8, payload: "a" }), /one byte/, /5\.5\.1$/],
    [peer.close(1005), /1005/, /7\.4$/],
    [peer.close(1000, Uint8Array.of(0xff)), /reason.*not UTF-8/, /5\.5\.1$/],
  ];
  for (const [stream, message, section] of cases) {
    const error = play(role, [stream], { limits }).close?.error;
    ok(error instanceof ProtocolError, `${message} is no error`);
    match(error.message, message);
    match(error.section, section);
    match(error.section, /^RFC 6455, section /);
  }
});

bothRoles("5.2", "a frame with several faults is refused for the one that the header shows first", (role) => {
  const peer = new Peer(role);
  const key = role === "server" ? undefined : [1, 2, 3, 4];
  const cases: [Uint8Array, RegExp][] = [
    [peer.frame({ opcode: 3, rsv: 7, fin: false, key }), /RSV2/],
    [peer.frame({ opcode: 3, rsv: 4, fin: false, key }), /Opcode 3/],
    [peer.frame({ opcode: 9, rsv: 4, fin: false, key }), /RSV1/],
    [peer.frame({ opcode: 9, fin: false, length: 126, key }), /mask/],
    [peer.frame({ opcode: 9, fin: false, length: 126 }), /fragmented/],
    [peer.continuation("", { length: 2n ** 63n }), /highest bit/],
    [peer.continuation("", { form: 64 }), /fewest bytes/],
    [peer.continuation("", { length: 2 ** 32 }), /no message to continue/],
  ];
  for (const [stream, message] of cases) match(play(role, [stream]).close!.error!.message, message);
});
