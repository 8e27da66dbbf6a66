/** Every part that is fuzzed. */
import type { Target } from "./target.ts";
import { compressed } from "./targets/compressed.ts";
import { extensions } from "./targets/extensions.ts";
import { inflate } from "./targets/inflate.ts";
import { pair } from "./targets/pair.ts";
import { protocol } from "./targets/protocol.ts";
import { request } from "./targets/request.ts";
import { response } from "./targets/response.ts";

/** In the order in which bytes go through them. */
export const targets: readonly Target[] = [
  request,
  response,
  extensions,
  protocol,
  compressed,
  inflate,
  pair,
];
