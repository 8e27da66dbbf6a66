/** How costs grow: `npm run bench -- growth`. `--help` lists the options. */
import { runSuites } from "./harness/command.ts";
import { growthOfBroadcast, growthOfEcho, growthOfMemory } from "./suites/growth.ts";

await runSuites("bench -- growth", [growthOfEcho, growthOfBroadcast, growthOfMemory]);
