/** What an idle connection is made of: `npm run bench -- heap`. `--help` lists the options. */
import { heap } from "./harness/heap.ts";
import { runLook } from "./harness/profile_command.ts";
import { idle } from "./suites/connections.ts";

await runLook(heap, [idle], ["idle"]);
