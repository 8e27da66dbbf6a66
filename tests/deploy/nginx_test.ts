/** nginx before the server, with the configuration that docs/deploy publishes. */
import { nginx } from "./fronts.ts";
import { operations } from "./operations.ts";
import { scenarios } from "./scenarios.ts";

scenarios(nginx);
operations(nginx);
