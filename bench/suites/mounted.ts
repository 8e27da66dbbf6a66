/** Where people mount: woshou's acceptor on their own `node:http` server, beside `ws`, which has one as well. */
import type { Suite } from "../harness/suite.ts";
import { handshakes } from "./connections.ts";
import { echo } from "./echo.ts";
import { acceptorSubjects, byRuntime, peerSubjects } from "./subjects.ts";

const subjects = byRuntime([...acceptorSubjects(), ...peerSubjects("echo")]);
const of = (suite: Suite, ...ids: string[]): Suite["workloads"] =>
  suite.workloads.filter(({ id }) => ids.includes(id)).map((each) => ({
    ...each,
    id: `mounted-${each.id}`,
    title: `${each.title}, on node:http`,
  }));

/** Echoes. */
export const mountedEcho: Suite = {
  ...echo,
  id: "mounted-echo",
  title: "Echoes on a server of node:http",
  subjects,
  workloads: of(echo, "echo-32", "echo-32-deep", "echo-16k"),
  method: `\
The same echoes, but the server is one of \`node:http\`, as an application has it: woshou's \`acceptor()\` is its \`upgrade\` listener. \`ws\`
always has such a server; \`Bun.serve\` and \`Deno.upgradeWebSocket\` are each runtime's own.`,
  differences: "",
};

/** Handshakes. */
export const mountedHandshakes: Suite = {
  ...handshakes,
  id: "mounted-handshakes",
  title: "Opening handshakes on a server of node:http",
  subjects,
  workloads: of(handshakes, "handshakes"),
  method: "The same handshakes; `node:http` reads the request.",
  differences: "",
};
