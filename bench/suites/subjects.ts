/** The measured subjects. */
import { packageVersion } from "../harness/project.ts";
import type { RuntimeName } from "../harness/runtimes.ts";
import type { Subject } from "../harness/suite.ts";

const woshou = `woshou ${packageVersion()}`;
const ws = `ws ${packageVersion("node_modules", "ws")}`;
const crossws = `crossws ${packageVersion("node_modules", "crossws")}`;

const RUNTIMES: readonly RuntimeName[] = ["Node", "Bun", "Deno"];
/** The most popular server on each runtime; the part before the hyphen is the prefix of its programs. */
const PEERS: Record<RuntimeName, string> = { Node: "ws", Bun: "bun-serve", Deno: "deno-upgrade" };
const PEER_TITLES: Record<RuntimeName, string> = {
  Node: "ws on Node",
  Bun: "Bun.serve",
  Deno: "Deno.upgradeWebSocket",
};

/** woshou on each runtime, with this program, compared with the peer there. */
export function woshouSubjects(program: string): Subject[] {
  return RUNTIMES.map((runtime) => ({
    id: `woshou-${runtime.toLowerCase()}`,
    title: `woshou on ${runtime}`,
    runtime,
    library: woshou,
    program,
    peer: PEERS[runtime],
  }));
}

/** woshou's acceptor on a `node:http` server of each runtime. */
export function acceptorSubjects(): Subject[] {
  return woshouSubjects("servers/acceptor_echo").map((each) => ({
    ...each,
    id: each.id.replace("woshou", "acceptor"),
    title: `woshou's acceptor on ${each.runtime}`,
  }));
}

/** The peers, each with the program for this task. */
export function peerSubjects(what: string): Subject[] {
  return RUNTIMES.map((runtime) => ({
    id: PEERS[runtime],
    title: PEER_TITLES[runtime],
    runtime,
    ...(runtime === "Node" ? { library: ws } : {}),
    program: `servers/${PEERS[runtime].split("-")[0]}_${what}`,
  }));
}

/** crossws on each runtime. */
export function crosswsSubjects(what: string): Subject[] {
  return RUNTIMES.map((runtime) => ({
    id: `crossws-${runtime.toLowerCase()}`,
    title: `crossws on ${runtime}`,
    runtime,
    library: crossws,
    program: `servers/crossws_${what}`,
    peer: PEERS[runtime],
  }));
}

/** TCP echo servers. */
export function bareSubjects(): Subject[] {
  return RUNTIMES.map((runtime) => ({
    id: `tcp-${runtime.toLowerCase()}`,
    title: `bare TCP on ${runtime}`,
    runtime,
    program: `servers/${runtime.toLowerCase()}_tcp`,
    peer: PEERS[runtime],
    bare: true,
  }));
}

/** All WebSocket servers. */
export function servers(what: "echo" | "broadcast"): Subject[] {
  return byRuntime([
    ...woshouSubjects(`servers/woshou_${what}`),
    ...peerSubjects(what),
    ...crosswsSubjects(what),
  ]);
}

/** The same, with the minimum for each runtime. */
export function serversAndLimits(): Subject[] {
  const limited = servers("echo").map((each) => ({ ...each, limit: `tcp-${each.runtime.toLowerCase()}` }));
  return byRuntime([...limited, ...bareSubjects()]);
}

/** All echo servers, with the minimum of an opening handshake. */
export function serversAndBareOpenings(): Subject[] {
  const limit = (runtime: RuntimeName): string => `opening-${runtime.toLowerCase()}`;
  const openings = RUNTIMES.map((runtime) => ({
    id: limit(runtime),
    title: `bare 101 on ${runtime}`,
    runtime,
    program: `servers/${runtime.toLowerCase()}_opening`,
    peer: PEERS[runtime],
  }));
  return byRuntime([
    ...servers("echo").map((each) => ({ ...each, limit: limit(each.runtime) })),
    ...openings,
  ]);
}

/** Grouped by runtime. */
export function byRuntime(subjects: readonly Subject[]): Subject[] {
  return RUNTIMES.flatMap((runtime) => subjects.filter((each) => each.runtime === runtime));
}

/** Clients: woshou's, the peers', and Node's own. */
export function clients(): Subject[] {
  const natives = RUNTIMES.map((runtime) => ({
    id: `${runtime.toLowerCase()}-websocket`,
    title: `${runtime}'s own WebSocket`,
    runtime,
    program: "clients/native",
  }));
  const peers: Record<RuntimeName, string> = { Node: "ws", Bun: "bun-websocket", Deno: "deno-websocket" };
  const own = woshouSubjects("clients/woshou").map((each) => ({ ...each, peer: peers[each.runtime] }));
  const npm: Subject = { id: "ws", title: "ws on Node", runtime: "Node", library: ws, program: "clients/ws" };
  return byRuntime([...own, npm, ...natives]);
}
