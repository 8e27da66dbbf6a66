/** What is compressed comes out as it was, here and at a peer that holds the sender to what was agreed upon. */
import { equal, ok, throws } from "node:assert/strict";
import type { PermessageDeflate } from "../../src/permessage_deflate/permessage_deflate.ts";
import { runtime, test } from "../harness.ts";
import { bytesOf, fromHex, noise, random, sameBytes } from "../protocol/frames.ts";
import { end, type EndOptions, KINDS, message, sample, type Side } from "./support.ts";
import { StrictInflater } from "./strict_inflater.ts";

const BITS = [8, 9, 10, 11, 12, 13, 14, 15];

/** A direction: the sender, our receiver, and a stranger who takes nothing that was not agreed upon. */
class Direction {
  readonly sender: PermessageDeflate;
  readonly receiver: PermessageDeflate;
  readonly strict: StrictInflater;
  compressed = 0;
  farthest = 0;

  constructor(role: Side, options: EndOptions) {
    const { bits = 15, takeover = true } = options;
    this.sender = end(options, role);
    this.receiver = end(options, role === "server" ? "client" : "server");
    this.strict = new StrictInflater(bits, takeover);
  }

  /** The payload arrives, and is this message. */
  carry(payload: Uint8Array, data: Uint8Array): void {
    sameBytes(message(this.receiver.decompress(payload, data.length)), data);
    sameBytes(this.strict.message(payload), data);
    equal(this.strict.finals, 0, "not every peer survives a final block");
    this.farthest = Math.max(this.farthest, this.strict.farthest);
    this.compressed++;
  }

  whole(data: Uint8Array): void {
    const payload = this.sender.compress(data)?.slice();
    // Else it goes out as it is, and touches no window.
    if (payload !== undefined) this.carry(payload, data);
  }

  afresh(data: Uint8Array): void {
    const payload = this.sender.compressAfresh(data)?.slice();
    if (payload === undefined) return;
    this.sender.sentAfresh();
    this.carry(payload, data);
  }

  /** In this many fragments, some of them empty. */
  fragments(data: Uint8Array, count: number, next: (below: number) => number = () => 0): void {
    const cuts = Array.from({ length: count - 1 }, () => next(1 + data.length)).sort((a, b) => a - b);
    const pieces = [...cuts, data.length].map((end, index) =>
      this.sender.compressFragment(data.subarray(cuts[index - 1] ?? 0, end), index === count - 1).slice()
    );
    this.carry(bytesOf(...pieces), data);
  }
}

/** Sizes at which something changes: of lengths and headers, of windows, of the small deflater, of buffers. */
const BOUNDARIES = [0, 1, 2, 3, 64, 125, 126, 250, 256, 258, 259, 262, 512, 1024, 3800, 4096, 16_384, 32_768];

function size(next: (below: number) => number): number {
  const around = Math.max(0, BOUNDARIES[next(BOUNDARIES.length)]! + next(5) - 2);
  // The large ones are what takes time.
  return around > 4200 && next(3) > 0 ? next(4200) : around;
}

for (const role of ["server", "client"] as const) {
  for (const takeover of [true, false]) {
    const what = takeover ? "with context takeover" : "without context takeover";
    test(`RFC 7692, section 7.2: random messages of a ${role} ${what}, at every level and window size`, () => {
      for (const bits of BITS) {
        const next = random(2 * bits + Number(takeover));
        let compressed = 0;
        let farthest = 0;
        for (let level = 0; level < 10; level++) {
          const direction = new Direction(role, { bits, takeover, level });
          for (let round = 0; round < 12; round++) {
            const data = sample(KINDS[next(KINDS.length)]!, size(next), next);
            const way = next(4);
            if (way === 0) direction.afresh(data);
            else if (way === 1) direction.fragments(data, 1 + next(4), next);
            else direction.whole(data);
          }
          compressed += direction.compressed;
          farthest = Math.max(farthest, direction.farthest);
        }
        ok(compressed > 40, `${compressed} of 120 messages were compressed`);
        // Most of the window is made use of: zlib leaves out 262 bytes of it, and makes 9 bits of 8.
        ok(farthest > 2 ** bits / 4, `${bits} bits: no farther back than ${farthest}`);
      }
    });
  }
}

test("RFC 7692, section 7.2.1: a message at each boundary, whole, afresh and in fragments", () => {
  for (const takeover of [true, false]) {
    for (const bits of [8, 9, 12, 15]) {
      const direction = new Direction("server", { bits, takeover, level: 1 + bits % 9 });
      const next = random(bits);
      for (const boundary of [...BOUNDARIES, 65_535, 131_072]) {
        for (const length of [boundary - 1, boundary, boundary + 1]) {
          if (length < 0 || (length > 40_000 && bits !== 12)) continue;
          direction.whole(sample("text", length, next));
          direction.afresh(sample("runs", length, next));
          direction.fragments(sample("noise", length, next), 1 + next(4), next);
        }
      }
    }
  }
});

test("RFC 7692, section 7.2.3.2: with context takeover a repeated message is a few bytes, on every runtime", () => {
  for (const role of ["server", "client"] as const) {
    for (const bits of [10, 12, 15]) {
      const data = sample("noise", 500, random(bits));
      const direction = new Direction(role, { bits });
      direction.fragments(data, 1);
      for (let i = 0; i < 3; i++) {
        const payload = direction.sender.compress(data)!.slice();
        // Deno's deflater reads the window anew, and skips what lies within a long match: it does not find all again.
        const most = runtime === "deno" && i > 0 ? 300 : 30;
        ok(payload.length < most, `${payload.length} bytes`);
        direction.carry(payload, data);
      }
    }
  }
});

test("RFC 7692, section 7.1.1: without context takeover each message can be read by someone who has seen no other", () => {
  const sender = end({ takeover: false });
  const text = bytesOf("a message that is like all the others, like all the others");
  const payloads = Array.from({ length: 3 }, () => sender.compress(text)!.slice());
  for (const payload of payloads) {
    sameBytes(payload, payloads[0]!);
    sameBytes(new StrictInflater(15, true).message(payload), text);
  }
});

test("RFC 7692, section 7.1.2: a window of 8 bits is kept to, though zlib makes 9 of them", () => {
  const next = random(8);
  const direction = new Direction("server", { bits: 8, level: 9 });
  for (let distance = 200; distance < 600; distance += 3) {
    const period = sample("noise", distance, next);
    direction.whole(bytesOf(period, period, period));
    direction.whole(period);
  }
  ok(direction.compressed > 20 && direction.farthest > 200 && direction.farthest <= 256);
});

test("RFC 7692, section 7.2.2: a message longer than any buffer, behind a full window", () => {
  const direction = new Direction("client", { bits: 15 });
  const next = random(1);
  for (const length of [40_000, 90_000, 98_295, 98_304, 131_073, 200_000]) {
    direction.fragments(sample("noise", length, next), 1);
  }
});

test("a message of one connection, sent by another like it, comes between messages that take over the context", () => {
  const next = random(77);
  for (const bits of [8, 9, 12, 15]) {
    for (const options of [{ bits, level: 2 }, { bits, level: 6, takeover: false }]) {
      const connections = [0, 1, 2].map(() => new Direction("server", options));
      for (let round = 0; round < 120; round++) {
        const data = sample("text", 30 + next(700), next);
        if (next(3) > 0) {
          connections[next(3)]!.whole(data);
          continue;
        }
        const payload = connections[next(3)]!.sender.compressAfresh(data)?.slice();
        if (payload === undefined) continue;
        for (const connection of connections) {
          // One of them may be behind, and get it later or not at all.
          if (next(4) === 0) continue;
          connection.sender.sentAfresh();
          connection.carry(payload, data);
        }
      }
      for (const { compressed } of connections) ok(compressed > 40, `${compressed} messages`);
    }
  }
});

test("the tests' own receiver refuses what is beyond the window, before the start, or malformed", () => {
  const refuses = (payload: Uint8Array, why: RegExp, bits = 15, takeover = true): void => {
    throws(() => new StrictInflater(bits, takeover).message(payload), why);
  };
  // A match of 4 bytes, 5 bytes back.
  refuses(fromHex("f200110000"), /before the start/);
  const strict = new StrictInflater(8, false);
  strict.message(fromHex("f248cdc9c90700"));
  throws(() => strict.message(fromHex("f200110000")), /before the start/);
  const period = noise(400);
  const far = end({ bits: 15 }).compress(bytesOf(period, period))!.slice();
  equal(new StrictInflater(9, true).message(far).length, 800);
  refuses(far, /beyond the window/, 8);
  refuses(fromHex("06"), /reserved type/);
  refuses(fromHex("000500fafe48656c6c6f00"), /NLEN/);
  refuses(fromHex("f248cd"), /./);
  refuses(fromHex("0300"), /inside a block/);
});
