/** Registers the tests of one peer. */
import { skip, test } from "../harness.ts";
import { type PeerKind, Scene } from "./scene.ts";
import { type Scenario, scenarios } from "./scenarios.ts";

/** Every scenario that the peer is able to, and its own, each a test with a process of its own unless it is slow. */
export function interop(kind: PeerKind, own: readonly Scenario[] = []): void {
  const missing = "missing" in kind.start ? kind.start.missing : undefined;
  const able: Scenario[] = [];
  for (const scenario of [...scenarios, ...own]) {
    const reason = scenario.needs === undefined ? undefined : kind.cannot[scenario.needs];
    if (reason === undefined) able.push(scenario);
    else skip(`${scenario.name}: ${kind.name}`, reason);
  }
  const register = (name: string, parts: readonly Scenario[]): void =>
    missing === undefined ? test(name, () => play(kind, parts)) : skip(name, missing);
  if (kind.slow) register(`RFC 6455: ${able.length} scenarios, one after the other: ${kind.name}`, able);
  else for (const scenario of able) register(`${scenario.name}: ${kind.name}`, [scenario]);
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
