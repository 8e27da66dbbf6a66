/** Who resets a connection before it was accepted must not cost the others anything. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import process from "node:process";
import { connect, serve } from "../../mod.ts";
import { projectRoot } from "../fixtures.ts";
import { runtime, test } from "../harness.ts";

const HOSTILE = 100;

test("connections that are reset before they are accepted are no error of the server's, and hold up nobody", async () => {
  const errors: unknown[] = [];
  const server = await serve({ port: 0, error: (error) => void errors.push(error) }, {});
  const run = runtime === "deno" ? ["run", "--allow-net"] : [];
  const script = join(projectRoot, "tests", "soak", "reset_peers.mjs");
  // This process is blocked meanwhile, so it accepts none of them before they are reset.
  execFileSync(process.execPath, [...run, script, String(server.port), String(HOSTILE)]);
  await (await connect(server.url, { handshakeTimeout: 5000 })).close();
  await server.shutdown();
  assert.deepEqual(errors, []);
});
