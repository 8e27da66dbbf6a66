/**
 * A load generator: `connections` at a time connect, open a WebSocket and reset the connection, so that ports do not
 * run out. Started by the bench.
 */
import { connect } from "node:net";
import { ownJob } from "./job.ts";
import { Opening } from "./opening.ts";
import { RoundTrips } from "./round_trips.ts";
import { fail, lastAnswers, span, tell } from "./span.ts";

/** What this load is made of. */
export interface Handshakes {
  /** Connections at a time. */
  readonly connections: number;
}

const job = ownJob<Handshakes>();
const roundTrips = new RoundTrips();
const totals = { messages: 0, answerBytes: 0 };
let ended = false;

function handshake(): Promise<void> {
  return new Promise((resolve) => {
    const began = performance.now();
    const socket = connect({ host: "127.0.0.1", port: job.port, noDelay: true });
    const opening = new Opening(job.port, "");
    socket.on("error", fail);
    socket.on("end", () => fail(new Error("The server closed a connection.")));
    socket.write(opening.request);
    socket.on("data", (chunk) => {
      try {
        if (opening.read(chunk) === undefined) return;
      } catch (error) {
        fail(error);
      }
      totals.messages++;
      roundTrips.add(began, performance.now());
      socket.resetAndDestroy();
      resolve();
    });
  });
}

async function again(): Promise<void> {
  while (!ended) await handshake();
}

const all = Promise.all(Array.from({ length: job.connections }, again));
const sample = await span(job, totals, roundTrips);
ended = true;
await lastAnswers(all);
tell(sample);
