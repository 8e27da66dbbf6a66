/** Where woshou's time goes: `npm run bench -- profile`. `--help` lists the options. */
import { runLook } from "./harness/profile_command.ts";
import { profiles } from "./harness/profiles.ts";
import { suites, workloads } from "./suites/looked_into.ts";

await runLook(profiles, suites, workloads);
