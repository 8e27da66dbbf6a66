/** Where all servers spend CPU time, including the kernel: `npm run bench -- perf`. `--help` lists the options. */
import { perf } from "./harness/perf.ts";
import { runLook } from "./harness/profile_command.ts";
import { growthOfBroadcast, growthOfEcho } from "./suites/growth.ts";
import { suites, workloads } from "./suites/looked_into.ts";

// Which part of a message's cost grows with the number of connections.
const growth = ["growth-echo-10", "growth-echo-10000", "growth-broadcast-500", "growth-broadcast-5000"];

await runLook(perf, [...suites, growthOfBroadcast, growthOfEcho], [...workloads, ...growth]);
