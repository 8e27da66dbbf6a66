/** What `npm run bench -- profile` and `npm run bench -- perf` look into. */
import type { Suite } from "../harness/suite.ts";
import { broadcast, handshakes } from "./connections.ts";
import { echo } from "./echo.ts";

/** The suites. */
export const suites: readonly Suite[] = [echo, broadcast, handshakes];
/** Their workloads. */
export const workloads: readonly string[] = [
  "echo-32",
  "echo-32-deep",
  "echo-16k",
  "broadcast-64",
  "handshakes",
];
