/** One contract, every adapter. See src/transport/transport.ts. */
import { skip } from "../harness.ts";
import { adapterCases } from "./adapter_cases.ts";
import { duplexCases } from "./duplex_cases.ts";
import { endingCases } from "./ending_cases.ts";
import { streamCases } from "./stream_cases.ts";
import { adapters, hasUnixSockets, subjects } from "./subjects.ts";
import { tlsCases } from "./tls_cases.ts";

for (const subject of subjects) {
  streamCases(subject);
  endingCases(subject);
}
for (const named of adapters) {
  adapterCases(named);
  tlsCases(named);
}
duplexCases();
if (!hasUnixSockets) skip("Unix sockets", "this system has none that every runtime can use");
