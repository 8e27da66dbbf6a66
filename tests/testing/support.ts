/** Two recorders with a faulty network between them. */
import { type Faulty, faulty, type FlowOptions } from "../../src/testing/mod.ts";
import { memoryPair } from "../../src/transport/memory.ts";
import { Recorder } from "../transport/recorder.ts";

/** Both ends of a network under test. What it is told as outgoing goes from `near` to `far`. */
export interface Ends extends AsyncDisposable {
  readonly network: Faulty;
  readonly near: Recorder;
  readonly far: Recorder;
}

/** Joins two recorders; each ends with the test, and what the contract forbids fails it. */
export function ends(outgoing: FlowOptions = {}, incoming: FlowOptions = {}): Ends {
  const [left, right] = memoryPair({ highWaterMark: 0 }, {});
  const network = faulty(left, { outgoing, incoming });
  const near = new Recorder(network.transport).attach();
  const far = new Recorder(right).attach();
  return {
    network,
    near,
    far,
    async [Symbol.asyncDispose]() {
      for (const end of [near, far]) {
        end.abort();
        await end.until(() => end.closed);
        end.verify();
      }
    },
  };
}

/** Lets everything happen that waits for nothing from outside: it all happens in microtasks. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 200; turn++) await Promise.resolve();
}
