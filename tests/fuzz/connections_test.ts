/** Two connections of ours, joined, by fast-check: streams, backpressure and all. */
import { deepEqual, equal, ok } from "node:assert/strict";
import fc from "fast-check";
import { ConnectionClosedError } from "../../mod.ts";
import { amount, test } from "../harness.ts";
import { type Model, Scene, scenes, steps } from "./pair/connections.ts";
import type { Side } from "./pair/operations.ts";

const SEED = 6455;
const RUNS = amount(60, 10);

const other = (side: Side): Side => side === "client" ? "server" : "client";

async function checkClosed(scene: Scene, closer: Side): Promise<void> {
  const [near, far] = await Promise.all([scene[closer].socket.closed, scene[other(closer)].socket.closed]);
  deepEqual([near.code, near.wasClean, near.initiator], [4000, true, "local"]);
  deepEqual([far.code, far.reason, far.wasClean, far.initiator], [4000, "done", true, "remote"]);
  await Promise.all([scene.client.reading, scene.server.reading]);
}

test("two connections lose nothing, double nothing and keep the order, however they read, stream, stall and wait", async () => {
  await fc.assert(
    fc.asyncProperty(
      scenes,
      steps,
      fc.constantFrom<Side[]>("client", "server"),
      async (options, commands, closer) => {
        const scene = new Scene(options);
        const model: Model = { client: [], server: [] };
        await fc.asyncModelRun(() => ({ model, real: scene }), commands);
        scene.resume();
        await Promise.all([scene.server.until(model.client.length), scene.client.until(model.server.length)]);
        await Promise.all(scene.pending.map(({ promise }) => promise));
        scene[closer].socket.close(4000, "done");
        await checkClosed(scene, closer);
        deepEqual(scene.server.received, model.client);
        deepEqual(scene.client.received, model.server);
      },
    ),
    { seed: SEED, numRuns: RUNS },
  );
});

test("who closes in the midst of it all has said everything that was sent before, and both agree on how it ended", async () => {
  await fc.assert(
    fc.asyncProperty(
      scenes,
      steps,
      fc.constantFrom<Side[]>("client", "server"),
      async (options, commands, closer) => {
        const scene = new Scene(options);
        const model: Model = { client: [], server: [] };
        await fc.asyncModelRun(() => ({ model, real: scene }), commands);
        scene[closer].socket.close(4000, "done");
        scene.resume();
        await checkClosed(scene, closer);
        deepEqual(scene[other(closer)].received, model[closer]);
        // The closer's own queue may have been full: what it read is in order, and nothing else.
        let at = 0;
        for (const message of scene[closer].received) {
          at = model[other(closer)].indexOf(message, at) + 1;
          ok(at > 0, "a message that was not sent, or came twice");
        }
        for (const { promise } of scene.pending) {
          await promise.then(() => {}, (error) => ok(error instanceof ConnectionClosedError, String(error)));
        }
        equal(scene.client.socket.readyState, "closed");
      },
    ),
    { seed: SEED, numRuns: RUNS },
  );
});
