/** Registers the tests of one peer. */
import { skip, test } from "../harness.ts";
import { compressionScenarios, MODES } from "./compression.ts";
import { type PeerKind, Scene } from "./scene.ts";
import { type Scenario, scenarios } from "./scenarios.ts";

/** Every scenario that the peer is able to, and its own, each a test with a process of its own unless it is slow. */
export function interop(kind: PeerKind, own: readonly Scenario[] = []): void {
  const able = [...scenarios, ...own].filter((scenario) => isAble(kind, scenario));
  if (kind.slow) {
    register(kind, `RFC 6455: ${able.length} scenarios, one after the other: ${kind.name}`, able);
  } else for (const scenario of able) register(kind, `${scenario.name}: ${kind.name}`, [scenario]);
}

/**
 * What must hold of compression, with a process for each of our modes. `parameters` are those that the agreement must
 * hold in both.
 */
export function interopCompressed(kind: PeerKind, parameters: readonly string[] = []): void {
  for (const mode of MODES) {
    const name = (what: string): string => `RFC 7692, in mode ${mode}: ${what}: ${kind.name}`;
    const able = compressionScenarios(mode, parameters).filter((scenario) =>
      isAble(kind, { ...scenario, name: `RFC 7692, in mode ${mode}: ${scenario.name}` })
    );
    register(kind, name(`${able.length} scenarios, one after the other`), able);
  }
}

function isAble(kind: PeerKind, { name, needs }: Scenario): boolean {
  const reason = needs === undefined ? undefined : kind.cannot[needs];
  if (reason !== undefined) skip(`${name}: ${kind.name}`, reason);
  return reason === undefined;
}

function register(kind: PeerKind, name: string, parts: readonly Scenario[]): void {
  if ("missing" in kind.start) skip(name, kind.start.missing);
  else test(name, () => play(kind, parts));
}

async function play(kind: PeerKind, parts: readonly Scenario[]): Promise<void> {
  await using scene = await Scene.begin(kind);
  for (const { name, run } of parts) {
    try {
      await run(scene);
    } catch (error) {
      throw new Error(`${name}: ${(error as Error).message}`, { cause: error });
    }
  }
}
