import { deepEqual, equal, ok } from "node:assert/strict";
import { bytesOf, frame, fromHex, hex, show } from "./frames.ts";
import { bothRoles, chunkings, fails, Peer, play, receives, start } from "./support.ts";
import { INVALID, TRUNCATED, VALID } from "./utf8_vectors.ts";

function legal(code: number): boolean {
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
}

bothRoles("7.4", "every code up to 5000 is echoed, or fails the connection with 1002", (role) => {
  const peer = new Peer(role);
  for (const code of [...Array(5001).keys(), 5999, 0x7fff, 0x8000, 0xffff]) {
    const { log, close } = play(role, [peer.close(code)]);
    if (!legal(code)) {
      equal(log.at(-1), 'finish 1006 "" unclean remote ProtocolError 1002', `code ${code}`);
      continue;
    }
    // Section 7.4.1: 1010 is not for servers to send.
    const echo = code === 1010 && role === "server" ? "> close" : `> close ${code} ""`;
    if (log[0] !== echo || log.length !== 2) deepEqual(log, [echo]);
    deepEqual(close, { code, reason: "", wasClean: true, initiator: "remote", error: undefined });
  }
});

bothRoles("5.5.1", "codes that must not be on the wire, however the frame is cut", (role) => {
  const peer = new Peer(role);
  for (const code of [0, 999, 1004, 1005, 1006, 1015, 1016, 2000, 2999, 5000, 65535]) {
    fails(role, peer.close(code), 1002, "7.4");
    fails(role, peer.close(code, "why"), 1002, "7.4");
  }
});

bothRoles("5.5.1", "a Close frame is answered with its code, and ends the connection", (role) => {
  const peer = new Peer(role);
  for (const code of [1000, 1001, 1011, 3000, 4999]) {
    for (const reason of ["", "bye", "a".repeat(123), "\ufeffé", "é".repeat(61)]) {
      const log = [`> close ${code} ""`, `finish ${code} ${show(reason)} clean remote`];
      receives(role, peer.close(code, reason), log);
    }
  }
});

bothRoles("5.5.1", "a Close frame without a body is answered by one without", (role) => {
  receives(role, new Peer(role).close(), ["> close", 'finish 1005 "" clean remote']);
});

bothRoles("5.5.1", "a Close frame with a body of one byte fails the connection with 1002", (role) => {
  for (const payload of ["03", "00", "ff"]) {
    fails(role, new Peer(role).frame({ opcode: 8, payload: fromHex(payload) }), 1002, "5.5.1");
  }
});

bothRoles("5.5.1", "a reason that is not UTF-8 fails the connection with 1007", (role) => {
  const peer = new Peer(role);
  for (const digits of [...INVALID.map(([, digits]) => digits), ...TRUNCATED]) {
    fails(role, peer.close(1000, bytesOf("why ", fromHex(digits))), 1007, "5.5.1");
  }
  for (const [text, digits] of VALID) {
    const { close } = play(role, [peer.close(1000, fromHex(digits))]);
    equal(close?.reason, text);
  }
});

bothRoles(
  "1.4",
  "what comes before a Close frame in its chunk arrives, what comes behind does not",
  (role) => {
    const peer = new Peer(role);
    const stream = bytesOf(peer.text("a"), peer.ping("p"), peer.close(1001));
    const log = ['text "a"', "> pong 70", "ping 70", '> close 1001 ""', 'finish 1001 "" clean remote'];
    receives(role, stream, log);
    for (
      const late of [
        peer.text("b"),
        peer.ping(),
        peer.close(1002),
        peer.frame({ opcode: 7 }),
        fromHex("ffff"),
      ]
    ) {
      receives(role, bytesOf(stream, late), log);
    }
  },
);

bothRoles("5.5.1", "our own Close frame is not followed by a second when the peer answers", (role) => {
  const peer = new Peer(role);
  const before = (protocol: { sendClose(code: number, reason: string): void }): void =>
    protocol.sendClose(1000, "bye");
  for (
    const [code, reason] of [[1000, ""], [1000, "bye"], [4000, "no"], [1010, ""], [undefined, ""]] as const
  ) {
    const log = ['> close 1000 "bye"', `finish ${code ?? 1005} ${show(reason)} clean local`];
    receives(role, bytesOf(peer.close(code, reason), peer.text("late")), log, { before });
  }
});

bothRoles("5.5.1", "behind our own Close frame messages still arrive, until the peer's", (role) => {
  const peer = new Peer(role);
  const stream = bytesOf(
    peer.text("a"),
    peer.text("b", { fin: false }),
    peer.pong("p"),
    peer.continuation("c"),
    peer.close(1000),
  );
  receives(role, stream, [
    "> close",
    'text "a"',
    "pong 70",
    'text "bc"',
    'finish 1000 "" clean local',
  ], { before: (protocol) => protocol.sendClose() });
});

bothRoles("7.1.7", "a rule broken behind our own Close frame ends the connection without another", (role) => {
  const peer = new Peer(role);
  const stream = bytesOf(peer.text("a"), peer.frame({ opcode: 3 }), peer.close(1000));
  receives(role, stream, [
    '> close 1000 ""',
    'text "a"',
    'finish 1006 "" unclean local ProtocolError 1002',
  ], { before: (protocol) => protocol.sendClose(1000) });
});

bothRoles("7.1.3", "both sides close at once: one Close frame each, a clean end", (role) => {
  const [protocol, recorder, peer] = start(role, { message: () => protocol.sendClose(1001, "mine") });
  protocol.receive(bytesOf(peer.text("a"), peer.close(1000, "yours")));
  deepEqual(recorder.log, ['text "a"', '> close 1001 "mine"', 'finish 1000 "yours" clean local']);
});

bothRoles("7.1.3", "open and finished at every stage", (role) => {
  const [protocol, , peer] = start(role);
  const stage = (): boolean[] => [protocol.open, protocol.finished];
  deepEqual(stage(), [true, false]);
  protocol.receive(peer.text("a"));
  deepEqual(stage(), [true, false]);
  protocol.sendClose(1000);
  deepEqual(stage(), [false, false]);
  protocol.receive(peer.close(1000));
  deepEqual(stage(), [false, true]);
  const [other] = start(role);
  other.receiveEnd();
  deepEqual([other.open, other.finished], [false, true]);
});

bothRoles("7.1.5", "the end of the stream at any byte is 1006, unless a Close frame came before", (role) => {
  const peer = new Peer(role);
  const data = bytesOf(peer.text("é", { fin: false }), peer.ping("p"), peer.continuation("b"));
  const stream = bytesOf(data, peer.close(1000, "bye"));
  for (let size = 0; size <= stream.length; size++) {
    for (const pieces of chunkings(stream.subarray(0, size))) {
      const { log } = play(role, pieces, { after: (protocol) => protocol.receiveEnd() });
      const whole = size === stream.length;
      equal(log.at(-1), whole ? 'finish 1000 "bye" clean remote' : 'finish 1006 "" unclean remote');
      equal(log.includes('text "éb"'), size >= data.length);
    }
  }
});

bothRoles("7.1.5", "the end of the stream behind our own Close frame is 1006, begun by us", (role) => {
  const peer = new Peer(role);
  for (const stream of [new Uint8Array(0), peer.text("a"), peer.close(1000).subarray(0, -1)]) {
    const { log } = play(role, [stream], {
      before: (protocol) => protocol.sendClose(1000),
      after: (protocol) => protocol.receiveEnd(),
    });
    equal(log.at(-1), 'finish 1006 "" unclean local');
  }
});

bothRoles("7.1.5", "a stream that breaks is 1006, with its error and who broke it", (role) => {
  for (const initiator of ["local", "remote"] as const) {
    const error = new Error("reset");
    const [protocol, recorder, peer] = start(role);
    protocol.receive(peer.text("a", { fin: false }));
    protocol.abandon(initiator, error);
    deepEqual(recorder.log, [`finish 1006 "" unclean ${initiator} Error`]);
    equal(recorder.close?.error, error);
    const [closing, closed] = start(role);
    closing.sendClose(1000);
    closing.abandon(initiator, error);
    deepEqual(closed.log, ['> close 1000 ""', 'finish 1006 "" unclean local Error']);
  }
});

bothRoles("7.1.4", "when all is over nothing is read, written or told", (role) => {
  const peer = new Peer(role);
  const endings: ((protocol: ReturnType<typeof start>[0]) => void)[] = [
    (protocol) => protocol.receive(peer.close(1000)),
    (protocol) => protocol.receive(frame({ opcode: 5 })),
    (protocol) => protocol.receiveEnd(),
    (protocol) => protocol.abandon("local", new Error("gone")),
    (protocol) => protocol.fail(1011, new Error("gone")),
  ];
  for (const end of endings) {
    const [protocol, { log }] = start(role);
    end(protocol);
    const before = log.length;
    ok(log.at(-1)!.startsWith("finish"));
    for (const again of endings) again(protocol);
    protocol.receive(bytesOf(peer.text("late"), peer.ping()));
    protocol.sendClose(1000, "late");
    protocol.drained();
    equal(log.length, before, hex(bytesOf(log.join("\n"))));
  }
});
