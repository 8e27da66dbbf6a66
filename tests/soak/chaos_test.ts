/** The chaos test, for a few seconds and in one process: `npm run chaos` is the same for minutes, on all runtimes. */
import assert from "node:assert/strict";
import { test } from "../harness.ts";
import { Audit, emptyVerdict } from "./audit.ts";
import { ChaosClients } from "./chaos_clients.ts";
import { ChaosRelay } from "./chaos_relay.ts";
import { ChaosServer } from "./chaos_server.ts";
import { sleep } from "./settling.ts";

const RAGE = 2000;
const REST = 30;
const PATIENCE = 60_000;
const limits = {
  heartbeat: { interval: 200, timeout: 400 },
  closeTimeout: 500,
  handshakeTimeout: 1000,
  maxBufferedAmount: 4 * 2 ** 20,
};

async function chaos(seed: number, compression: boolean): Promise<void> {
  const server = await ChaosServer.start({
    seed,
    leaves: true,
    rest: REST,
    serve: { ...limits, compression },
  });
  const relay = await ChaosRelay.listen({ port: server.server.port, seed });
  const url = `ws://127.0.0.1:${relay.port}/`;
  const clients = new ChaosClients({
    url,
    seed,
    clients: 12,
    rest: REST,
    connect: { ...limits, compression },
  });
  await sleep(RAGE);
  relay.becomeCalm();
  server.calm();
  const told = await clients.report(PATIENCE);
  const served = await server.report(PATIENCE, seed);
  const { deceived } = relay;
  await server.shutdown(1000);
  await relay.close();

  assert.deepEqual([...served.problems, ...told.problems], []);
  assert.equal(served.left, 0, "the server has no connection left");
  assert.equal(served.pending, "", "on the server all has settled");
  assert.equal(told.pending, "", "with the clients all has settled");
  const verdict = emptyVerdict();
  const audit = new Audit(verdict, [...served.accounts, ...told.accounts], deceived);
  audit.connections();
  for (const queue of told.queues) {
    audit.queue(queue);
    assert.deepEqual(queue.unsent, [], "over a calm network all that waited went out");
  }
  assert.deepEqual(verdict.violations, []);
  // Or nothing would have been looked at.
  assert.ok(verdict.connections > 12, "clients have come back");
  assert.ok(verdict.delivered > 500, "messages were delivered");
  assert.ok(verdict.reported > 0, "messages were lost");
}

test("chaos: what was accepted comes once and in order, or its sender is told, and all settles", () =>
  chaos(1, false));

test("chaos with compression: the same", () => chaos(2, true));
