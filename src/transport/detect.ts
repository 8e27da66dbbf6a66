/**
 * Selects the adapter for this runtime. Only that one is loaded.
 *
 * @module
 */
import type { Adapter } from "./transport.ts";

/** Loads the adapter for the current runtime. */
export async function adapter(): Promise<Adapter> {
  if ("Deno" in globalThis) return (await import("./deno.ts")).denoAdapter;
  if ("Bun" in globalThis) return (await import("./bun.ts")).bunAdapter;
  return (await import("./node.ts")).nodeAdapter;
}
