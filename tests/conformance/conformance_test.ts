/**
 * The conformance suite: each case against a server of ours and against a client of ours; the groups on framing and closing,
 * where a face could do otherwise, against the standard's `WebSocket` as well.
 */
import assert from "node:assert/strict";
import { test } from "../harness.ts";
import { run } from "./subjects.ts";
import { cases } from "./suite.ts";

for (const role of ["server", "client", "WebSocket"] as const) {
  for (const each of cases) {
    if (role === "WebSocket" && !/^[1-7]\./.test(each.id)) continue;
    const rule = `RFC ${each.compression === undefined ? 6455 : 7692}, section ${each.section}`;
    test(`Autobahn ${each.id}, ${role}: ${each.title} (${rule})`, async () => {
      const { behavior, detail } = await run(each, role);
      assert.equal(behavior, each.informational === true ? "INFORMATIONAL" : "OK", detail);
    });
  }
}
