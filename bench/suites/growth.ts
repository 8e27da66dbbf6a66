/** How a cost grows with the number of something. */
import { bytesEach, microsecondsEach } from "../harness/figures.ts";
import type { Suite, Workload } from "../harness/suite.ts";
import { bareSubjects, peerSubjects, woshouSubjects } from "./subjects.ts";

/** Connections warmed up per second of load before the span: with more connections, each gets less in a second. */
const CONNECTIONS_WARMED_UP = 1000;

interface Kind {
  readonly id: string;
  readonly load: string;
  readonly size: number;
  readonly order: Readonly<Record<string, number>>;
  title(connections: string): string;
}

function workloads(kind: Kind, counts: readonly number[]): Workload[] {
  return counts.map((connections) => ({
    id: `${kind.id}-${connections}`,
    title: kind.title(connections.toLocaleString("en")),
    load: kind.load,
    order: { ...kind.order, connections, size: kind.size },
    size: kind.size,
    connections,
    warmup: Math.max(1, connections / CONNECTIONS_WARMED_UP),
    at: connections,
  }));
}

/** Cost of a message: should be constant. */
export const growthOfEcho: Suite = {
  id: "growth-echo",
  title: "Growth: the cost of a message",
  side: "server",
  figure: microsecondsEach("messages", "message"),
  columns: [],
  subjects: [...woshouSubjects("servers/woshou_echo"), ...bareSubjects()],
  workloads: workloads({
    id: "growth-echo",
    load: "echo",
    size: 32,
    order: { depth: 1, binary: 0, active: 1 },
    title: (count) => `One message at a time, ${count} connections in turn`,
  }, [10, 100, 1000, 10_000]),
  growth: { axis: "connections" },
  method: `\
One connection after the other sends 32 B of text and waits for the echo: there is one message under way, so that a server
is woken for each. Flat is right: what a message costs does not depend on how many connections there are. That of the bare TCP
echo is not quite flat either: with more sockets, less of what the kernel and the runtime keep for each is in the CPU's caches.
A second of load for each thousand of connections comes before each sample, here and in the next section: with many, a runtime
is warm only when each has had its turns.`,
};

/** Cost of a broadcast: should be linear. */
export const growthOfBroadcast: Suite = {
  id: "growth-broadcast",
  title: "Growth: the cost of a broadcast",
  side: "server",
  figure: microsecondsEach("messages", "broadcast"),
  columns: [],
  subjects: [...woshouSubjects("servers/woshou_broadcast"), ...peerSubjects("broadcast")],
  workloads: workloads({
    id: "growth-broadcast",
    load: "broadcast",
    size: 64,
    order: { depth: 8, published: 1 },
    title: (count) => `64 B of text published to ${count} receivers, 8 a round`,
  }, [10, 50, 100, 500, 1000, 5000]),
  growth: { axis: "receivers", linear: true },
  method: `\
A connection sends 8 texts of 64 B in one write, and the server passes each on to all, as above, with more and fewer
receivers. Linear is right: twice the receivers, twice the cost. The peers show what of the rest is the system's.`,
};

/** Memory: should be linear. */
export const growthOfMemory: Suite = {
  id: "growth-memory",
  title: "Growth: memory of idle connections",
  side: "server",
  figure: bytesEach,
  columns: [],
  subjects: woshouSubjects("servers/woshou_echo"),
  workloads: workloads({
    id: "growth-memory",
    load: "idle",
    size: 0,
    order: {},
    title: (count) => `${count} idle connections`,
  }, [100, 1000, 2500, 5000, 10_000]),
  growth: { axis: "connections" },
  method: `\
Resident memory for each connection that says nothing. Flat is right, for what they hold together is linear then; with a
hundred connections it is mostly what the runtime takes from the system in advance.`,
};
