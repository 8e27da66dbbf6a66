/** Compressed messages between their frames (RFC 7692, section 6): received. */
import { deepEqual, equal } from "node:assert/strict";
import { AGAIN, both, deflated, HELLO, RSV1 } from "./compression_support.ts";
import { bytesOf, fromHex, hex, noise, random, show } from "./frames.ts";
import { chunkings, fails, feed, play, type PlayOptions, receives, Recorder } from "./support.ts";
import { end } from "../permessage_deflate/support.ts";

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
