/** One contract, every adapter. See src/transport/transport.ts. */
import { runtime, skip } from "../harness.ts";
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
if (runtime === "deno") skip("duplex over an HTTP/2 stream", "node:http2 of Deno does not tell of resets");
if (!hasUnixSockets) skip("Unix sockets", "this system has none that every runtime can use");
