// node server.mjs RUNTIME... MAIN: starts our own server there and sends it every entry of server.json.
import { spawn, spawnSync } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const [command, ...args] = process.argv.slice(2);
const server = spawn(command, [
  ...args,
  "serve",
  "--echo",
  "--compress",
  "--max-fragments",
  "16384",
  "--port",
  "0",
  "--handshake-timeout",
  "2000",
  "--close-timeout",
  "2000",
], {
  stdio: ["ignore", "pipe", "inherit"],
});
const port = await new Promise((resolve, reject) => {
  let printed = "";
  server.stdout.setEncoding("utf8");
  server.stdout.on("data", (text) => {
    printed += text;
    const found = /ws:\/\/127\.0\.0\.1:(\d+)\//.exec(printed);
    if (found) resolve(found[1]);
  });
  server.on("exit", () => reject(new Error(`the server did not start: ${printed}`)));
});
const limits =
  "max_payload=1048576,max_fragments=16384,handshake_timeout_ms=2000,close_timeout_ms=2000,origin_check=1,host_allowlist=1,permessage_deflate=1,max_header_bytes_min=16384";
const { status } = spawnSync(process.execPath, [
  join(dirname(fileURLToPath(import.meta.url)), "run-server.mjs"),
  "127.0.0.1",
  port,
  "--limits",
  limits,
  "--concurrency",
  "4",
  "--fail-only",
], { stdio: "inherit" });
server.removeAllListeners("exit");
server.kill();
process.exit(status ?? 1);
