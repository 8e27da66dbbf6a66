/** Where the CPU time of all servers goes, the kernel's too: `npm run bench:perf`. `--help` lists the options. */
import { perf } from "./harness/perf.ts";
import { runLook } from "./harness/profile_command.ts";
import { suites, workloads } from "./suites/looked_into.ts";

await runLook(perf, suites, workloads);
