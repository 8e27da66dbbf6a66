/** Compressed echoes by themselves: `npm run bench -- deflate`. `--help` lists the options. */
import { runSuites } from "./harness/command.ts";
import { compressedEcho } from "./suites/compressed_echo.ts";

await runSuites("bench -- deflate", [compressedEcho]);
