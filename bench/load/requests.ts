/** A load generator: requests of HTTP/1.1 on connections that are kept, one at a time on each. Started by the bench. */
import { Buffer } from "node:buffer";
import { connect } from "node:net";
import { ownJob } from "./job.ts";
import { RoundTrips } from "./round_trips.ts";
import { fail, lastAnswers, span, tell } from "./span.ts";

/** What this load is made of. */
export interface Requests {
  readonly connections: number;
  /** Bytes of a response's body. */
  readonly size: number;
}

const job = ownJob<Requests>();
const REQUEST = Buffer.from(`GET /page HTTP/1.1\r\nHost: 127.0.0.1:${job.port}\r\nAccept: */*\r\n\r\n`);
const roundTrips = new RoundTrips();
const totals = { messages: 0, answerBytes: 0 };
let ending: (() => void) | undefined;

function keepAsking(): void {
  const socket = connect({ host: "127.0.0.1", port: job.port, noDelay: true });
  let response = "";
  let sent = 0;
  const ask = (): void => {
    response = "";
    sent = performance.now();
    socket.write(REQUEST);
  };
  socket.on("error", fail);
  socket.on("close", () => fail(new Error("The server closed a connection.")));
  socket.on("connect", ask);
  socket.setEncoding("latin1");
  socket.on("data", (text: string) => {
    response += text;
    const end = response.indexOf("\r\n\r\n");
    if (end === -1 || response.length < end + 4 + job.size) return;
    const isRight = response.startsWith("HTTP/1.1 200 ") && response.length === end + 4 + job.size &&
      new RegExp(`^content-length: ${job.size}\r$`, "im").test(response.slice(0, end + 2));
    if (!isRight) fail(new Error(`The server answered ${JSON.stringify(response.slice(0, 200))}.`));
    totals.messages++;
    totals.answerBytes += job.size;
    roundTrips.add(sent, performance.now());
    if (ending === undefined) ask();
    else ending();
  });
}

for (let i = 0; i < job.connections; i++) keepAsking();
const sample = await span(job, totals, roundTrips);
await lastAnswers(
  new Promise<void>((resolve) => {
    let left = job.connections;
    ending = () => --left === 0 && resolve();
  }),
);
tell(sample);
