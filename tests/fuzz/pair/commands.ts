/** Operations as commands of fast-check, which looks for the shortest list of them that goes wrong. */
import fc from "fast-check";
import type { DeflateWishes } from "../../../src/permessage_deflate/negotiation.ts";
import { CLOSE_CODES, FAIL_CODES, type Operation, REASONS, type Side } from "./operations.ts";
import type { World, WorldOptions } from "./world.ts";

/** What is known of the ends without a look at them. */
export interface Model {
  /** The ends that have closed, failed, died or been reset by themselves. */
  readonly over: Set<Side>;
}

/** One operation. */
class Step implements fc.Command<Model, World> {
  readonly #operation: Operation;

  constructor(operation: Operation) {
    this.#operation = operation;
  }

  /** Nothing is done at an end that is over but to let bytes arrive; that it refuses all else is tried by the fuzzer. */
  check(model: Readonly<Model>): boolean {
    return this.#operation.what === "deliver" || !model.over.has(this.#operation.side);
  }

  run(model: Model, world: World): void {
    const { what, side } = this.#operation;
    world.apply(this.#operation);
    if (what === "close" || what === "fail" || what === "die") model.over.add(side);
    if (what === "reset") model.over.add("client").add("server");
    for (const each of model.over) {
      if (world[each].protocol.open) throw new Error(`the ${each} is open, though it has closed`);
    }
  }

  toString(): string {
    return JSON.stringify(this.#operation);
  }
}

const side: fc.Arbitrary<Side> = fc.constantFrom("client", "server");
const data = fc.record({ kind: fc.nat(31), size: fc.oneof(fc.nat(40), fc.nat(300), fc.nat(5000)) });
const compress = fc.constantFrom(undefined, true, false);
const piece = fc.constantFrom(1, 2, 3, 7, 64, 100_000);

const operations: Record<Operation["what"], fc.Arbitrary<Operation>> = {
  message: fc.record({ side, what: fc.constant("message" as const), data, compress }),
  encoded: fc.record({
    side: fc.constant("server" as const),
    what: fc.constant("encoded" as const),
    data,
    compress,
  }),
  fragment: fc.record({
    side,
    what: fc.constant("fragment" as const),
    data,
    compress: fc.boolean(),
    last: fc.boolean(),
  }),
  ping: fc.record({ side, what: fc.constant("ping" as const), size: fc.nat(125) }),
  pong: fc.record({ side, what: fc.constant("pong" as const), size: fc.nat(125) }),
  close: fc.record({
    side,
    what: fc.constant("close" as const),
    code: fc.constantFrom(...CLOSE_CODES),
    reason: fc.constantFrom(...REASONS),
  }),
  fail: fc.record({ side, what: fc.constant("fail" as const), code: fc.constantFrom(...FAIL_CODES) }),
  deliver: fc.record({ side, what: fc.constant("deliver" as const), count: fc.nat(6000), piece }),
  stream: fc.record({ side, what: fc.constant("stream" as const) }),
  congest: fc.record({ side, what: fc.constant("congest" as const) }),
  drain: fc.record({ side, what: fc.constant("drain" as const) }),
  die: fc.record({ side, what: fc.constant("die" as const) }),
  reset: fc.record({ side, what: fc.constant("reset" as const) }),
};

function steps(...whats: Operation["what"][]): fc.Arbitrary<Step>[] {
  return whats.map((what) => operations[what].map((operation) => new Step(operation)));
}

const TALK = ["message", "message", "encoded", "fragment", "fragment", "ping", "pong"] as const;
const FLOW = ["deliver", "deliver", "deliver", "stream", "congest", "drain"] as const;

/** What two ends say to each other, and how they close. */
export const peaceful: fc.Arbitrary<Iterable<fc.Command<Model, World>>> = fc.commands(
  steps(...TALK, ...FLOW, ...TALK, ...FLOW, "close"),
  { maxCommands: 80, size: "max" },
);

/** As above, and what may break. */
export const rough: fc.Arbitrary<Iterable<fc.Command<Model, World>>> = fc.commands(
  steps(...TALK, ...FLOW, ...TALK, ...FLOW, ...TALK, ...FLOW, "close", "fail", "die", "reset"),
  { maxCommands: 80, size: "max" },
);

const wishes: fc.Arbitrary<DeflateWishes> = fc.record({
  noContextTakeover: fc.boolean(),
  peerNoContextTakeover: fc.boolean(),
  windowBits: fc.integer({ min: 8, max: 15 }),
  peerWindowBits: fc.integer({ min: 8, max: 15 }),
});

/** Ends that do not compress. */
export const plain: fc.Arbitrary<WorldOptions> = fc.constant({ level: 0, threshold: 0, strict: false });

/** Ends that do, with whatever wishes. */
export const deflating: fc.Arbitrary<WorldOptions> = fc.record({
  deflate: fc.record({ client: wishes, server: wishes }),
  level: fc.nat(9),
  threshold: fc.constantFrom(0, 32, 128),
  strict: fc.boolean(),
});
