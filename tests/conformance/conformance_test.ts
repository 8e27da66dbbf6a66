/** The conformance suite: each case against a server of ours and against a client of ours. */
import assert from "node:assert/strict";
import { test } from "../harness.ts";
import { run } from "./subjects.ts";
import { cases } from "./suite.ts";

// A client's loop over its messages goes on in a later turn: a fault that comes in one chunk with a message has then
// failed the connection, and the message cannot be echoed any more.
const LATE_ON_A_CLIENT = ["3.2", "4.1.3", "4.1.4", "4.2.3", "4.2.4", "5.15"];

for (const role of ["server", "client"] as const) {
  for (const each of cases) {
    test(`Autobahn ${each.id}, ${role}: ${each.title} (RFC 6455, section ${each.section})`, async () => {
      const { behavior, detail } = await run(each, role);
      if (role === "client" && behavior === "NON-STRICT" && LATE_ON_A_CLIENT.includes(each.id)) return;
      assert.equal(behavior, each.informational === true ? "INFORMATIONAL" : "OK", detail);
    });
  }
}
