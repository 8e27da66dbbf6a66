/** A client that receives more than it can handle. */
import { perCpuSecond } from "../harness/figures.ts";
import type { Suite } from "../harness/suite.ts";
import type { Flood } from "../load/flood.ts";
import { clients } from "./subjects.ts";

const flood: Flood = { size: 64 };

/** The suite. */
export const client: Suite = {
  id: "client",
  title: "A client that receives a flood",
  side: "client",
  figure: perCpuSecond("messages"),
  columns: ["per second", "kernel", "cores", "peak memory"],
  subjects: clients(),
  workloads: [{
    id: "flood-64",
    title: "A client receives texts of 64 B, as fast as it can",
    load: "flood",
    order: { ...flood },
    size: flood.size,
    connections: 1,
  }],
  method: `\
Here the subject is the client, and the generator is a server that sends it 1,024 texts of 64 B in a write. The client tells
of every 1,024 texts that its application has received, and has 32 such batches under way at most. All hold each text as a
string; \`ws\` gives bytes, of which its program makes one. CPU-seconds and memory are the client's.`,
};
