import { deepEqual, equal } from "node:assert/strict";
import { bytesOf, hex, noise } from "./frames.ts";
import { bothRoles, fails, failsAtLastByte, Peer, play, receives, start } from "./support.ts";

for (const size of [0, 1, 4, 124, 125]) {
  bothRoles("5.5.3", `a ping of ${size} bytes is answered with these very bytes`, (role) => {
    const peer = new Peer(role);
    for (const payload of [noise(size), new Uint8Array(size), new Uint8Array(size).fill(0xff)]) {
      const digits = hex(payload);
      const stream = bytesOf(peer.ping(payload), peer.text("next"));
      receives(role, stream, [`> pong ${digits}`, `ping ${digits}`, 'text "next"']);
    }
  });
}

bothRoles("5.5.3", "a hundred pings in one chunk are answered one by one, in order", (role) => {
  const peer = new Peer(role);
  const payloads = Array.from({ length: 100 }, (_, i) => Uint8Array.of(i, 255 - i));
  const { log } = play(role, [bytesOf(...payloads.map((payload) => peer.ping(payload)))]);
  deepEqual(log, payloads.flatMap((payload) => [`> pong ${hex(payload)}`, `ping ${hex(payload)}`]));
});

bothRoles("5.5.3", "an unsolicited pong is told, not answered, with its payload", (role) => {
  const peer = new Peer(role);
  for (const payload of [noise(0), noise(7), noise(125)]) {
    const stream = bytesOf(peer.pong(payload), peer.text("next"));
    receives(role, stream, [`pong ${hex(payload)}`, 'text "next"']);
  }
});

bothRoles("5.5", "a control frame of more than 125 bytes fails the connection with 1002", (role) => {
  const peer = new Peer(role);
  for (const opcode of [8, 9, 10]) {
    for (const length of [126, 127, 65535, 65536, 2 ** 32, 2n ** 63n]) {
      fails(role, peer.frame({ opcode, length }), 1002, "5.5");
      failsAtLastByte(role, peer.frame({ opcode, length }).subarray(0, 2), 1002);
    }
    fails(role, peer.frame({ opcode, payload: noise(126) }), 1002, "5.5");
  }
});

bothRoles("5.5", "a control frame whose length has another form fails the connection with 1002", (role) => {
  const peer = new Peer(role);
  for (const opcode of [8, 9, 10]) {
    for (const form of [16, 64] as const) {
      for (const length of [0, 2, 125]) {
        fails(role, peer.frame({ opcode, form, length }), 1002, "5.5");
        failsAtLastByte(role, peer.frame({ opcode, form, length }).subarray(0, 2), 1002);
      }
    }
  }
});

bothRoles("5.5", "a fragmented control frame fails the connection with 1002", (role) => {
  const peer = new Peer(role);
  for (const opcode of [8, 9, 10]) {
    const fragment = peer.frame({ opcode, fin: false, payload: "ab" });
    fails(role, fragment, 1002, "5.5");
    fails(role, bytesOf(peer.text("a", { fin: false }), fragment), 1002, "5.5");
    failsAtLastByte(role, fragment.subarray(0, 2), 1002);
  }
});

bothRoles(
  "5.5.3",
  "while bytes pile up only the latest ping is answered, once they have gone out",
  (role) => {
    const [protocol, recorder, peer] = start(role);
    recorder.flowing = false;
    equal(protocol.sendText("much"), false);
    protocol.receive(bytesOf(peer.ping("1"), peer.ping("2"), peer.text("a"), peer.ping("3")));
    deepEqual(recorder.log, ['> text "much"', "ping 31", "ping 32", 'text "a"', "ping 33"]);
    recorder.log.length = 0;
    recorder.flowing = true;
    protocol.drained();
    deepEqual(recorder.log, ["> pong 33"]);
    protocol.drained();
    protocol.receive(peer.ping("4"));
    deepEqual(recorder.log, ["> pong 33", "> pong 34", "ping 34"]);
  },
);

bothRoles("5.5.3", "a pong that makes bytes pile up again keeps the next ping waiting", (role) => {
  const [protocol, recorder, peer] = start(role);
  recorder.flowing = false;
  protocol.receive(peer.ping("1"));
  protocol.receive(peer.ping("2"));
  deepEqual(recorder.log, ["> pong 31", "ping 31", "ping 32"]);
  protocol.drained();
  protocol.receive(bytesOf(peer.ping("3"), peer.ping("4")));
  recorder.flowing = true;
  protocol.drained();
  deepEqual(recorder.log.slice(3), ["> pong 32", "ping 33", "ping 34", "> pong 34"]);
});

bothRoles("5.5.3", "one write that answers true does not end the congestion: only drained() does", (role) => {
  const [protocol, recorder, peer] = start(role);
  recorder.flowing = false;
  protocol.sendText("much");
  recorder.flowing = true;
  protocol.sendText("more");
  protocol.receive(peer.ping("1"));
  deepEqual(recorder.log, ['> text "much"', '> text "more"', "ping 31"]);
});

bothRoles("5.5.3", "the ping that waits is kept though its chunk is overwritten", (role) => {
  const [protocol, recorder, peer] = start(role);
  recorder.flowing = false;
  protocol.sendText("much");
  const chunk = peer.ping("keep me");
  protocol.receive(chunk);
  chunk.fill(0xff);
  protocol.drained();
  equal(recorder.log.at(-1), `> pong ${hex(bytesOf("keep me"))}`);
});

bothRoles(
  "5.5.1",
  "a ping behind our own Close frame, or waiting at it, is told but gets no frame",
  (role) => {
    const [protocol, recorder, peer] = start(role);
    recorder.flowing = false;
    protocol.sendText("much");
    protocol.receive(peer.ping("1"));
    protocol.sendClose(1000);
    recorder.flowing = true;
    protocol.drained();
    protocol.receive(peer.ping("2"));
    protocol.drained();
    deepEqual(recorder.log, ['> text "much"', "ping 31", '> close 1000 ""', "ping 32"]);
  },
);

bothRoles("5.5.2", "a ping that waits when the connection ends is forgotten", (role) => {
  const [protocol, recorder, peer] = start(role);
  recorder.flowing = false;
  protocol.sendText("much");
  protocol.receive(peer.ping("1"));
  protocol.receiveEnd();
  protocol.drained();
  deepEqual(recorder.log.slice(2), ['finish 1006 "" unclean remote']);
});
