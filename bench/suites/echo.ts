/** Echoes, compared with a bare TCP echo of the same bytes. */
import { perCpuSecond } from "../harness/figures.ts";
import type { Suite, Workload } from "../harness/suite.ts";
import type { Echo } from "../load/echo.ts";
import { byRuntime, peerSubjects, serversAndLimits, woshouSubjects } from "./subjects.ts";

const KIB = 1024;

function workload(id: string, message: string, order: Omit<Echo, "active">): Workload {
  const { connections, depth, size } = order;
  return {
    id,
    title: `Echo of ${message}, ${connections} connections, depth ${depth}`,
    load: "echo",
    order: { ...order },
    size,
    connections,
  };
}

const deep = workload("echo-32-deep", "32 B of text", { connections: 64, depth: 16, size: 32, binary: 0 });

/** Callbacks. */
export const echo: Suite = {
  id: "echo",
  title: "Echoes",
  side: "server",
  figure: perCpuSecond("messages"),
  columns: ["per second", "latency", "kernel", "cores", "peak memory"],
  subjects: serversAndLimits(),
  workloads: [
    workload("echo-32", "32 B of text", { connections: 64, depth: 1, size: 32, binary: 0 }),
    deep,
    workload("echo-16k", "16 KiB of text", { connections: 16, depth: 4, size: 16 * KIB, binary: 0 }),
    workload("echo-16k-binary", "16 KiB of bytes", {
      connections: 16,
      depth: 4,
      size: 16 * KIB,
      binary: 1,
    }),
    workload("echo-1m-binary", "1 MiB of bytes", { connections: 4, depth: 1, size: KIB * KIB, binary: 1 }),
  ],
  method: `\
A server sends back each message that it receives. Each connection sends as many messages as the depth says in one write,
and the next ones when the last of those is answered. The generator compares every octet that comes back with what should.
Compression is off. Where the depth is 1, the time of each round trip is measured, with all connections busy.

The limit is a TCP server that knows nothing of WebSockets, written in the least code that the runtime allows: it is sent
the octets of the same frames and sends them back as they are, with the four octets of the mask that a WebSocket server
would leave out. On Node it reads as sockets do there by themselves, into memory that is taken anew for each read; woshou does
not, and may be ahead of it.`,
  differences: `\
What is not alike: with \`ws\` the application sends back the bytes of a text, with the others it holds a string in between.
\`ws\`, \`crossws\` and \`Bun.serve\` look at what waits to be sent only when they are asked, and here are not; woshou's server
waits for \`drained()\` when \`send()\` says so, as its documentation tells to.`,
};

/** `for await`. */
export const loop: Suite = {
  id: "loop",
  title: "The same echo through `for await`",
  side: "server",
  figure: perCpuSecond("messages"),
  columns: ["per second", "kernel", "cores", "peak memory"],
  subjects: byRuntime([...woshouSubjects("servers/woshou_loop"), ...peerSubjects("echo")]),
  workloads: [{ ...deep, id: "loop-32-deep", title: `${deep.title}, \`for await\`` }],
  method: `\
woshou's servers are loops over the messages of each connection; the peers have no such loop, and answer in callbacks.`,
};
