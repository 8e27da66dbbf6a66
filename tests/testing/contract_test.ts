/** A network without faults keeps the contract of every transport, in front of memory and in front of sockets. */
import { faulty } from "../../src/testing/mod.ts";
import { memoryPair } from "../../src/transport/memory.ts";
import { endingCases } from "../transport/ending_cases.ts";
import { streamCases } from "../transport/stream_cases.ts";
import { subjects } from "../transport/subjects.ts";
import type { Subject } from "../transport/support.ts";

const inMemory: Subject = {
  name: "faulty memory",
  encrypted: false,
  open: (options) => {
    const [left, right] = memoryPair({ highWaterMark: 0 }, options);
    const client = faulty(left, options).transport;
    return Promise.resolve({ client, server: right, close: () => Promise.resolve() });
  },
};

const bothSplit: Subject = {
  name: "faulty memory on both sides, in pieces of any size",
  encrypted: false,
  open: (options) => {
    const [left, right] = memoryPair({ highWaterMark: 0 });
    const split = { seed: 1, largest: 50_000 };
    const client = faulty(left, { ...options, incoming: { split }, outgoing: { split } }).transport;
    const server = faulty(right, { ...options, incoming: { split }, outgoing: { split } }).transport;
    return Promise.resolve({ client, server, close: () => Promise.resolve() });
  },
};

const tls = subjects.find(({ encrypted }) => encrypted)!;
const inFrontOfTls: Subject = {
  name: `faulty ${tls.name}`,
  encrypted: true,
  faults: tls.faults ?? {},
  open: async (options) => {
    const ends = await tls.open(options);
    return { ...ends, client: faulty(ends.client, options).transport };
  },
};

for (const subject of [inMemory, bothSplit, inFrontOfTls]) {
  streamCases(subject);
  endingCases(subject);
}
