/** Compares woshou with others: `npm run bench`. `--help` lists the options. */
import { runSuites } from "./harness/command.ts";
import { client } from "./suites/client.ts";
import { compressedEcho } from "./suites/compressed_echo.ts";
import { broadcast, handshakes, idle } from "./suites/connections.ts";
import { echo, loop } from "./suites/echo.ts";
import { mountedEcho, mountedHandshakes } from "./suites/mounted.ts";
import { requests } from "./suites/requests.ts";
import { secureEcho } from "./suites/secure.ts";

await runSuites("bench", [
  echo,
  loop,
  broadcast,
  handshakes,
  idle,
  client,
  compressedEcho,
  mountedEcho,
  mountedHandshakes,
  secureEcho,
  requests,
]);
