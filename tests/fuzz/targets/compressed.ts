/** Frames where messages may be compressed, of both roles (RFC 7692, section 6 and 7.2). */
import { zlibCodec } from "../../../src/compression/zlib_codec.ts";
import type { DeflateAgreement } from "../../../src/permessage_deflate/negotiation.ts";
import { PermessageDeflate } from "../../../src/permessage_deflate/permessage_deflate.ts";
import type { MessageLimits } from "../../../src/protocol/message_assembler.ts";
import type { Role } from "../../../src/protocol/protocol.ts";
import { compressedFrames } from "../corpus.ts";
import { cutsOf } from "../cuts.ts";
import { FrameMaker } from "../frame_maker.ts";
import { agreementOf, BOMBS, CHOICE, ODD } from "../payloads.ts";
import { reactionsOf, run, type RunOptions, sameForAll } from "../protocol_run.ts";
import { joined, mutated, type Random } from "../random.ts";
import { Choices, type Target } from "../target.ts";

const LIMITS: readonly MessageLimits[] = [
  { maxMessageSize: 2000, maxFragments: 20 },
  { maxMessageSize: 300, maxFragments: 4 },
  { maxMessageSize: 65_536, maxFragments: 1000 },
  { maxMessageSize: 16, maxFragments: 20 },
];

interface Case extends RunOptions {
  readonly role: Role;
  readonly agreement: DeflateAgreement;
}

function caseOf(choices: Choices): Case {
  const role = choices.below(2) === 0 ? "server" : "client";
  const agreement = agreementOf(choices.byte(), choices.byte());
  const behaviour = choices.byte();
  const reactions = reactionsOf(choices.byte(), choices.byte());
  return {
    role,
    agreement,
    limits: LIMITS[behaviour >> 6]!,
    streaming: (behaviour & 0x30) === 0x30,
    reactions: (behaviour & 1) === 0 ? [] : reactions,
    compression: () => new PermessageDeflate(role, agreement, CHOICE, zlibCodec),
  };
}

function make(random: Random): Uint8Array {
  const choices = random.bytes(6);
  if (random.once(2)) choices[3]! &= 0x3f;
  const { role, agreement, limits } = caseOf(new Choices(choices));
  const masked = role === "server";
  if (random.once(8)) return joined([choices, mutated(random.pick(compressedFrames), random)]);
  const peer = new PermessageDeflate(masked ? "client" : "server", agreement, CHOICE, zlibCodec);
  const maker = new FrameMaker(random, masked, limits, (fragment, last) => {
    if (random.once(20)) return random.pick(random.once(2) ? BOMBS : ODD);
    return peer.compressFragment(fragment, last);
  });
  let stream = maker.stream();
  if (random.once(5)) stream = mutated(stream, random, 3);
  if (random.once(8)) stream = stream.subarray(0, random.below(stream.length + 1));
  return joined([choices, stream]);
}

function check(input: Uint8Array): void {
  const choices = new Choices(input);
  const options = caseOf(choices);
  const stream = choices.rest();
  sameForAll(cutsOf(stream), (cut) => run(options.role, stream, cut, options));
}

export const compressed: Target = {
  name: "compressed",
  make,
  check,
  // A window, a message within its limit and what the decoder works in, which all connections share.
  largestArray: () => 128 * 1024 + 32 * 1024,
};
