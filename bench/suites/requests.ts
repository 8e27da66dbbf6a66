/** Ordinary HTTP through woshou's port, beside the runtime's own `node:http`. */
import { perCpuSecond } from "../harness/figures.ts";
import type { RuntimeName } from "../harness/runtimes.ts";
import type { Subject, Suite } from "../harness/suite.ts";
import { byRuntime, woshouSubjects } from "./subjects.ts";

const RUNTIMES: readonly RuntimeName[] = ["Node", "Bun", "Deno"];
const peer = (runtime: RuntimeName): string => `node-http-${runtime.toLowerCase()}`;
const limit = (runtime: RuntimeName): string => `stream-${runtime.toLowerCase()}`;

const own: Subject[] = RUNTIMES.map((runtime) => ({
  id: peer(runtime),
  title: `node:http on ${runtime}`,
  runtime,
  program: "servers/node_http",
}));
const streams: Subject[] = RUNTIMES.map((runtime) => ({
  id: limit(runtime),
  title: `any stream on ${runtime}`,
  runtime,
  program: "servers/http_stream",
  peer: peer(runtime),
}));
const byHono: Subject = {
  id: "hono-node",
  title: "@hono/node-server on Node",
  runtime: "Node",
  program: "servers/hono_http",
  peer: peer("Node"),
};
const handedOver = woshouSubjects("servers/woshou_http").map((each) => ({
  ...each,
  title: `option http on ${each.runtime}`,
  peer: peer(each.runtime),
  limit: limit(each.runtime),
}));
const fetched = woshouSubjects("servers/woshou_fetch").map((each) => ({
  ...each,
  id: each.id.replace("woshou", "fetch"),
  title: `option fetch on ${each.runtime}`,
  peer: peer(each.runtime),
}));

/** Requests on connections that are kept. */
export const requests: Suite = {
  id: "requests",
  title: "Requests of HTTP",
  side: "server",
  figure: perCpuSecond("requests"),
  columns: ["per second", "latency", "kernel", "cores", "peak memory"],
  subjects: byRuntime([...handedOver, ...fetched, byHono, ...own, ...streams]),
  workloads: [{
    id: "requests",
    title: "GET of 200 B, 64 connections that are kept",
    load: "requests",
    order: { connections: 64, size: 200 },
    size: 200,
    connections: 64,
  }],
  method: `\
64 connections each send a GET, wait for its response of 200 B, and send the next. The application is the same request listener of
\`node:http\`, once behind option \`http\` of \`serve()\` and once on \`http.createServer()\` of the same runtime; and a \`fetch\`
handler behind option \`fetch\`, on Node also by \`@hono/node-server\` behind option \`http\`.

The limit is the least stream over \`node:net\` that \`node:http\` accepts as a connection, without deadlines, limits or an owner.`,
  differences: "",
};
