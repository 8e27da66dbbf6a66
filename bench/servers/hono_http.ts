/** Ordinary HTTP: a `fetch` handler by `@hono/node-server`, behind option `http` of woshou. */
import { getRequestListener } from "@hono/node-server";
import { serve } from "../../mod.ts";
import { PAGE } from "./application.ts";
import { serving } from "./serving.ts";

serving((await serve({ port: 0, http: getRequestListener(() => new Response(PAGE)) }, () => {})).port);
