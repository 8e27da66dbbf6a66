/** A server that is shut down while it and its clients talk: the accounts of both ends agree. */
import assert from "node:assert/strict";
import { inspect } from "node:util";
import { test } from "../harness.ts";
import type { Account } from "./account.ts";
import { Audit, emptyVerdict, type Verdict } from "./audit.ts";
import { ChaosServer } from "./chaos_server.ts";
import { sleep } from "./settling.ts";
import { TalkingClients } from "./talking_clients.ts";

const PATIENCE = 60_000;
const REST = 30;
const CLIENTS = 10;

interface Ending {
  /** Of 100 clients, those that are slow to read. */
  readonly slow: number;
  readonly deadline: number;
}

interface Outcome {
  readonly verdict: Verdict;
  /** The server's ends of the connections. */
  readonly served: readonly Account[];
}

async function shutdown({ slow, deadline }: Ending): Promise<Outcome> {
  const limits = { heartbeat: false, closeTimeout: PATIENCE } as const;
  const server = await ChaosServer.start({ seed: 3, leaves: false, rest: REST, serve: limits });
  const options = {
    url: server.server.url,
    seed: 4,
    clients: CLIENTS,
    rest: REST,
    slow,
    slowness: 20,
    connect: limits,
  };
  const clients = await TalkingClients.connect(options);
  while (clients.received < 100 * CLIENTS) await sleep(10);
  await server.shutdown(deadline);
  const told = await clients.report(PATIENCE);
  const served = await server.report(PATIENCE, 3);
  assert.deepEqual([...served.problems, ...told.problems], []);
  assert.equal(served.pending + told.pending, "", "all has settled");
  const verdict = emptyVerdict();
  new Audit(verdict, [...served.accounts, ...told.accounts]).connections();
  assert.deepEqual(verdict.violations, []);
  assert.equal(verdict.connections, CLIENTS);
  return { verdict, served: served.accounts };
}

test("shutdown() under load: all connections end cleanly, and the server delivers all that it accepted", async () => {
  const { verdict, served } = await shutdown({ slow: 0, deadline: PATIENCE });
  // On a busy machine a subscriber may be too slow for its own whenSlow: "close", before the shutdown.
  const tooSlow = served.filter(({ close }) => /whenSlow: "close"/.test(String(close!.error)));
  assert.ok(tooSlow.length <= CLIENTS / 4, `${tooSlow.length} subscribers were too slow`);
  const others = served.filter((each) => !tooSlow.includes(each));
  assert.equal(verdict.clean, 2 * CLIENTS - tooSlow.length, inspect(others.map(({ close }) => close)));
  // Which the audit takes to mean that nothing may be lost. A client may have been in the midst of a stream.
  for (const { close, buffered } of others) assert.deepEqual([close!.error, buffered], [undefined, 0]);
});

test("shutdown() under load with no time: what is lost is said to be", async () => {
  const { verdict } = await shutdown({ slow: 50, deadline: 0 });
  assert.ok(verdict.clean < 2 * CLIENTS);
  assert.ok(verdict.reported > 0);
});
