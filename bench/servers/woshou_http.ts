/** Ordinary HTTP: option `http` of woshou. */
import { serve } from "../../mod.ts";
import { application } from "./application.ts";
import { serving } from "./serving.ts";

serving((await serve({ port: 0, http: application }, () => {})).port);
