/** Frames, messages and the closing handshake, of both roles (RFC 6455, sections 5 to 8). */
import type { MessageLimits } from "../../../src/protocol/message_assembler.ts";
import type { Role } from "../../../src/protocol/protocol.ts";
import { frames } from "../corpus.ts";
import { cutsOf } from "../cuts.ts";
import { FrameMaker } from "../frame_maker.ts";
import type { Reaction } from "../protocol_log.ts";
import { reactionsOf, run, sameForAll } from "../protocol_run.ts";
import { joined, mutated, type Random } from "../random.ts";
import { expectedOf } from "../reference.ts";
import { Choices, ensure, type Target } from "../target.ts";

const LIMITS: readonly MessageLimits[] = [
  { maxMessageSize: 2000, maxFragments: 20 },
  { maxMessageSize: 125, maxFragments: 3 },
  { maxMessageSize: 70_000, maxFragments: 1000 },
  { maxMessageSize: 16, maxFragments: 2 },
];

function make(random: Random): Uint8Array {
  // Half of them with an owner who only listens: what must come of those is known.
  const choices = random.bytes(4);
  if (random.once(2)) choices[1]! &= 0xc0;
  if (!random.once(3)) choices[1]! &= 0x3f;
  const { role, limits } = caseOf(new Choices(choices));
  const masked = role === "server";
  let stream: Uint8Array;
  const way = random.below(16);
  if (way === 0) {
    stream = random.bytes(random.below(64));
    if (stream.length > 1 && random.once(2)) {
      stream[0] = random.pick([0x01, 0x02, 0x81, 0x82, 0x88, 0x89, 0x8a]);
      stream[1] = (stream[1]! & 0x7f) | (masked ? 0x80 : 0);
    }
  } else if (way < 3) {
    stream = mutated(random.pick(frames), random);
  } else {
    stream = new FrameMaker(random, masked, limits).stream();
    if (random.once(4)) stream = mutated(stream, random, 3);
    if (random.once(10)) stream = stream.subarray(0, random.below(stream.length + 1));
  }
  return joined([choices, stream]);
}

interface Case {
  readonly role: Role;
  readonly limits: MessageLimits;
  /** Whether the owner does nothing else. */
  readonly listening: boolean;
  readonly streaming: boolean;
  readonly reactions: readonly Reaction[];
}

function caseOf(choices: Choices): Case {
  const role = choices.below(2) === 0 ? "server" : "client";
  const behaviour = choices.byte();
  const reactions = reactionsOf(choices.byte(), choices.byte());
  const listening = (behaviour & 0x3f) === 0;
  return {
    role,
    limits: LIMITS[behaviour >> 6]!,
    listening,
    streaming: (behaviour & 1) !== 0,
    reactions: listening ? [] : reactions,
  };
}

function check(input: Uint8Array): void {
  const choices = new Choices(input);
  const options = caseOf(choices);
  const { role, limits } = options;
  const stream = choices.rest();
  const lines = sameForAll(cutsOf(stream), (cut) => run(role, stream, cut, options));
  if (!options.listening) return;
  const expected = expectedOf(role, stream, limits).join("\n");
  ensure(lines === expected, () => `it did\n${lines}\nand not\n${expected}`);
}

export const protocol: Target = {
  name: "protocol",
  make,
  check,
  // Never more than twice what has come, and within the limit, unless messages are handed on in pieces.
  largestArray: (input) => {
    const { limits, listening } = caseOf(new Choices(input));
    const most = Math.max(1024, 2 * input.length);
    return Math.max(125, listening ? Math.min(limits.maxMessageSize, most) : most);
  },
};
