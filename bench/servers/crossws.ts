/** npm's `crossws` on the current runtime. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Bun } from "./bun.ts";
import { Deno, serveRequests } from "./deno.ts";
import { serving } from "./serving.ts";

/** A connection. */
export interface Peer {
  send(data: unknown): unknown;
  subscribe(topic: string): void;
}

/** Connection hooks. */
export interface Hooks {
  open?(peer: Peer): void;
  message(peer: Peer, message: { rawData: unknown }): void;
  error?(): void;
}

/** The server side. */
export interface Adapter {
  publish(topic: string, data: unknown): void;
  // deno-lint-ignore no-explicit-any -- each runtime's adapter has its own
  handleUpgrade(...request: any[]): any;
  readonly websocket?: unknown;
}

// Computed names, so that no compiler looks for types, which need the runtime's own.
async function adapterOf(specifier: string, hooks: Hooks): Promise<Adapter> {
  const { default: create } = await import(specifier);
  return create({ hooks });
}

/** Serves as the documentation shows for this runtime. */
export async function serve(hooks: Hooks): Promise<Adapter> {
  hooks.error ??= () => {};
  if (Bun !== undefined) {
    const adapter = await adapterOf("crossws/adapters/bun", hooks);
    const fetch = (request: Request, server: unknown) => adapter.handleUpgrade(request, server);
    serving(Bun.serve({ hostname: "127.0.0.1", port: 0, fetch, websocket: adapter.websocket }).port);
    return adapter;
  }
  if (Deno !== undefined) {
    // By path: Deno resolves names in deno.json, where a package that only the bench needs has no place.
    const file = new URL("../../node_modules/crossws/dist/adapters/deno.mjs", import.meta.url);
    const adapter = await adapterOf(file.href, hooks);
    serving(serveRequests((request, info) => adapter.handleUpgrade(request, info)));
    return adapter;
  }
  const adapter = await adapterOf("crossws/adapters/node", hooks);
  const server = createServer();
  server.on("upgrade", adapter.handleUpgrade);
  server.listen(0, "127.0.0.1", () => serving((server.address() as AddressInfo).port));
  return adapter;
}
