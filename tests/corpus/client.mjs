// node client.mjs COMMAND...: lets a hostile server speak every entry of client.json to the client that COMMAND starts
// with the URL behind it: RUNTIME... MAIN connect --echo --compress --max-fragments 16384 --handshake-timeout 2000 --close-timeout 2000.
import { spawnSync } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const { status } = spawnSync(process.execPath, [
  join(dirname(fileURLToPath(import.meta.url)), "run-client.mjs"),
  "--limits",
  "max_payload=1048576,max_fragments=16384,handshake_timeout_ms=2000",
  "--fail-only",
  "--",
  ...process.argv.slice(2),
], { stdio: "inherit" });
process.exit(status ?? 1);
