/** Compressed payloads, honest and hostile. */
import { zlibCodec } from "../../src/compression/zlib_codec.ts";
import type { DeflateAgreement } from "../../src/permessage_deflate/negotiation.ts";
import {
  type CompressionChoice,
  PermessageDeflate,
} from "../../src/permessage_deflate/permessage_deflate.ts";
import { latin1 } from "./heads.ts";
import { joined, type Random } from "./random.ts";

/** What an end compresses with; each message, for honest peers do so with very short ones, too. */
export const CHOICE: CompressionChoice = { level: 1, threshold: 0 };

/** An agreement by two bytes. */
export function agreementOf(flags: number, bits: number): DeflateAgreement {
  return {
    serverNoContextTakeover: (flags & 1) !== 0,
    clientNoContextTakeover: (flags & 2) !== 0,
    serverMaxWindowBits: 8 + (bits & 7),
    clientMaxWindowBits: 8 + ((bits >> 3) & 7),
  };
}

const ALONE = agreementOf(3, 0x3f);

function deflated(bytes: Uint8Array, level: number): Uint8Array {
  const alone = new PermessageDeflate("server", ALONE, { level, threshold: 0 }, zlibCodec);
  return alone.compressFragment(bytes, true).slice();
}

/** Short payloads of long messages. */
export const BOMBS: readonly Uint8Array[] = [1000, 2001, 20_000, 65_536, 65_537, 1 << 20].flatMap((size) => [
  deflated(new Uint8Array(size), 9),
  deflated(new Uint8Array(size).fill(0x61), 1),
]);

/** What no honest peer sends, or only an odd one. */
export const ODD: readonly Uint8Array[] = [
  "",
  "\x00",
  "\x00\x00",
  "\x01\x00\x00\xff\xff",
  "\x02\x00",
  "\x03\x00",
  "\x06",
  "\x07",
  "\x00\x00\x00\xff\xff",
  "\x00\x05\x00\xfa\xffHello\x00",
  "\x00\x05\x00\xfa\xfeHello\x00",
  "\x00\x05\x00\xfa\xffHe",
  "\xf2H\xcd\xc9\xc9\x07\x00",
  "\xf2\x00\x11\x00\x00",
  "\xf3H\xcd\xc9\xc9\x07\x00",
  "\xf3H\xcd\xc9\xc9\x07\x00\x00",
  "\xfc\xff\xff\xff\xff",
  "\x04\xfe\xff\xff\xff\xff\xff",
  "\x04",
  "\x03\x00\x03\x00\x03\x00",
  "\x01\x01\x00\xfe\xffa\x00",
].map(latin1);

const FINALS: readonly Uint8Array[] = ["\xf3H\xcd\xc9\xc9\x07\x00", "\x01\x01\x00\xfe\xffa", "\x03\x00"].map(
  latin1,
);

/** Final blocks, one behind the other: all of them are one message. */
export function finalBlocks(random: Random): Uint8Array {
  const block = random.pick(FINALS);
  return joined(
    Array.from({ length: 1 + random.below(70) }, () => random.once(20) ? random.pick(FINALS) : block),
  );
}

const WORDS = ["the quick brown fox ", '{"id":', "0123456789", "é世界", "aaaaaaaa", "\x00\x00\x00\x00"];

/** What a message may hold: text-like, noise, or both. */
export function plainData(random: Random, most: number): Uint8Array {
  const encoder = new TextEncoder();
  const pieces: Uint8Array[] = [];
  let size = random.below(random.once(4) ? most : 40);
  while (size > 0) {
    const piece = random.once(4) ? random.bytes(1 + random.below(20)) : encoder.encode(random.pick(WORDS));
    pieces.push(piece);
    size -= piece.length;
  }
  return joined(pieces);
}

/** One payload of an honest peer. */
export function honestPayload(peer: PermessageDeflate, random: Random): Uint8Array {
  const data = plainData(random, 300);
  const way = random.below(6);
  if (way === 0) {
    const payload = peer.compressAfresh(data)?.slice();
    if (payload === undefined) return peer.compressFragment(data, true).slice();
    peer.sentAfresh();
    return payload;
  }
  if (way < 3) return peer.compressFragment(data, true).slice();
  const cut = random.below(data.length + 1);
  const first = peer.compressFragment(data.subarray(0, cut), false).slice();
  return joined([first, peer.compressFragment(data.subarray(cut), true)]);
}
