/** Two protocols of ours, joined, by fast-check: whatever is done to them, they agree on what was said. */
import fc from "fast-check";
import { amount, test } from "../harness.ts";
import { deflating, type Model, peaceful, plain, rough } from "./pair/commands.ts";
import type { Side } from "./pair/operations.ts";
import { World, type WorldOptions } from "./pair/world.ts";

const SEED = 6455;
const RUNS = amount(250, 40);

function agree(
  what: string,
  ends: fc.Arbitrary<WorldOptions>,
  commands: fc.Arbitrary<Iterable<fc.Command<Model, World>>>,
): void {
  test(`two ends agree on every message and on how it ended: ${what}`, () => {
    fc.assert(
      fc.property(ends, commands, (options, steps) => {
        const world = new World(options);
        fc.modelRun(() => ({ model: { over: new Set<Side>() }, real: world }), steps);
        world.settle();
      }),
      { seed: SEED, numRuns: RUNS },
    );
  });
}

agree("without compression", plain, peaceful);
agree("with every negotiable compression", deflating, peaceful);
agree("without compression, where ends fail, die and are reset", plain, rough);
agree("with every negotiable compression, where ends fail, die and are reset", deflating, rough);
