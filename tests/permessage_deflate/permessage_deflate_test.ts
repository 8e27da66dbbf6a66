/** Messages compressed and decompressed (RFC 7692, section 7.2), by the RFC's own examples and rule by rule. */
import { deepEqual, equal, ok } from "node:assert/strict";
import { zlibCodec } from "../../src/compression/zlib_codec.ts";
import type { DeflateCodec } from "../../src/permessage_deflate/deflate_codec.ts";
import { PermessageDeflate } from "../../src/permessage_deflate/permessage_deflate.ts";
import { test } from "../harness.ts";
import { allocations, bytesOf, fromHex, hex, noise, sameBytes } from "../protocol/frames.ts";
import { end, message, RecordingCodec, refusal } from "./support.ts";
import { StrictInflater } from "./strict_inflater.ts";

const LIMIT = 1000;
const HELLO = bytesOf("Hello");

/** The messages of these payloads, one after the other on one connection; a number is the code that it fails with. */
function received(payloads: string[], takeover = true, limit = LIMIT): (string | number)[] {
  const receiver = end({ takeover });
  return payloads.map((payload) => {
    const result = receiver.decompress(fromHex(payload), limit);
    return result instanceof Uint8Array ? new TextDecoder().decode(result) : refusal(result);
  });
}

test("RFC 7692, section 7.2.3.1: Hello, compressed and decompressed", () => {
  for (const takeover of [true, false]) {
    deepEqual(received(["f248cdc9c90700"], takeover), ["Hello"]);
    equal(hex(end({ takeover }).compressFragment(HELLO, true)), "f248cdc9c90700");
  }
});

test("RFC 7692, section 7.2.3.2: a second Hello refers to the first, where the window is taken over", () => {
  deepEqual(received(["f248cdc9c90700", "f200110000"]), ["Hello", "Hello"]);
  deepEqual(received(["f248cdc9c90700", "f248cdc9c90700"]), ["Hello", "Hello"]);
  deepEqual(received(["f248cdc9c90700", "f248cdc9c90700"], false), ["Hello", "Hello"]);
  for (const role of ["server", "client"] as const) {
    const sender = end({}, role);
    sender.compressFragment(HELLO, true);
    const second = sender.compressFragment(HELLO, true).slice();
    ok(second.length <= 5, hex(second));
    const strict = new StrictInflater(15, true);
    strict.message(fromHex("f248cdc9c90700"));
    sameBytes(strict.message(second), HELLO);
  }
});

test("RFC 7692, section 7.1.1: where each message is to stand by itself, one that refers back is refused, and not made", () => {
  deepEqual(received(["f248cdc9c90700", "f200110000"], false), ["Hello", 1007]);
  const sender = end({ takeover: false });
  for (let i = 0; i < 3; i++) equal(hex(sender.compressFragment(HELLO, true)), "f248cdc9c90700");
});

test("RFC 7692, section 7.1: window and takeover are each direction's own", () => {
  const agreement = {
    serverNoContextTakeover: true,
    clientNoContextTakeover: false,
    serverMaxWindowBits: 9,
    clientMaxWindowBits: 10,
  };
  const old = noise(2000);
  for (const [role, own, peer] of [["server", 0, 1024], ["client", 1024, 0]] as const) {
    const codec = new RecordingCodec();
    const deflate = new PermessageDeflate(role, agreement, { level: 6, threshold: 0 }, codec);
    deflate.compressFragment(old, true);
    deflate.compressFragment(HELLO, true);
    deepEqual(codec.deflated.map(({ window }) => window.length), [0, own]);
    deepEqual(codec.deflated.map(({ windowBits }) => windowBits), role === "server" ? [9, 9] : [10, 10]);
    message(deflate.decompress(end().compressFragment(old, true), 2000));
    message(deflate.decompress(fromHex("f248cdc9c90700"), LIMIT));
    deepEqual(codec.inflated, [{ limit: 2000, behind: 0 }, { limit: LIMIT, behind: peer }]);
  }
});

test("RFC 7692, section 7.2.3.3: a block without compression", () => {
  for (const takeover of [true, false]) deepEqual(received(["000500faff48656c6c6f00"], takeover), ["Hello"]);
  const stored = hex(end({ level: 0 }).compressFragment(HELLO, true));
  equal(stored, "000500faff48656c6c6f00");
});

test("RFC 7692, section 7.2.3.4: a final block ends neither the message nor those after it", () => {
  for (const takeover of [true, false]) {
    const final = "f348cdc9c9070000";
    deepEqual(received([final, final, "f248cdc9c90700", final], takeover), [
      "Hello",
      "Hello",
      "Hello",
      "Hello",
    ]);
    // Without the header of the empty block behind it, too.
    deepEqual(received(["f348cdc9c90700", "f248cdc9c90700"], takeover), ["Hello", "Hello"]);
  }
  // What comes after it may refer to it.
  deepEqual(received(["f348cdc9c9070000", "f200110000"]), ["Hello", "Hello"]);
});

test("RFC 7692, section 7.2.3.4: blocks behind a final one belong to the message, and may refer to it", () => {
  for (const takeover of [true, false]) {
    for (
      const [payload, text] of [
        ["f348cdc9c90700 f348cdc9c9070000", "HelloHello"],
        ["f348cdc9c90700 f248cdc9c90700", "HelloHello"],
        ["f348cdc9c90700 000000ffff f248cdc9c90700", "HelloHello"],
        ["f348cdc9c90700 f200110000", "HelloHello"],
        ["f348cdc9c90700 f3001100 f200110000", "HelloHelloHello"],
        ["f348cdc9c90700 010500faff576f726c64 f200110000", "HelloWorldHorld"],
        ["f348cdc9c90700 0300 0300 f200110000", "HelloHello"],
        ["010500faff48656c6c6f 010500faff48656c6c6f 00", "HelloHello"],
      ] as const
    ) {
      deepEqual(received([payload, "f248cdc9c90700"], takeover), [text, "Hello"], payload);
    }
  }
  deepEqual(received(["f348cdc9c90700 f348cdc9c9070000", "f200110000"]), ["HelloHello", "Hello"]);
});

test("RFC 7692, section 7.2.3.4: blocks behind a final one may refer as far back as there is a window", () => {
  const old = noise(30_000);
  const final = bytesOf(fromHex("013075cf8a"), old);
  // A fixed block: a match of 258 bytes, 30,000 bytes back.
  const sender = end();
  sender.compressFragment(old, true);
  const again = sender.compressFragment(old.subarray(0, 258), true).slice();
  ok(again.length < 20, hex(again));
  for (const takeover of [true, false]) {
    const result = end({ takeover }).decompress(bytesOf(final, again), 40_000);
    sameBytes(message(result), bytesOf(old, old.subarray(0, 258)));
  }
});

test("RFC 7692, section 7.2.3.5: two blocks in one message", () => {
  for (const takeover of [true, false]) {
    deepEqual(received(["f248050000 00ffff cac9c90700"], takeover), ["Hello"]);
  }
  const sender = end();
  const [first, second] = [HELLO.subarray(0, 2), HELLO.subarray(2)];
  equal(hex(sender.compressFragment(first, false)), "f248050000" + "00ffff");
  equal(hex(sender.compressFragment(second, true)), "cac9c90700");
});

test("RFC 7692, section 7.2.3.6: an empty message is one octet, however often, and changes nothing for the next", () => {
  for (const takeover of [true, false]) {
    deepEqual(received(["00", "00", "f248cdc9c90700", "00", "00"], takeover), ["", "", "Hello", "", ""]);
    const sender = end({ takeover });
    for (let i = 0; i < 3; i++) {
      equal(hex(sender.compress(new Uint8Array(0))!), "00");
      equal(hex(sender.compressFragment(new Uint8Array(0), true)), "00");
      equal(hex(sender.compressAfresh(new Uint8Array(0))!), "00");
    }
    equal(hex(sender.compressFragment(HELLO, true)), "f248cdc9c90700");
  }
  deepEqual(received(["f248cdc9c90700", "00", "f200110000"]), ["Hello", "", "Hello"]);
});

test("RFC 7692, section 7.2.3.6: an empty message in any other form is one as well", () => {
  for (const takeover of [true, false]) {
    for (
      const payload of [
        "0200",
        "02000000ffff00",
        "0300",
        "030000",
        "010000ffff",
        "010000ffff00",
        "000000ffff00",
      ]
    ) {
      deepEqual(received([payload, payload, "f248cdc9c90700"], takeover), ["", "", "Hello"], payload);
    }
  }
});

test("RFC 7692, section 7.2.2: a payload of no octets is an empty message, and the next one is whole", () => {
  for (const takeover of [true, false]) {
    deepEqual(received(["", "f248cdc9c90700", "", ""], takeover), ["", "Hello", "", ""]);
  }
  deepEqual(received(["f248cdc9c90700", "", "f200110000"]), ["Hello", "", "Hello"]);
});

test("RFC 7692, section 7.2.1: two thousand empty blocks are nothing", () => {
  const payload = "000000ffff".repeat(2000);
  deepEqual(received([payload + "f248cdc9c90700", "f200110000"], true, 5), ["Hello", "Hello"]);
});

test("RFC 7692, section 7.2.1: a fragment without content is none, and the last one ends the message", () => {
  for (const takeover of [true, false]) {
    const sender = end({ takeover });
    const fragments = ["", "He", "", "llo", ""].map((part, index) =>
      sender.compressFragment(bytesOf(part), index === 4).slice()
    );
    deepEqual(fragments.map(({ length }) => length > 0), [false, true, false, true, true]);
    equal(hex(fragments[4]!), "00");
    deepEqual(received([hex(bytesOf(...fragments))], takeover), ["Hello"]);
    const strict = new StrictInflater(15, takeover);
    sameBytes(strict.message(bytesOf(...fragments)), HELLO);
  }
});

test("a message that compression would not make smaller is left as it is, and is not referred to afterwards", () => {
  const codec = new RecordingCodec();
  const sender = end({ codec });
  for (const data of [HELLO, noise(1), noise(100), noise(5000), noise(70_000)]) {
    equal(sender.compress(data), undefined);
    equal(sender.compressAfresh(data), undefined);
  }
  ok(codec.deflated.every(({ window }) => window.length === 0));
  const text = bytesOf("to be or not to be, to be or not to be");
  const payload = sender.compress(text)!.slice();
  ok(payload.length < text.length);
  sameBytes(new StrictInflater(15, true).message(payload), text);
});

test("a message of exactly its own size when compressed is left as it is", () => {
  // Payloads of 1 to 40 bytes for messages about as long: wherever the two meet, nothing is gained.
  for (let size = 1; size < 40; size++) {
    for (let repeated = 0; repeated < 12; repeated++) {
      const data = bytesOf(noise(size), new Uint8Array(repeated));
      const fragment = end().compressFragment(data, true);
      const compressed = end().compress(data);
      equal(compressed === undefined, fragment.length >= data.length, `${data.length}: ${fragment.length}`);
      if (compressed !== undefined) equal(compressed.length, fragment.length);
      equal(end().compressAfresh(data) === undefined, fragment.length >= data.length);
    }
  }
});

test("level 0 makes nothing smaller", () => {
  equal(end({ level: 0 }).compress(new Uint8Array(10_000)), undefined);
});

test("the level is the codec's, and a higher one makes text smaller", () => {
  const text = bytesOf(Array.from({ length: 3000 }, (_, i) => `${i * i} squares `).join(""));
  const sizes = [1, 9].map((level) => end({ level }).compress(text)!.length);
  ok(sizes[1]! < sizes[0]!, String(sizes));
  for (let level = 0; level < 10; level++) {
    const codec = new RecordingCodec();
    const sender = end({ level, codec });
    sender.compress(text);
    sender.compressAfresh(text);
    sender.compressFragment(text, true);
    deepEqual(codec.deflated.map((settings) => settings.level), [level, level, level]);
  }
});

test("the threshold decides where the caller does not", () => {
  for (const threshold of [0, 1, 64, 1000]) {
    const sender = end({ threshold });
    for (const size of [0, 1, 63, 64, 65, 999, 1000, 1001]) {
      equal(sender.wants(size, undefined), size >= threshold);
      equal(sender.wants(size, true), true);
      equal(sender.wants(size, false), false);
    }
  }
});

test("connections are alike whose messages may be the same when made afresh: of one level and one window", () => {
  const seen = new Map<number, string>();
  for (let level = 0; level < 10; level++) {
    for (let bits = 8; bits < 16; bits++) {
      const { likeness } = end({ level, bits });
      equal(seen.get(likeness), undefined);
      seen.set(likeness, `${level} ${bits}`);
      equal(end({ level, bits, takeover: false, threshold: 7 }).likeness, likeness);
      equal(end({ level, bits }, "client").likeness, likeness);
    }
  }
  const agreement = { serverNoContextTakeover: false, clientNoContextTakeover: false };
  const bits = { serverMaxWindowBits: 9, clientMaxWindowBits: 15 };
  const choice = { level: 6, threshold: 0 };
  const one = new PermessageDeflate("server", { ...agreement, ...bits }, choice, new RecordingCodec());
  equal(one.likeness, end({ bits: 9 }).likeness, "the window of its own messages counts");
});

test("a message that is made afresh refers to nothing, and nothing refers to it or to what was before it", () => {
  const codec = new RecordingCodec();
  const sender = end({ codec });
  const text = bytesOf("the same text over and over: the same text over and over");
  sender.compress(text);
  const afresh = sender.compressAfresh(text)!.slice();
  sameBytes(new StrictInflater(15, true).message(afresh), text);
  sender.compress(text);
  sender.sentAfresh();
  sender.compress(text);
  deepEqual(codec.deflated.map(({ window }) => window.length > 0), [false, false, true, false]);
  const size = text.length;
  sender.compress(text);
  equal(codec.deflated.at(-1)!.window.length, size, "and the window is there again");
  // Where nothing is taken over, there is nothing to forget.
  end({ takeover: false }).sentAfresh();
});

test("a connection holds a window for each direction that takes its context over, no more, and nothing before it is used", () => {
  // One that takes no memory itself: what is left is what the connection holds.
  const output = fromHex("000000ffff");
  const codec: DeflateCodec = {
    deflate: () => output,
    inflate(bytes, window) {
      window?.append(bytes);
      return { bytes, consumed: bytes.length };
    },
    inspect: () => undefined,
  };
  const data = noise(1000);
  // What the process holds is made by the first who fills a window, and reads it.
  const first = end({ codec });
  for (let i = 0; i < 100; i++) first.compress(data);
  for (const bits of [8, 10, 12, 15]) {
    for (const takeover of [true, false]) {
      let before: readonly number[] = [];
      const sizes = allocations((made) => {
        const deflate = end({ bits, takeover, codec });
        before = [...made];
        for (let i = 0; i < 100; i++) {
          deflate.compress(data);
          deflate.compressAfresh(data);
          deflate.compressFragment(data, true);
          deflate.decompress(data, LIMIT);
          deflate.inspect(data, LIMIT);
        }
      });
      deepEqual(before, []);
      if (!takeover) deepEqual(sizes, []);
      else equal(Math.max(...sizes), 2 ** bits);
    }
  }
});

test("what a codec answers is used up before it is called again, and before the next message", () => {
  const memory = new Uint8Array(10_000);
  const shared = (bytes: Uint8Array): Uint8Array => {
    memory.fill(0xee);
    memory.set(bytes);
    return memory.subarray(0, bytes.length);
  };
  const codec: DeflateCodec = {
    deflate: (bytes, settings) => shared(zlibCodec.deflate(bytes, settings)),
    inflate(...call) {
      const inflated = zlibCodec.inflate(...call);
      return typeof inflated === "object" ? { ...inflated, bytes: shared(inflated.bytes) } : inflated;
    },
    inspect: zlibCodec.inspect,
  };
  const [sender, receiver] = [end({ codec }), end({ codec })];
  for (const text of ["one message and one message", "another message and another message", "one message"]) {
    const payload = sender.compressFragment(bytesOf(text), true).slice();
    equal(new TextDecoder().decode(message(receiver.decompress(payload, LIMIT))), text);
  }
  // Longer than the window, so that what is put before a block is not what the message began with.
  const data = noise(600);
  const stored = (bytes: Uint8Array): Uint8Array => bytesOf([1, 44, 1, 0xd3, 0xfe], bytes);
  const finals = bytesOf(stored(data.subarray(0, 300)), stored(data.subarray(300)));
  sameBytes(message(end({ codec, bits: 8 }).decompress(finals, LIMIT)), data);
});
