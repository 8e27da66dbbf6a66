/** Registers the tests of one peer. */
import { afterAll, runtime, skip, test } from "../harness.ts";
import { compressionScenarios, MODES } from "./compression.ts";
import { type PeerKind, Scene } from "./scene.ts";
import { type Scenario, scenarios } from "./scenarios.ts";

/** Every scenario that the peer is able to, and its own, each a test. A peer that is slow has one test for all. */
export function interop(kind: PeerKind, own: readonly Scenario[] = []): void {
  const able = [...scenarios, ...own].filter((scenario) => isAble(kind, scenario));
  if (kind.slow) {
    register(kind, `RFC 6455: ${able.length} scenarios, one after the other: ${kind.name}`, able);
  } else for (const scenario of able) register(kind, `${scenario.name}: ${kind.name}`, [scenario]);
}

/** What must hold of compression, in each of our modes; `parameters` are those that the agreement must hold in both. */
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

/**
 * Where Deno looks for what a test has left open, each test has a peer of its own. Elsewhere the tests of a kind share one, as
 * long as none fails: to start a process takes longer than most scenarios.
 */
const SHARED = runtime !== "deno";
const running = new Map<PeerKind, Scene>();

async function play(kind: PeerKind, parts: readonly Scenario[]): Promise<void> {
  const scene = running.get(kind) ?? await Scene.begin(kind);
  running.delete(kind);
  try {
    for (const { name, run } of parts) {
      try {
        await run(scene);
      } catch (error) {
        throw new Error(`${name}: ${(error as Error).message}`, { cause: error });
      }
    }
    if (SHARED && scene.peer.running) {
      scene.peer.forget();
      running.set(kind, scene);
    }
  } finally {
    if (running.get(kind) !== scene) await scene[Symbol.asyncDispose]();
  }
}

afterAll(async () => {
  for (const scene of running.values()) await scene[Symbol.asyncDispose]();
  running.clear();
});
