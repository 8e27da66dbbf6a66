/** Where woshou spends its time: `npm run bench -- profile`. `--help` lists the options. */
import { runLook } from "./harness/profile_command.ts";
import { profiles } from "./harness/profiles.ts";
import { suites, workloads } from "./suites/looked_into.ts";

await runLook(profiles, suites, workloads);
