/** Signs of life: heartbeats, round trips and idleness, in time as the test has it. */
import assert from "node:assert/strict";
import { type Close, ConnectionClosedError, type ConnectionOptions } from "../../mod.ts";
import { Liveness, type LivenessOwner, livenessPeriod } from "../../src/connection/liveness.ts";
import { type Pair, pair, type PairOptions } from "../../src/testing/mod.ts";
import { type FakeClock, settled, withClock } from "../fake_clock.ts";
import { test } from "../harness.ts";
import { type Frame, frame, parseFrames } from "../protocol/frames.ts";

const PING = 9;
const PONG = 10;
const KEY = [1, 2, 3, 4];
const NO_PINGS: ConnectionOptions = { heartbeat: false };
const PINGS: ConnectionOptions = { heartbeat: { interval: 100, timeout: 60 } };
// After so long a peer that stopped answering is gone, whenever it stopped: the sum of both, and a quarter more.
const NOTICED = 200;

interface Scene extends Pair {
  readonly clock: FakeClock;
  /** How the server's end closed, if it has. */
  ended(): Close | undefined;
  /** What the server's end has sent. */
  sent(): Frame[];
  /** The payloads of its pings. */
  pings(): Uint8Array[];
}

/** A server's end under test in its own time, and a client that sends no pings unless told to. */
async function scene(options: PairOptions, use: (scene: Scene) => Promise<void>): Promise<void> {
  await withClock(async (clock) => {
    const ends = pair({ client: NO_PINGS, ...options, network: { record: true, ...options.network } });
    let close: Close | undefined;
    void ends.server.closed.then((how) => close = how);
    const sent = (): Frame[] => parseFrames(ends.network.toClient.recorded, false);
    const pings = (): Uint8Array[] =>
      sent().filter(({ opcode }) => opcode === PING).map(({ payload }) => payload);
    try {
      await use({ ...ends, clock, ended: () => close, sent, pings });
    } finally {
      await ends[Symbol.asyncDispose]();
    }
  });
}

function assertDropped(close: Close | undefined): void {
  assert.ok(close !== undefined, "the peer was not dropped");
  assert.deepEqual([close.code, close.reason, close.wasClean, close.initiator], [1006, "", false, "local"]);
  assert.ok(close.error instanceof ConnectionClosedError);
  assert.match(close.error.message, /did not answer a ping within 60 ms \(heartbeat\.timeout\)/);
}

test("RFC 6455, section 5.5.2: pings go out at the interval's pace, and a peer that answers stays", async () => {
  await scene({ server: PINGS }, async ({ clock, pings, ended }) => {
    await clock.advance(99);
    assert.equal(pings().length, 0);
    await clock.advance(1000);
    assert.ok(pings().length >= 8 && pings().length <= 10, `${pings().length} pings`);
    assert.equal(new Set(pings().map(String)).size, pings().length, "no two payloads are alike");
    assert.equal(ended(), undefined);
  });
});

test("RFC 6455, section 5.5.2: either end may send pings, and both at once", async () => {
  await scene({ client: PINGS, server: PINGS }, async ({ clock, client, server, ended }) => {
    await clock.advance(1000);
    assert.equal(ended(), undefined);
    assert.equal(client.latency, 0);
    assert.equal(server.latency, 0);
  });
});

test("heartbeat: 20 s and 20 s unless told otherwise; false sends none, for ever", async () => {
  await scene({ server: NO_PINGS }, async ({ clock, network, server }) => {
    await clock.jump(1e9);
    assert.equal(network.toClient.taken, 0);
    assert.equal(server.latency, undefined);
    assert.equal(clock.timers, 0);
  });
  await scene({ server: {} }, async ({ clock, pings }) => {
    for (let second = 0; second < 19; second++) await clock.jump(1000);
    assert.equal(pings().length, 0);
    for (let second = 0; second < 6; second++) await clock.jump(1000);
    assert.equal(pings().length, 1);
  });
});

test("a peer whose network vanished is dropped in time, with 1006, and told to nobody", async () => {
  await scene({ server: PINGS }, async ({ clock, client, network, ended }) => {
    await clock.advance(250);
    network.vanish();
    await clock.advance(NOTICED);
    assertDropped(ended());
    assert.equal(client.readyState, "open");
  });
});

test("sending does not put the pong's deadline off", async () => {
  await scene({ server: PINGS }, async ({ clock, server, network, ended }) => {
    network.vanish();
    for (let time = 0; time < NOTICED && ended() === undefined; time++) {
      server.send("still there?");
      await clock.advance(1);
    }
    assertDropped(ended());
  });
});

test("a peer that sends but answers no ping is dropped", async () => {
  await scene({ server: PINGS }, async ({ clock, client, server, network, ended }) => {
    network.toClient.stall();
    const messages = server[Symbol.asyncIterator]();
    for (let time = 0; time < NOTICED && ended() === undefined; time++) {
      client.send("busy");
      await messages.next();
      await clock.advance(1);
    }
    assertDropped(ended());
  });
});

test("a peer is not dropped before the timeout, and the next ping waits for the pong", async () => {
  await scene({ server: PINGS }, async ({ clock, network, pings, ended }) => {
    network.toServer.stall();
    while (pings().length === 0) await clock.advance(1);
    await clock.advance(59);
    assert.equal(ended(), undefined);
    network.toServer.resume();
    await settled();
    await clock.advance(40);
    assert.equal(ended(), undefined);
    assert.equal(pings().length, 1);
    await clock.advance(30);
    assert.equal(pings().length, 2);
  });
});

test("while we do not read, the deadline waits; when we read again, it begins anew", async () => {
  const server = { ...PINGS, receiveQueue: { messages: 1 } };
  await scene({ server }, async ({ clock, client, server, network, ended }) => {
    for (let i = 0; i < 10; i++) client.send(`${i}`);
    await network.toServer.until(({ taken }) => taken > 0);
    await clock.advance(2000);
    assert.equal(ended(), undefined);
    for (let i = 0; i < 10; i++) {
      assert.deepEqual(await server[Symbol.asyncIterator]().next(), { done: false, value: `${i}` });
    }
    await clock.advance(500);
    assert.equal(ended(), undefined);
    network.vanish();
    await clock.advance(NOTICED);
    assertDropped(ended());
  });
});

test("while a long frame arrives, behind which the pong must wait, the deadline waits too; when it stops, it runs", async () => {
  await scene({ server: PINGS }, async ({ clock, client, network, pings, ended }) => {
    network.toServer.stall();
    client.send("x".repeat(1000));
    await network.toServer.until(({ taken }) => taken > 1000);
    for (let time = 0; time < 500; time += 5) {
      network.toServer.release(2);
      await clock.advance(5);
    }
    assert.equal(pings().length, 1);
    assert.equal(ended(), undefined);
    await clock.advance(NOTICED);
    assertDropped(ended());
  });
});

test("frames that come, but no pong with them, do not put the deadline off", async () => {
  await scene({ server: PINGS }, async ({ clock, network, ended }) => {
    network.toClient.stall();
    for (let time = 0; time < NOTICED; time += 5) {
      network.toServer.insert(frame({ opcode: PING, key: KEY }));
      await clock.advance(5);
    }
    assertDropped(ended());
  });
});

test("RFC 6455, section 5.5.3: pongs that nobody asked for are ignored", async () => {
  await scene({ server: PINGS }, async ({ clock, server, network, ended }) => {
    network.toClient.stall();
    for (let time = 0; time < NOTICED && ended() === undefined; time += 5) {
      for (const payload of ["", "abc", "\0\0\xff\xff", "\0\0\0\0\0"]) {
        network.toServer.insert(frame({ opcode: PONG, key: KEY, payload }));
      }
      await clock.advance(5);
    }
    assertDropped(ended());
    assert.equal(server.latency, undefined);
  });
});

test("RFC 6455, section 5.5.3: a pong answers the ping whose payload it has, and those before it", async () => {
  await scene({ server: NO_PINGS }, async ({ clock, server, network, pings }) => {
    network.toServer.stall();
    const log: string[] = [];
    const roundTrips = [0, 1, 2].map((index) =>
      server.ping().then((time) => void log.push(`${index}: ${time}`))
    );
    await network.toClient.until(() => pings().length === 3);
    await network.toServer.until(({ taken }) => taken > 0);
    await clock.advance(7);
    // The client has answered all three; only its answers' order is left to the network.
    network.toServer.release(10);
    await settled();
    assert.deepEqual(log, ["0: 7"]);
    assert.equal(server.latency, 7);
    await clock.advance(3);
    network.toServer.resume();
    await Promise.all(roundTrips);
    assert.deepEqual(log, ["0: 7", "1: 10", "2: 10"]);
    assert.equal(server.latency, 10);
  });
  const payloads: Uint8Array[] = [];
  const liveness = new Liveness(owner({ sendHeartbeat: (payload) => void payloads.push(payload) }));
  const both = Promise.all([liveness.ping(), liveness.ping()]);
  liveness.pong(payloads[1]!);
  assert.ok((await both).every((time) => time >= 0));
});

test("no peer can guess the payload of a ping that it has not read", () => {
  const payloads: Uint8Array[] = [];
  const liveness = new Liveness(owner({ sendHeartbeat: (payload) => void payloads.push(payload) }));
  for (let count = 0; count < 64; count++) void liveness.ping();
  assert.deepEqual(new Set(payloads.map(({ length }) => length)), new Set([4]));
  const numbers = payloads.map((payload) => new DataView(payload.buffer).getUint32(0));
  const steps = numbers.slice(1).map((number, index) => (number - numbers[index]!) >>> 0);
  assert.ok(new Set(steps).size > 60, "the payloads follow a rule");
});

/** One connection whose bytes go nowhere. */
function owner(changes: Partial<LivenessOwner>): LivenessOwner {
  return {
    settings: { maxControlFrames: 1000, heartbeat: undefined, idleTimeout: 0, livenessPeriod: 0 },
    sendHeartbeat() {},
    canSeePongs: () => true,
    receivingFrame: () => false,
    mayPing: () => true,
    bytesTaken: () => 0,
    bytesGone: () => 0,
    drop() {},
    idleTooLong() {},
    closedError: (what) => new Error(what),
    ...changes,
  };
}

test("a ping that waits behind what a slow peer reads is waited for; when nothing goes out any more, the deadline runs", async () => {
  await scene(
    { server: { ...PINGS, sendHighWaterMark: 1024 } },
    async ({ clock, network, server, client, ended }) => {
      void (async () => {
        for await (const message of client) assert.equal(message.length, 20_000);
      })();
      network.toClient.stall();
      for (let count = 0; count < 100; count++) server.send("x".repeat(20_000));
      for (let time = 0; time < 600; time += 5) {
        network.toClient.release(16_000);
        await clock.advance(5);
      }
      assert.equal(ended(), undefined);
      await clock.advance(NOTICED);
      assertDropped(ended());
    },
  );
});

test("ping() rejects with the close when the connection ends first, and at once afterwards", async () => {
  await scene({ server: NO_PINGS }, async ({ server, network }) => {
    network.toClient.stall();
    const lost = assert.rejects(server.ping(), (error: unknown) => {
      assert.ok(error instanceof ConnectionClosedError);
      assert.match(error.message, /^Cannot wait for the pong/);
      return true;
    });
    network.cut();
    await lost;
    await server.closed;
    await assert.rejects(server.ping(), ConnectionClosedError);
  });
});

test("a ping() of the application's own needs no heartbeat, and an answered one does not stand for the heartbeat's", async () => {
  await scene({ server: PINGS }, async ({ server, client }) => {
    await Promise.all([server.ping(), client.ping()]);
  });
  await withClock(async (clock) => {
    const heartbeat = { interval: 100, timeout: 60 };
    const settings = {
      maxControlFrames: 1000,
      heartbeat,
      idleTimeout: 0,
      livenessPeriod: livenessPeriod(heartbeat, 0),
    };
    const payloads: Uint8Array[] = [];
    let dropped: Error | undefined;
    const liveness = new Liveness(owner({
      settings,
      sendHeartbeat: (payload) => void payloads.push(payload),
      drop: (error) => dropped = error,
    }));
    const late = liveness.ping();
    await clock.advance(130);
    assert.equal(payloads.length, 2);
    liveness.pong(payloads[0]!);
    assert.equal(await late, 130);
    await clock.advance(100);
    assert.match(String(dropped), /did not answer a ping within 60 ms/);
    liveness.end();
  });
});

test("after the process stood still a peer has time again to answer", async () => {
  await scene({ server: PINGS }, async ({ clock, network, pings, ended }) => {
    while (pings().length === 0) await clock.advance(1);
    await clock.advance(100);
    network.toServer.stall();
    while (pings().length === 1) await clock.advance(1);
    // Its pong has come meanwhile, but the timers run before the sockets are read.
    await clock.jump(100_000);
    assert.equal(ended(), undefined);
    network.toServer.resume();
    await clock.advance(1000);
    assert.equal(ended(), undefined);
    network.vanish();
    await clock.jump(100_000);
    assert.equal(ended(), undefined);
    await clock.advance(NOTICED);
    assertDropped(ended());
  });
});

test('idleTimeout: without a message either way the connection is closed with 1000 "idle"', async () => {
  for (const heartbeat of [false, { interval: 20, timeout: 20 }] as const) {
    await scene({ server: { heartbeat, idleTimeout: 100 } }, async ({ clock, client, server, ended }) => {
      await clock.advance(80);
      client.send("a");
      await server[Symbol.asyncIterator]().next();
      await clock.advance(80);
      server.send("b");
      await client[Symbol.asyncIterator]().next();
      await clock.advance(80);
      assert.equal(server.readyState, "open");
      await clock.advance(60);
      const { code, reason, wasClean } = await client.closed;
      assert.deepEqual([code, reason, wasClean], [1000, "idle", true]);
      assert.deepEqual([ended()?.code, ended()?.initiator], [1000, "local"]);
    });
  }
});

test("idleTimeout: pings of either side do not count, and off means off", async () => {
  await scene(
    { client: PINGS, server: { heartbeat: false, idleTimeout: 500 } },
    async ({ clock, ended, server }) => {
      for (let time = 0; time < 700 && ended() === undefined; time += 10) {
        await clock.advance(10);
        if (server.readyState === "open") await server.ping();
      }
      assert.equal(ended()?.code, 1000);
    },
  );
  await scene({ server: { heartbeat: false, idleTimeout: 0 } }, async ({ clock, ended }) => {
    await clock.jump(1e9);
    assert.equal(ended(), undefined);
  });
});

test("RFC 6455, section 7.1.1: a peer that does not answer the Close frame is dropped after closeTimeout", async () => {
  await scene({ server: { closeTimeout: 5, heartbeat: false } }, async ({ server, client, network }) => {
    network.toClient.stall();
    const { code, wasClean, initiator, error } = await server.close(1000, "bye");
    assert.deepEqual([code, wasClean, initiator], [1006, false, "local"]);
    assert.match(
      String(error),
      /did not end the connection within \d+ ms of our Close frame \(closeTimeout\)/,
    );
    assert.equal(client.readyState, "open");
  });
});

test("closeTimeout does not cut off what was sent before close() while a slow peer reads it", async () => {
  await scene({ server: { closeTimeout: 200, heartbeat: false } }, async ({ server, client, network }) => {
    let received = 0;
    const reading = (async () => {
      for await (const message of client) received += message.length;
    })();
    network.toClient.stall();
    for (let count = 0; count < 100; count++) server.send("x".repeat(30_000));
    let closed: Close | undefined;
    void server.close().then((how) => closed = how);
    const began = performance.now();
    while (received < 3_000_000 && closed === undefined) {
      network.toClient.release(64 * 1024);
      await new Promise((resolve) => setTimeout(resolve, 15));
    }
    assert.ok(performance.now() - began > 400);
    network.toClient.resume();
    await reading;
    assert.equal(received, 3_000_000);
    assert.equal((await server.closed).wasClean, true);
  });
});

test("a peer that closes while a stream waits has all of closeTimeout to end the TCP connection", async () => {
  await scene({ server: { closeTimeout: 150, heartbeat: false } }, async ({ server, client, network }) => {
    void server.sendStream((async function* () {
      yield "a piece";
      await new Promise(() => {});
    })()).catch(() => {});
    await network.toClient.until(({ delivered }) => delivered > 0);
    const closed = server.close();
    await new Promise((resolve) => setTimeout(resolve, 100));
    network.toClient.stall();
    const began = performance.now();
    void client.close();
    const { error } = await closed;
    assert.ok(performance.now() - began > 140);
    assert.match(String(error), /did not end the connection within 150 ms of our Close frame/);
  });
});

test("RFC 6455, section 7.1.1: a client that waits for the server to end the TCP connection waits no longer than closeTimeout", async () => {
  await scene(
    { client: { closeTimeout: 5, heartbeat: false }, server: NO_PINGS },
    async ({ client, network, sent }) => {
      network.toClient.stall();
      const closed = client.close(1000);
      await network.toClient.until(({ taken }) => taken > 0);
      network.toClient.release(4);
      const { code, wasClean } = await closed;
      assert.deepEqual([code, wasClean], [1000, true]);
      assert.equal(sent().at(-1)!.opcode, 8);
    },
  );
});

test("RFC 6455, section 5.5.1: while closing no pings are sent, and none is waited for", async () => {
  await scene(
    { server: { ...PINGS, closeTimeout: 60_000 } },
    async ({ clock, client, server, network, pings }) => {
      network.toServer.stall();
      while (pings().length === 0) await clock.advance(1);
      void server.close();
      await clock.advance(1000);
      assert.equal(server.readyState, "closing");
      assert.equal(pings().length, 1);
      network.toServer.resume();
      assert.deepEqual([(await server.closed).code, (await client.closed).code], [1000, 1000]);
    },
  );
});

test("the timer ends with the connection", async () => {
  await scene({ server: PINGS }, async ({ clock, client }) => {
    assert.equal(clock.timers, 1);
    await client.close();
    assert.equal(clock.timers, 0);
  });
});

test("a connection is looked at four times in its shortest span, from 10 ms to 5 s; without a span never", () => {
  const heartbeat = { interval: 1000, timeout: 400 };
  assert.equal(livenessPeriod(heartbeat, 0), 100);
  assert.equal(livenessPeriod(heartbeat, 200), 50);
  assert.equal(livenessPeriod({ interval: 300, timeout: 400 }, 2000), 75);
  assert.equal(livenessPeriod(undefined, 2000), 500);
  assert.equal(livenessPeriod(heartbeat, 1), 10);
  assert.equal(livenessPeriod({ interval: Infinity, timeout: 60_000 }, 0), 5000);
  assert.equal(livenessPeriod(undefined, 0), 0);
});
