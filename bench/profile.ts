/** Where woshou's time goes: `npm run bench:profile`. `--help` lists the options. */
import { runProfiles } from "./harness/profiles.ts";
import { broadcast, handshakes } from "./suites/connections.ts";
import { echo } from "./suites/echo.ts";

await runProfiles([echo, broadcast, handshakes], [
  "echo-32",
  "echo-32-deep",
  "echo-16k",
  "broadcast-64",
  "handshakes",
]);
