/** Compressed messages between their frames (RFC 7692, section 7.2.2): what is too much. */
import { deepEqual, equal, ok } from "node:assert/strict";
import { MessageAssembler } from "../../src/protocol/message_assembler.ts";
import { test } from "../harness.ts";
import { end } from "../permessage_deflate/support.ts";
import { both, deflated, HELLO, RSV1 } from "./compression_support.ts";
import { allocations, bytesOf, frame, fromHex, hex, noise } from "./frames.ts";
import { fails, feed, play, receives, Recorder } from "./support.ts";

both(
  "7.2.2",
  "the limit is the message's, all fragments together: of exactly so much fine, of one more 1009",
  (role, options, peer) => {
    for (const size of [1, 5, 1000, 50_000]) {
      for (const data of [new Uint8Array(size), noise(size)]) {
        const payload = deflated(data);
        const cut = payload.length >> 1;
        for (
          const stream of [
            peer.binary(payload, RSV1),
            bytesOf(
              peer.binary(payload.subarray(0, cut), { fin: false, ...RSV1 }),
              peer.continuation(payload.subarray(cut)),
            ),
          ]
        ) {
          const limits = { maxMessageSize: size, maxFragments: 2 };
          receives(role, stream, [`binary ${hex(data)}`], { ...options, limits });
          if (size === 1) continue;
          fails(role, stream, 1009, "7.4.1", { ...options, limits: { ...limits, maxMessageSize: size - 1 } });
        }
      }
    }
  },
);

both(
  "7.2.2",
  "a payload may be longer than the limit by what blocks without compression cost, and no more",
  (role, options, peer) => {
    const limits = { maxMessageSize: 10_000, maxFragments: 10_000 };
    const data = noise(10_000);
    // An empty block behind every 10 bytes, as of a sender that flushes often: 5,000 bytes more were too many.
    const sender = end({ level: 0 });
    const flushed = (every: number): Uint8Array =>
      bytesOf(
        ...Array.from({ length: 10_000 / every }, (_, index) => {
          const last = (index + 1) * every === 10_000;
          return sender.compressFragment(data.subarray(index * every, (index + 1) * every), last).slice();
        }),
      );
    const fine = flushed(50);
    ok(fine.length > 11_000);
    receives(role, peer.binary(fine, RSV1), [`binary ${hex(data)}`], { ...options, limits });
    const most = 10_000 + 1250 + 1024;
    const header = frame({
      opcode: 2,
      rsv: 4,
      length: most + 1,
      key: role === "server" ? [1, 2, 3, 4] : undefined,
    });
    const { close } = play(role, [header], { ...options, limits });
    equal((close?.error as { statusCode?: number } | undefined)?.statusCode, 1009, "by its header alone");
    const empty = fromHex("000000ffff".repeat(400));
    const fragments = Array.from({ length: 10 }, () => peer.continuation(empty, { fin: false }));
    const begun = bytesOf(peer.binary(new Uint8Array(0), { fin: false, ...RSV1 }), ...fragments);
    fails(role, begun, 1009, "7.4.1", { ...options, limits });
  },
);

both("7.2.2", "a bomb whose last fragment never comes is stopped", (role, options, peer) => {
  const limit = 100_000;
  const bomb = deflated(new Uint8Array(32 << 20));
  ok(bomb.length < 36_000);
  for (const size of [1, 10, 1000]) {
    const recorder = new Recorder(
      role,
      {},
      { maxMessageSize: limit, maxFragments: 1e6 },
      options.compression!(),
    );
    // The message before it was long, and came in pieces: that says nothing about this one.
    const data = noise(50_000);
    const before = deflated(data);
    feed(recorder.protocol, [
      peer.binary(before.subarray(0, 40_000), { fin: false, ...RSV1 }),
      peer.continuation(before.subarray(40_000)),
    ]);
    deepEqual(recorder.log, [`binary ${hex(data)}`]);
    let given = 0;
    for (let start = 0; start < bomb.length && recorder.close === undefined; start += size) {
      const piece = bomb.subarray(start, start + size);
      given += piece.length;
      const of = { fin: false, rsv: start === 0 ? 4 : 0 };
      feed(recorder.protocol, [start === 0 ? peer.binary(piece, of) : peer.continuation(piece, of)]);
    }
    equal((recorder.close?.error as { statusCode?: number } | undefined)?.statusCode, 1009);
    // It holds a thousandth of what comes of it, and is looked into whenever it has grown fourfold.
    ok(given <= 5 * (limit / 1000) + size, `${given} bytes of the payload, ${size} in a fragment`);
    equal(recorder.messages.length, 1);
  }
});

both(
  "7.2.2",
  "an invalid message whose last fragment never comes is stopped once it is long",
  (role, options, peer) => {
    const recorder = new Recorder(
      role,
      {},
      { maxMessageSize: 1000, maxFragments: 1e6 },
      options.compression!(),
    );
    feed(recorder.protocol, [peer.binary(bytesOf([0x06], noise(1500)), { fin: false, ...RSV1 })]);
    equal((recorder.close?.error as { statusCode?: number } | undefined)?.statusCode, 1007);
  },
);

both("5.4", "compressed fragments are counted as others are", (role, options, peer) => {
  const limits = { maxMessageSize: 1000, maxFragments: 3 };
  const stream = bytesOf(
    peer.binary(HELLO.subarray(0, 3), { fin: false, ...RSV1 }),
    peer.continuation("", { fin: false }),
    peer.continuation("", { fin: false }),
    peer.continuation(HELLO.subarray(3)),
  );
  fails(role, stream, 1008, "7.4.1", { ...options, limits });
  receives(role, stream, ["binary 48656c6c6f"], { ...options, limits: { ...limits, maxFragments: 4 } });
});

test("RFC 6455, section 5.4: what fragments of a compressed message are gathered in is let go of with the message", () => {
  const compression = end({ takeover: false });
  const messages = new MessageAssembler({ maxMessageSize: 100_000, maxFragments: 10 }, compression);
  const data = noise(50_000);
  const payload = deflated(data);
  const gathered: number[] = [];
  for (let round = 0; round < 3; round++) {
    const sizes = allocations(() => {
      for (
        const [part, last] of [[payload.subarray(0, 40_000), false], [
          payload.subarray(40_000),
          true,
        ]] as const
      ) {
        equal(messages.begin(last ? 0 : 2, part.length, !last), undefined);
        equal(messages.add(part, 0, part.length, 0xff, last) instanceof Uint8Array, last);
      }
    });
    gathered.push(sizes.filter((size) => size === 80_000).length);
  }
  deepEqual(gathered, [1, 1, 1]);
});
