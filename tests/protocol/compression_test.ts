/** Compressed messages between their frames (RFC 7692, section 6): received. */
import { deepEqual, equal, ok } from "node:assert/strict";
import type { MessageCompression } from "../../src/protocol/message_compression.ts";
import type { Role } from "../../src/protocol/protocol.ts";
import { test } from "../harness.ts";
import { end } from "../permessage_deflate/support.ts";
import { bytesOf, frame, fromHex, hex, noise, random, show } from "./frames.ts";
import { chunkings, fails, feed, Peer, play, type PlayOptions, receives, Recorder } from "./support.ts";

const RSV1 = { rsv: 4 };
const HELLO = fromHex("f248cdc9c90700");
const AGAIN = fromHex("f200110000");

/** Registers one test for a server and one for a client, each with a connection that compresses. */
function both(
  section: string,
  what: string,
  fn: (role: Role, options: PlayOptions, peer: Peer) => void,
): void {
  for (const role of ["server", "client"] as const) {
    const compression = (): MessageCompression => end({}, role);
    test(`RFC 7692, section ${section}: ${what} (${role})`, () => fn(role, { compression }, new Peer(role)));
  }
}

/** A payload that is compressed by itself. */
function deflated(data: string | Uint8Array): Uint8Array {
  return end({ takeover: false }).compressFragment(bytesOf(data), true).slice();
}

both(
  "6",
  "RSV1 says that a message is compressed, one without it is not; both may come at any time",
  (role, options, peer) => {
    receives(
      role,
      bytesOf(
        peer.text(HELLO, RSV1),
        peer.text("Hello"),
        peer.binary(HELLO),
        peer.text(AGAIN, RSV1),
        peer.binary(AGAIN, RSV1),
        peer.text(fromHex("00"), RSV1),
        peer.text(""),
        peer.binary(new Uint8Array(0), RSV1),
        peer.text(AGAIN, RSV1),
      ),
      [
        'text "Hello"',
        'text "Hello"',
        "binary f248cdc9c90700",
        'text "Hello"',
        "binary 48656c6c6f",
        'text ""',
        'text ""',
        "binary ",
        'text "Hello"',
      ],
      options,
    );
  },
);

both("6", "RSV1 on a control frame fails the connection", (role, options, peer) => {
  for (const opcode of [8, 9, 10]) {
    for (const payload of ["", fromHex("00"), HELLO]) {
      const stream = bytesOf(peer.text(HELLO, RSV1), peer.frame({ opcode, payload, ...RSV1 }));
      fails(role, stream, 1002, "5.2", { ...options, first: ['text "Hello"'] });
    }
  }
});

both(
  "6.1",
  "RSV1 on a continuation frame fails the connection, whether its message is compressed or not",
  (role, options, peer) => {
    for (const rsv of [0, 4]) {
      for (const fin of [true, false]) {
        const first = peer.text(rsv === 0 ? "He" : HELLO.slice(0, 3), { fin: false, rsv });
        fails(
          role,
          bytesOf(first, peer.continuation(HELLO.slice(3), { fin, ...RSV1 })),
          1002,
          "5.2",
          options,
        );
      }
    }
    fails(role, peer.continuation(HELLO, RSV1), 1002, "5.2", options);
  },
);

both("6", "RSV2 and RSV3 have no meaning with compression either", (role, options, peer) => {
  for (const rsv of [1, 2, 3, 5, 6, 7]) fails(role, peer.text(HELLO, { rsv }), 1002, "5.2", options);
});

both("6", "without the extension RSV1 has no meaning on any frame", (role, _, peer) => {
  for (const opcode of [1, 2, 8, 9, 10]) {
    fails(role, peer.frame({ opcode, payload: HELLO, ...RSV1 }), 1002, "5.2");
  }
});

both("7.2.3.1", "a compressed message in fragments, cut at any octet", (role, options, peer) => {
  for (let first = 0; first <= HELLO.length; first++) {
    for (let second = first; second <= HELLO.length; second++) {
      const stream = bytesOf(
        peer.text(HELLO.subarray(0, first), { fin: false, ...RSV1 }),
        peer.continuation(HELLO.subarray(first, second), { fin: false }),
        peer.continuation(HELLO.subarray(second)),
        peer.text(AGAIN, RSV1),
      );
      deepEqual(play(role, [stream], options).log, ['text "Hello"', 'text "Hello"'], `${first} ${second}`);
    }
  }
  const stream = bytesOf(
    peer.text(HELLO.subarray(0, 3), { fin: false, ...RSV1 }),
    peer.continuation(HELLO.subarray(3)),
  );
  receives(role, stream, ['text "Hello"'], options);
});

both(
  "6.1",
  "control frames and empty fragments come between the fragments of a compressed message",
  (role, options, peer) => {
    const text = "é😀 and ascii, and ascii, and é😀 ".repeat(20);
    const payload = deflated(text);
    const pieces = Array.from(payload, (_, index) => payload.subarray(index, index + 1));
    const stream = bytesOf(
      peer.text("", { fin: false, ...RSV1 }),
      ...pieces.map((piece, index) =>
        bytesOf(
          peer.continuation(piece, { fin: false }),
          index % 30 === 0
            ? peer.ping(String(index))
            : index % 7 === 0
            ? peer.continuation("", { fin: false })
            : "",
        )
      ),
      peer.continuation(""),
      peer.binary(noise(5)),
    );
    const pings = pieces.flatMap((_, index) => index % 30 === 0 ? [hex(bytesOf(String(index)))] : []);
    const log = pings.flatMap((payload) => [`> pong ${payload}`, `ping ${payload}`]);
    receives(role, stream, [...log, `text ${show(text)}`, `binary ${hex(noise(5))}`], options);
  },
);

both("6.2", "messages of every size come as they were, in any split", (role, options, peer) => {
  const next = random(6);
  const sender = end({}, role === "server" ? "client" : "server");
  const log: string[] = [];
  const stream = bytesOf(
    ...[1, 125, 126, 1000, 5000, 70_000].map((size) => {
      const data = new Uint8Array(size).map(() => next(20));
      log.push(`binary ${hex(data)}`);
      const payload = sender.compressFragment(data, true).slice();
      const cut = next(payload.length);
      return bytesOf(
        peer.binary(payload.subarray(0, cut), { fin: false, ...RSV1 }),
        peer.continuation(payload.subarray(cut)),
      );
    }),
  );
  receives(role, stream, log, options);
});

both("6", "UTF-8 is asked of the message, not of its payload", (role, options, peer) => {
  const text = "\ufeffé😀\ufeff";
  const halves = deflated(text);
  receives(
    role,
    bytesOf(
      peer.text(halves.subarray(0, 4), { fin: false, ...RSV1 }),
      peer.continuation(halves.subarray(4)),
      peer.text(deflated("ascii"), RSV1),
    ),
    [`text ${show(text)}`, 'text "ascii"'],
    options,
  );
  for (const wrong of [[0xff], [0x61, 0xc3], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xc0, 0x80]]) {
    const payload = deflated(Uint8Array.from(wrong));
    fails(role, peer.text(payload, RSV1), 1007, "8.1", options);
    const split = bytesOf(
      peer.text(payload.subarray(0, 2), { fin: false, ...RSV1 }),
      peer.continuation(payload.subarray(2)),
    );
    fails(role, split, 1007, "8.1", options);
    receives(role, peer.binary(payload, RSV1), [`binary ${hex(Uint8Array.from(wrong))}`], options);
  }
});

both("7.2.2", "what cannot be decompressed fails the connection with 1007", (role, options, peer) => {
  for (const payload of ["06", "f200110000", "000500fafe48656c6c6f00", "f248cd", "f348cdc9c9070007"]) {
    const first = [`text "a"`];
    const stream = bytesOf(peer.text("a"), peer.binary(fromHex(payload), RSV1));
    fails(role, stream, 1007, "RFC 7692, section 7.2.2", { ...options, first });
    const split = bytesOf(
      peer.text("a"),
      peer.text(fromHex(payload), { fin: false, ...RSV1 }),
      peer.continuation(""),
    );
    fails(role, split, 1007, "RFC 7692, section 7.2.2", { ...options, first });
  }
});

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
    deepEqual(recorder.messages, []);
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

both(
  "6",
  "from now on in pieces: a compressed message is still whole, others are not",
  (role, options, peer) => {
    const text = "pieces, pieces, pieces and whole";
    const payload = deflated(text);
    const stream = bytesOf(
      peer.text(payload.subarray(0, 9), { fin: false, ...RSV1 }),
      peer.ping("between"),
      peer.continuation(payload.subarray(9)),
      peer.text("ab", { fin: false }),
      peer.continuation("cd"),
      peer.text(HELLO, RSV1),
      peer.text("", RSV1),
    );
    for (const pieces of chunkings(stream)) {
      const messages: string[][] = [[]];
      const recorder = new Recorder(
        role,
        {
          message(data, last) {
            messages.at(-1)!.push(data as string);
            if (last) messages.push([]);
          },
        },
        undefined,
        options.compression!(),
      );
      recorder.protocol.streamFromNowOn();
      feed(recorder.protocol, pieces);
      deepEqual(messages.map((each) => each.join("")), [text, "abcd", "Hello", "", ""]);
      deepEqual([messages[0]!.length, messages[2]!.length, messages[3]!.length], [1, 1, 1]);
    }
  },
);

both(
  "6",
  "from now on in pieces, in the middle of a compressed message: it comes whole at its end",
  (role, options, peer) => {
    const recorder = new Recorder(role, {}, undefined, options.compression!());
    feed(recorder.protocol, [peer.text(HELLO.subarray(0, 3), { fin: false, ...RSV1 })]);
    recorder.protocol.streamFromNowOn();
    deepEqual(recorder.log, []);
    feed(recorder.protocol, [peer.continuation(HELLO.subarray(3), { fin: false })]);
    deepEqual(recorder.log, []);
    feed(recorder.protocol, [peer.continuation(""), peer.binary(noise(3), { fin: false })]);
    deepEqual(recorder.log, ['text "Hello"', `binary ${hex(noise(3))} ...`]);
  },
);

both("6", "from now on in pieces: compressed messages have their limits still", (role, options, peer) => {
  const limits = { maxMessageSize: 1000, maxFragments: 3 };
  const before: PlayOptions["before"] = (protocol) => protocol.streamFromNowOn();
  const all = { ...options, limits, before };
  receives(
    role,
    peer.binary(deflated(new Uint8Array(1000)), RSV1),
    [`binary ${hex(new Uint8Array(1000))}`],
    all,
  );
  const tooLong = peer.binary(deflated(new Uint8Array(1001)), RSV1);
  equal(play(role, [tooLong], all).log.at(-1), 'finish 1006 "" unclean remote ProtocolError 1009');
  const tooMany = bytesOf(
    peer.binary(HELLO, { fin: false, ...RSV1 }),
    ...[1, 2, 3].map(() => peer.continuation("", { fin: false })),
  );
  equal(play(role, [tooMany], all).log.at(-1), 'finish 1006 "" unclean remote ProtocolError 1008');
  const endless = Array.from({ length: 50 }, () => peer.continuation(noise(100), { fin: false }));
  const { close } = play(role, [peer.binary(new Uint8Array(0), { fin: false }), ...endless], all);
  equal(close, undefined, "others have none");
});
