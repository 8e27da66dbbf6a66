/**
 * Plays the suite here and prints how each case went, one line of JSON each. Arguments choose cases and groups by the
 * beginning of their numbers: `play.ts 5 6.4`.
 */
import process from "node:process";
import { run } from "./subjects.ts";
import { cases } from "./suite.ts";

const chosen = process.argv.slice(2);

for (const role of ["server", "client"] as const) {
  for (const each of cases) {
    if (chosen.length > 0 && !chosen.some((start) => `${each.id}.`.startsWith(`${start}.`))) continue;
    console.log(JSON.stringify({ id: each.id, role, ...await run(each, role) }));
  }
}
