/** Many connections: broadcasts, handshakes, idle connections. */
import { bytesEach, perCpuSecond } from "../harness/figures.ts";
import type { Suite } from "../harness/suite.ts";
import type { Broadcast } from "../load/broadcast.ts";
import { servers, serversAndBareOpenings, serversAndLimits } from "./subjects.ts";

const round: Broadcast = { connections: 500, depth: 8, size: 64 };

/** One to all. */
export const broadcast: Suite = {
  id: "broadcast",
  title: "Broadcast",
  side: "server",
  figure: perCpuSecond("deliveries"),
  columns: ["per second", "kernel", "cores", "peak memory"],
  subjects: servers("broadcast"),
  workloads: [{
    id: "broadcast-64",
    title: "64 B of text to 500 receivers, 8 a round",
    load: "broadcast",
    order: { ...round },
    size: round.size,
    connections: round.connections,
  }],
  method: `\
One of 500 connections sends 8 texts of 64 B in one write; the server passes each on to all 500. When all have all of them,
the next round begins. The generator compares every octet that comes.

woshou, \`Bun.serve\` and \`crossws\` publish to a topic; \`ws\` and Deno have none, and loop over the connections, as their
users write it.`,
};

/** Connections that come and go. */
export const handshakes: Suite = {
  id: "handshakes",
  title: "Opening handshakes",
  side: "server",
  figure: perCpuSecond("handshakes"),
  columns: ["per second", "latency", "kernel", "cores", "peak memory"],
  subjects: serversAndBareOpenings(),
  workloads: [{
    id: "handshakes",
    title: "Opening handshakes, 32 at a time",
    load: "handshakes",
    order: { connections: 32 },
    size: 0,
    connections: 32,
    warmup: 4,
  }],
  method: `\
32 clients at a time connect, send a request, read the 101 and check its \`Sec-WebSocket-Accept\`, and are gone again, with a
reset: with a closing handshake the machine would run out of ports within seconds. So the figure holds what it costs to
accept, to open and to tidy up. Four seconds of load come before each sample, since on Bun the compilers are at it for three.

The limit is the least that a client takes for a WebSocket server: a TCP server that looks for a key in the first octets that
come, checks nothing, answers with what \`node:crypto\` makes of it, and reads nothing after that.`,
  differences: `\
Here the generator needs more CPU than the servers, which are not busy all the time: read the figures per CPU-second.`,
};

/** Connections that are there. */
export const idle: Suite = {
  id: "idle",
  title: "Idle connections",
  side: "server",
  figure: bytesEach,
  columns: ["peak memory"],
  // On Deno the program chooses the read buffer, so the bare server shows nothing.
  subjects: serversAndLimits().filter((each) => each.id !== "tcp-deno"),
  workloads: [{
    id: "idle",
    title: "5,000 idle connections",
    load: "idle",
    order: { connections: 5000 },
    size: 0,
    connections: 5000,
  }],
  method: `\
The resident memory of a server with 5,000 connections that have been opened and say nothing, less what it had with 32 of
them, divided by their number; garbage is collected before either is read. What the kernel holds for a socket is not in it.
Less is better.`,
};
