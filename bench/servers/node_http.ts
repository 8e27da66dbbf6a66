/** Ordinary HTTP: the runtime's own `node:http`. */
import { createServer } from "node:http";
import { application } from "./application.ts";
import { serving } from "./serving.ts";

const server = createServer(application);
server.listen(0, "127.0.0.1", () => serving((server.address() as { port: number }).port));
