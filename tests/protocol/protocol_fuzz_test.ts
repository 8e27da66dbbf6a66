/** Seeded random streams: nothing that a peer sends throws, and no rule for what we send is ever broken. */
import { amount } from "../harness.ts";
import { deepEqual, equal, ok } from "node:assert/strict";
import { ConnectionClosedError, ProtocolError } from "../../src/protocol/errors.ts";
import type { Protocol, Role } from "../../src/protocol/protocol.ts";
import { bytesOf, noise, random } from "./frames.ts";
import { bothRoles, feed, Peer, play, Recorder } from "./support.ts";

const LIMITS = { maxMessageSize: 2000, maxFragments: 20 };

type Next = (below: number) => number;

function pick<Item>(next: Next, items: readonly Item[]): Item {
  return items[next(items.length)]!;
}

/** Frames that are mostly right. */
function frames(peer: Peer, next: Next): Uint8Array {
  const pieces: Uint8Array[] = [];
  for (let count = 1 + next(8); count > 0; count--) {
    const payload = pick(next, [
      () => noise(next(130), next(1e9)),
      () => "text é 世界 \u{1f600}".slice(next(6)),
      () => "a".repeat(pick(next, [0, 1, 47, 125, 126, 300, 2000])),
    ])();
    const opcode = pick(next, [0, 1, 1, 2, 2, 8, 9, 9, 10]);
    const fin = opcode >= 8 || next(4) !== 0;
    if (opcode === 8) pieces.push(peer.close(pick(next, [1000, 1001, 3000, 1005, 0, 1010]), "bye"));
    else if (opcode > 8) pieces.push(peer.frame({ opcode, payload: bytesOf(payload).subarray(0, 125) }));
    else pieces.push(peer.frame({ opcode, fin, payload }));
  }
  return bytesOf(...pieces);
}

/** Some bytes flipped, cut out, doubled or put in. */
function mutate(stream: Uint8Array, next: Next): Uint8Array {
  let bytes = stream;
  for (let count = next(3); count > 0; count--) {
    const at = next(bytes.length);
    const to = Math.min(bytes.length, at + next(8));
    const [head, tail] = [bytes.subarray(0, at), bytes.subarray(to)];
    const middle = bytes.subarray(at, to);
    bytes = pick(next, [
      () => bytesOf(head, middle.map((byte) => byte ^ (1 << next(8))), tail),
      () => bytesOf(head, tail),
      () => bytesOf(head, middle, middle, tail),
      () => bytesOf(head, noise(next(6), next(1e9)), middle, tail),
    ])();
  }
  return bytes;
}

function cut(stream: Uint8Array, next: Next): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  const largest = pick(next, [1, 3, 20, 5000]);
  for (let start = 0; start < stream.length;) {
    const end = start + 1 + next(largest);
    pieces.push(stream.subarray(start, end));
    start = end;
  }
  return pieces;
}

function checkEnd({ log, close }: Recorder, role: Role): void {
  ok(log.at(-1)!.startsWith("finish "));
  equal(log.filter((line) => line.startsWith("finish ")).length, 1);
  const closes = log.filter((line) => line.startsWith("> close")).length;
  equal(closes, close!.wasClean || close!.error instanceof ProtocolError ? 1 : 0, role);
}

bothRoles("10.7", "random bytes never throw, and end once", (role) => {
  const next = random(107);
  for (let round = 0; round < amount(4000, 500); round++) {
    const stream = noise(1 + next(60), next(1e9));
    // Most of all first bytes are refused at once: let some be a good beginning.
    if (round % 4 !== 0) {
      stream[0] = pick(next, [0x01, 0x02, 0x81, 0x82, 0x88, 0x89, 0x8a]);
      stream[1] = next(128) | (role === "server" ? 0x80 : 0);
    }
    checkEnd(
      play(role, cut(stream, next), { limits: LIMITS, after: (protocol) => protocol.receiveEnd() }),
      role,
    );
  }
});

bothRoles("10.7", "frames, right and spoilt, lead to the same calls however they are cut", (role) => {
  const next = random(52);
  for (let round = 0; round < 500; round++) {
    const peer = new Peer(role);
    const stream = mutate(frames(peer, next), next);
    const after = (protocol: Protocol): void => protocol.receiveEnd();
    const whole = play(role, [stream], { limits: LIMITS, after });
    checkEnd(whole, role);
    for (let split = 0; split < 4; split++) {
      const { log } = play(role, cut(stream, next), { limits: LIMITS, after });
      if (log.join("\n") !== whole.log.join("\n")) deepEqual(log, whole.log, `round ${round}`);
    }
  }
});

bothRoles(
  "10.7",
  "a user who does anything at any time gets no error but that the connection is closed",
  (role) => {
    const next = random(2024);
    for (let round = 0; round < amount(400, 75); round++) {
      const peer = new Peer(role);
      const actions: (() => unknown)[] = [
        () => protocol.sendText("x".repeat(next(200))),
        () => protocol.sendText("é".repeat(next(100))),
        () => protocol.sendBinary(noise(next(300))),
        () => protocol.sendPing(noise(next(126))),
        () => protocol.sendPong(),
        () => protocol.drained(),
        () => recorder.flowing = next(2) === 0,
        () => next(8) === 0 && protocol.sendClose(pick(next, [undefined, 1000, 4000])),
        () => next(8) === 0 && protocol.fail(1011, new Error("failed")),
        () => next(20) === 0 && protocol.receiveEnd(),
      ];
      let depth = 0;
      const act = (): void => {
        if (depth > 1 || next(3) !== 0) return;
        depth++;
        const { open } = protocol;
        try {
          pick(next, actions)();
        } catch (error) {
          ok(error instanceof ConnectionClosedError && !open, String(error));
        }
        depth--;
      };
      const hooks = { write: act, message: act, pong: act, ping: act, finish: act };
      const recorder = new Recorder(role, hooks, LIMITS);
      const { protocol } = recorder;
      for (const piece of cut(mutate(frames(peer, next), next), next)) {
        act();
        feed(protocol, [piece]);
      }
      protocol.receiveEnd();
      ok(recorder.log.at(-1)!.startsWith("finish "));
    }
  },
);
