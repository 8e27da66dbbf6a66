/** An owner of a transport whose handlers throw, in its own process: prints what the process learns about it. */
import process from "node:process";
import { adapter } from "../../src/transport/detect.ts";
import type { TransportHandler } from "../../src/transport/transport.ts";

const [, , where] = process.argv;

function throwing(): TransportHandler {
  const tell = (what: string): void => {
    if (what === where) throw new Error(`thrown in ${what}()`);
  };
  return {
    data: () => tell("data"),
    drain: () => tell("drain"),
    end: () => tell("end"),
    close: () => tell("close"),
  };
}

function tellAndLeave(error: unknown): void {
  console.log((error as Error).message);
  process.exit();
}

process.once("uncaughtException", tellAndLeave);
process.once("unhandledRejection", tellAndLeave);
const { listen, connect } = await adapter();
const listener = await listen({
  hostname: "127.0.0.1",
  port: 0,
  accept(transport) {
    transport.attach({ data() {}, drain() {}, end() {}, close() {} });
    transport.write(Uint8Array.of(1));
    setTimeout(() => transport.closeWrite(), 50);
  },
});
const client = await connect({ hostname: "127.0.0.1", port: listener.port, highWaterMark: 1 });
client.attach(throwing());
client.write(new Uint8Array(16 * 2 ** 20));
if (where === "close") client.abort();
setTimeout(() => {
  console.log("nobody heard of it");
  process.exit();
}, 10_000);
