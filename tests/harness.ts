/**
 * One `test()` for three runners: `Deno.test` on Deno, so that its sanitizers watch for leaked timers, sockets
 * and promises, and `node:test` on Node and Bun.
 */
import process from "node:process";
import nodeTest, { after } from "node:test";

interface DenoTest {
  test(
    definition: {
      name: string;
      ignore?: boolean;
      sanitizeOps?: boolean;
      sanitizeResources?: boolean;
      fn: () => void | Promise<void>;
    },
  ): void;
}

const deno = (globalThis as { Deno?: DenoTest }).Deno;

/** Milliseconds after which a test that waits for what does not come has failed; Bun's own limit is five seconds. */
const TIMEOUT = 120_000;

/** The name of the runtime under test. */
export const runtime: "node" | "deno" | "bun" = deno !== undefined
  ? "deno"
  : "Bun" in globalThis
  ? "bun"
  : "node";

/** Registers one test. `leaks` says which other library leaves something behind, so that Deno does not look for leaks. */
export function test(name: string, fn: () => void | Promise<void>, { leaks }: { leaks?: string } = {}): void {
  if (deno !== undefined) {
    deno.test(
      leaks === undefined ? { name, fn } : { name, fn, sanitizeOps: false, sanitizeResources: false },
    );
  } else nodeTest(name, { timeout: TIMEOUT }, async () => await fn());
}

/** Calls back when the tests of this file have run, but for Deno, where nothing may outlive a test. */
export function afterAll(fn: () => Promise<void>): void {
  if (deno === undefined) after(fn);
}

/** Registers a test that cannot run here, says so in one line and counts as skipped. */
export function skip(name: string, reason: string): void {
  console.error(`skipped: ${name}: ${reason}`);
  if (deno !== undefined) deno.test({ name, ignore: true, fn: () => {} });
  else nodeTest(name, { skip: reason }, () => {});
}

const shared = process.env["WOSHOU_SHARE"] === "1";

/**
 * How much of something a test does: all of it, or a share where the whole suite runs, which does all on one runtime (see
 * `node tests/run.mjs --help`).
 */
export function amount<Amount>(all: Amount, share: Amount): Amount {
  return shared ? share : all;
}
