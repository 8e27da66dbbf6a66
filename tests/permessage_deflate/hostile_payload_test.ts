/** Payloads that no honest peer sends, and messages that are too long (RFC 7692, section 7.2.2). */
import { equal, match, ok } from "node:assert/strict";
import process from "node:process";
import { zlibCodec } from "../../src/compression/zlib_codec.ts";
import { ProtocolError } from "../../src/protocol/errors.ts";
import { amount, test } from "../harness.ts";
import { bytesOf, fromHex, noise, random, sameBytes } from "../protocol/frames.ts";
import { end, KINDS, message, RecordingCodec, refusal, sample } from "./support.ts";

const MIB = 1024 * 1024;
const HELLO = fromHex("f248cdc9c90700");

for (const takeover of [true, false]) {
  const mode = takeover ? "with context takeover" : "without context takeover";

  test(`RFC 7692, section 7.2.2: what is no DEFLATE fails with 1007, ${mode}`, () => {
    const wrong: [string, string][] = [
      ["a block of the reserved type", "06"],
      ["a final block of the reserved type", "07"],
      ["a length that is not what its complement says", "000500fafe48656c6c6f00"],
      ["a stored block that ends early", "000500faff4865"],
      ["a distance before the start", "f200110000"],
      ["a block of the reserved type behind a final one", "f348cdc9c9070007"],
      ["a distance before the start behind a final block", "0300f200110000"],
      ["too many literal codes", "fcffffffff"],
      ["codes that are too many for their lengths", "04fe ffff ffff ffff"],
      ["half a header", "04"],
    ];
    for (const [what, payload] of wrong) {
      const receiver = end({ takeover });
      equal(refusal(receiver.decompress(fromHex(payload), 1000)), 1007, what);
    }
  });

  test(`RFC 7692, section 7.2.2: a payload that ends too early fails with 1007, ${mode}`, () => {
    const next = random(5);
    for (const kind of ["text", "runs"] as const) {
      const payload = end({ takeover }).compressFragment(sample(kind, 700, next), true).slice();
      for (let length = 1; length < payload.length - 1; length++) {
        const result = end({ takeover }).decompress(payload.subarray(0, length), 2000);
        equal(refusal(result), 1007, `${length} of ${payload.length} bytes of ${kind}`);
      }
    }
  });

  test(`RFC 7692, section 7.2.2: random bytes are a message within the limit, or fail; nothing else happens, ${mode}`, () => {
    const next = random(6);
    const codes = new Map<number, number>();
    let messages = 0;
    const count = (result: Uint8Array | ProtocolError, limit: number): void => {
      if (result instanceof ProtocolError) {
        codes.set(result.statusCode, (codes.get(result.statusCode) ?? 0) + 1);
      } else {
        ok(result.length <= limit);
        messages++;
      }
    };
    const text = sample("text", 3000, next);
    for (let round = 0; round < amount(1500, 500); round++) {
      const receiver = end({ takeover });
      message(receiver.decompress(HELLO, 10));
      const garbage = noise(1 + next(60), round);
      count(receiver.decompress(garbage, 100), 100);
      const payload = end({ level: next(10) }).compressFragment(text, true).slice();
      payload[next(payload.length)]! ^= 1 << next(8);
      count(end({ takeover }).decompress(payload, 2900 + next(200)), 3100);
    }
    ok(
      codes.get(1007)! > 100 && codes.get(1009)! > 10 && messages > 100,
      `${[...codes]}, ${messages} messages`,
    );
    equal(codes.size, 2);
  });

  test(`RFC 6455, section 7.4.1: a message of exactly the limit is received, one byte more fails with 1009, ${mode}`, () => {
    const next = random(7);
    for (const size of [1, 2, 63, 64, 65, 1000, 65_535, 65_536, 65_537, 131_072, MIB]) {
      for (const kind of ["zeros", "text", "noise"] as const) {
        if (size > 200_000 && kind !== "zeros") continue;
        const data = sample(kind, size, next);
        const sender = end({ takeover });
        const receiver = end({ takeover });
        // With a window, full or not, the limit is still the message's.
        for (let round = 0; round < 2; round++) {
          const payload = sender.compressFragment(data, true).slice();
          const result = end({ takeover: false }).decompress(payload, size - 1);
          if (round === 0) tooLong(result, size - 1);
          sameBytes(message(receiver.decompress(payload, size)), data);
        }
        tooLong(receiver.decompress(end().compressFragment(data, true), size - 1), size - 1);
      }
    }
    tooLong(end({ takeover }).decompress(HELLO, 0), 0);
    equal(message(end({ takeover }).decompress(fromHex("00"), 0)).length, 0);
  });

  test(`RFC 6455, section 7.4.1: the limit holds for all blocks of a message together, final ones too, ${mode}`, () => {
    const twice = bytesOf(HELLO, fromHex("0000ffff"), HELLO);
    const finals = fromHex("f348cdc9c90700 f348cdc9c90700 f348cdc9c9070000");
    for (const [payload, size] of [[twice, 10], [finals, 15]] as const) {
      equal(message(end({ takeover }).decompress(payload, size)).length, size);
      for (let limit = 0; limit < size; limit++) tooLong(end({ takeover }).decompress(payload, limit), limit);
    }
  });

  test(`RFC 6455, section 7.4.1: a limit may be none, larger than any memory, or no whole number, ${mode}`, () => {
    for (const limit of [Infinity, Number.MAX_SAFE_INTEGER, 2 ** 53, 2 ** 33, 2 ** 32, 2 ** 32 - 1, 5.5]) {
      const receiver = end({ takeover });
      for (let round = 0; round < 2; round++) {
        equal(message(receiver.decompress(HELLO, limit)).length, 5, `limit ${limit}`);
      }
      equal(receiver.inspect(HELLO, limit), undefined);
    }
    tooLong(end({ takeover }).decompress(HELLO, 4.5), 4.5);
  });

  test(`64 final blocks are read, and no more: each costs a run of the decoder, ${mode}`, () => {
    for (const [count, size] of [[1, 5], [63, 315], [64, 320]] as const) {
      const payload = fromHex("f348cdc9c90700".repeat(count) + "00");
      equal(message(end({ takeover }).decompress(payload, 1000)).length, size);
    }
    for (const tail of ["", "00", "f248cdc9c90700"]) {
      for (const count of tail.length > 2 ? [64, 65, 5000] : [65, 66, 5000]) {
        const codec = new RecordingCodec();
        const result = end({ takeover, codec }).decompress(fromHex("0300".repeat(count) + tail), 1000);
        equal(refusal(result), 1007);
        match((result as ProtocolError).message, /more than 64 final blocks/);
        equal(codec.inflated.length, 64);
      }
    }
  });

  test(`final blocks before the end of a message: 64, then one for each 256 octets, ${mode}`, () => {
    const finals = (count: number, size = 0): Uint8Array =>
      fromHex("000000ffff".repeat(Math.ceil(size / 5)) + "0300".repeat(count) + "0300");
    const codec = new RecordingCodec();
    const receiver = end({ takeover, codec });
    // One at the end is what some peers send, with each message.
    for (let i = 0; i < 200; i++) equal(message(receiver.decompress(finals(0), 10)).length, 0);
    for (let i = 0; i < 21; i++) equal(message(receiver.decompress(finals(3), 10)).length, 0);
    for (let i = 0; i < 50; i++) equal(message(receiver.decompress(finals(4, 4 * 256), 10)).length, 0);
    const runs = codec.inflated.length;
    equal(refusal(receiver.decompress(finals(9, 256), 10)), 1007);
    ok(codec.inflated.length <= runs + 5);
  });

  test(`many final blocks are read where each has come with 256 octets or more, in one message or in several, ${mode}`, () => {
    const block = bytesOf(fromHex("01" + "2c01" + "d3fe"), noise(300));
    const receiver = end({ takeover });
    for (const count of [200, 65, 2]) {
      const payload = bytesOf(...new Array<Uint8Array>(count).fill(block), [0]);
      equal(message(receiver.decompress(payload, MIB)).length, 300 * count);
    }
    // Messages without one earn those of later messages.
    const ordinary = bytesOf(fromHex("00" + "2c01" + "d3fe"), noise(300), [0]);
    for (let i = 0; i < 500; i++) {
      message(receiver.decompress(ordinary, MIB));
      equal(message(receiver.decompress(fromHex("03000300"), 10)).length, 0);
    }
  });

  test(`64 MiB out of 64 KiB: inflating stops at the limit, and memory with it, ${mode}`, () => {
    const payload = bomb(64);
    ok(payload.length < 68 * 1024);
    const codec = new RecordingCodec();
    const receiver = end({ takeover, codec });
    message(receiver.decompress(end().compressFragment(noise(40_000), true), MIB));
    const before = process.memoryUsage().rss;
    tooLong(receiver.decompress(payload, MIB), MIB);
    equal(refusal(receiver.inspect(payload, MIB)), 1009);
    const grown = process.memoryUsage().rss - before;
    ok(grown < 17 * MIB, `${Math.round(grown / MIB)} MiB more`);
    ok(codec.inflated.every(({ limit }) => limit === MIB));
  });

  test(`a payload that is not whole yet: too much or no DEFLATE is told, and nothing else, ${mode}`, () => {
    const next = random(8);
    for (const kind of KINDS) {
      const data = sample(kind, 20_000, next);
      const sender = end({ takeover });
      const receiver = end({ takeover });
      for (let round = 0; round < 2; round++) {
        const payload = sender.compressFragment(data, true).slice();
        for (let length = 1; length <= payload.length; length += 1 + next(payload.length >> 3)) {
          const part = payload.subarray(0, length);
          equal(receiver.inspect(part, data.length), undefined, `${length} of ${payload.length}`);
        }
        equal(receiver.inspect(payload, data.length), undefined);
        equal(refusal(receiver.inspect(payload, data.length - 1)), 1009);
        // No look has changed the window.
        sameBytes(message(receiver.decompress(payload, data.length)), data);
      }
      equal(refusal(receiver.inspect(bytesOf(fromHex("06"), noise(1000)), 10_000)), 1007);
    }
  });
}

test("a payload that cannot hold too much is not looked into", () => {
  const codec = new RecordingCodec();
  const receiver = end({ codec });
  const zeros = end().compressFragment(new Uint8Array(100_000), true).slice();
  equal(receiver.inspect(zeros, 1032 * zeros.length), undefined);
  equal(codec.inflated.length, 0);
  equal(receiver.inspect(zeros, 1032 * zeros.length - 1), undefined);
  equal(codec.inflated.length, 1);
});

test("RFC 7692, section 7.1.1.2: a client that takes over its context against its word fails, and reads no stale data", () => {
  for (const bits of [8, 15]) {
    const sender = end({ bits }, "client");
    const receiver = end({ takeover: false });
    const data = noise(200);
    sameBytes(message(receiver.decompress(sender.compressFragment(data, true), 200)), data);
    equal(refusal(receiver.decompress(sender.compressFragment(data, true), 200)), 1007);
  }
});

test("RFC 7692, section 7.1.2: a distance beyond what the window holds of earlier messages fails", () => {
  const old = noise(300);
  const sender = end({ bits: 15 });
  const receiver = end({ bits: 8 });
  const payloads = [old, old].map((data) => sender.compressFragment(data, true).slice());
  sameBytes(message(receiver.decompress(payloads[0]!, 300)), old);
  equal(refusal(receiver.decompress(payloads[1]!, 300)), 1007);
});

function tooLong(result: Uint8Array | ProtocolError, limit: number): void {
  equal(refusal(result), 1009);
  // The limit is the one that was set, whatever else lies in the decoder's way.
  ok(
    (result as ProtocolError).message.includes(`limit of ${limit} bytes`),
    (result as ProtocolError).message,
  );
}

/** This many MiB of zeros, compressed a thousandfold, made without that much memory. */
function bomb(mebibytes: number): Uint8Array {
  const open = zlibCodec.deflate(new Uint8Array(MIB), {
    window: new Uint8Array(0),
    windowBits: 15,
    level: 9,
  });
  return bytesOf(...new Array<Uint8Array>(mebibytes).fill(open.slice())).slice(0, -4);
}
