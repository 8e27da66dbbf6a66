/** Ordinary HTTP: option `fetch` of woshou. */
import { serve } from "../../mod.ts";
import { PAGE } from "./application.ts";
import { serving } from "./serving.ts";

serving((await serve({ port: 0, fetch: () => new Response(PAGE) }, () => {})).port);
