/** The reconnecting client: when it tries again, and when it gives up. */
import assert from "node:assert/strict";
import { type Connection, ConnectionClosedError, HandshakeError, serve } from "../../mod.ts";
import { Backoff } from "../../src/reconnecting/backoff.ts";
import type { Reconnecting, ReconnectingState, ReconnectOptions } from "../../src/reconnecting/options.ts";
import { reconnecting, reconnectingBy } from "../../src/reconnecting/reconnecting.ts";
import { next } from "../client/support.ts";
import { test } from "../harness.ts";
import { RawServer } from "../raw_peer.ts";
import { ending, scripted, TestClock } from "./support.ts";

test("each turn has a connection of its own, with a URL and options given anew", async () => {
  const requests: string[] = [];
  const server = await scripted([
    (socket) => void socket.close(1001),
    (socket) => void socket.close(1012),
    (socket) => void socket.abort(),
  ], {
    upgrade: (request) => void requests.push(request.url.split("/").at(-1)! + request.headers.get("x-token")),
  });
  const clock = new TestClock();
  let count = 0;
  const client = reconnectingBy(clock, () => Promise.resolve(new URL(`${server.url}?${++count}`)), {
    renew: () => ({ headers: { "x-token": `t${count}` } }),
  });
  const sockets = new Set<Connection>();
  for await (const socket of client) {
    assert.equal(client.socket, socket);
    assert.equal(client.state, "open");
    if (sockets.add(socket).size === 4) break;
    for await (const _ of socket);
  }
  assert.deepEqual(requests, ["?1t1", "?2t2", "?3t3", "?4t4"]);
  assert.equal(client.state, "ended");
  for (const socket of sockets) assert.equal(socket.readyState, "closed");
  await server.shutdown();
});

test("a turn that ends closes its connection with 1000, and break ends the client", async () => {
  const server = await scripted([]);
  const clock = new TestClock();
  let turns = 0;
  for await (const _ of reconnectingBy(clock, server.url, {})) if (++turns === 2) break;
  const closes = await Promise.all(server.opened.map((socket) => socket.closed));
  assert.deepEqual(closes.map(({ code, wasClean }) => [code, wasClean]), [[1000, true], [1000, true]]);
  assert.equal(clock.slept.length, 1);
  await server.shutdown();
});

test("what the loop's body throws comes out of the loop, and the connection is closed", async () => {
  const server = await scripted([]);
  const error = new Error("mine");
  await assert.rejects(async () => {
    for await (const _ of reconnecting(server.url)) throw error;
  }, error);
  assert.equal((await server.opened[0]!.closed).code, 1000);
  await server.shutdown();
});

test("RFC 6455, section 7.2.3: the first delay is random from 0 on, further ones grow, to a limit, with jitter", () => {
  let chance = 0;
  const delays = (backoff: Backoff): number[] => [1, 2, 3, 4, 5, 6, 100].map((n) => backoff.delay(n, 0));
  const backoff = new Backoff({}, () => chance);
  assert.deepEqual(delays(backoff), [5000, 10_000, 20_000, 40_000, 60_000, 60_000, 60_000]);
  chance = 1;
  assert.deepEqual(delays(backoff), [0, 5000, 10_000, 20_000, 30_000, 30_000, 30_000]);
  const own = new Backoff({ first: 100, factor: 3, max: 500, jitter: 0.1 }, () => chance);
  assert.deepEqual(delays(own), [0, 270, 450, 450, 450, 450, 450]);
  assert.deepEqual([backoff.delay(1, 700), backoff.delay(1, 1e9)], [700, 60_000]);
});

test("without a first delay there is none, however many attempts have failed", () => {
  const backoff = new Backoff({ first: 0 }, () => 0.5);
  for (const attempt of [1, 2, 1024, 1025, 1e6]) assert.equal(backoff.delay(attempt, 0), 0, `${attempt}`);
  assert.equal(backoff.delay(1025, 700), 700);
});

test("options out of range throw at the call", () => {
  const wrong: ReconnectOptions[] = [
    { delays: { first: -1 } },
    { delays: { factor: 0.5 } },
    { delays: { max: NaN } },
    { delays: { jitter: 2 } },
    { minUptime: -1 },
    { maxQueuedBytes: -1 },
    { maxQueuedMessages: -1 },
    { maxQueuedBytes: 101, maxBufferedAmount: 100 },
  ];
  for (const options of wrong) {
    assert.throws(() => reconnecting("ws://localhost/", options), RangeError, JSON.stringify(options));
  }
});

test("failures of the moment are repeated with growing delays, which begin anew after minUptime", async () => {
  const clock = new TestClock();
  const server = await scripted([
    (socket) => void socket.close(1001),
    (socket) => void socket.abort(),
    () => {},
    (socket) => void socket.close(1013),
    (socket) => void socket.close(4000, "enough"),
  ]);
  let opened = 0;
  const attempts: number[] = [];
  const codes: (number | undefined)[] = [];
  const error = await ending(
    reconnectingBy(clock, server.url, {
      retry: ({ close }, attempt) => {
        attempts.push(attempt);
        codes.push(close?.code);
        return undefined;
      },
      open: (socket) => {
        if (++opened !== 3) return;
        clock.time += 5000;
        socket.send("go away");
      },
    }),
  );
  assert.deepEqual(codes, [1001, 1006, 1001, 1013, 4000]);
  assert.deepEqual(attempts, [1, 2, 1, 2, 3]);
  assert.deepEqual(clock.slept, [5000, 10_000, 5000, 10_000]);
  assert.ok(error instanceof ConnectionClosedError);
  assert.equal(error.close?.code, 4000);
  assert.match(error.message, /4000 "enough"/);
  await server.shutdown();
});

/** What the client does with a first failure: the delay, or the error that ends it. */
async function verdict(
  url: string | (() => string),
  options: ReconnectOptions = {},
): Promise<number | { error: unknown }> {
  const clock = new TestClock();
  const client = reconnectingBy(clock, url, options);
  clock.onSleep = () => void client.close();
  const error = await ending(client);
  return clock.slept.length === 0 ? { error } : clock.slept[0]!;
}

test("a response's status says whether another attempt can help, and Retry-After when", async () => {
  const cases: [status: number, verdict: number | undefined, headers?: Record<string, string>][] = [
    [301, undefined],
    [400, undefined],
    [401, undefined],
    [403, undefined],
    [404, undefined],
    [426, undefined],
    [501, undefined],
    [505, undefined],
    [408, 5000],
    [425, 5000],
    [429, 7000, { "retry-after": "7" }],
    [500, 5000],
    [502, 5000],
    [503, 60_000, { "retry-after": "86400" }],
    [503, 5000, { "retry-after": "soon" }],
    [503, 5000, { "retry-after": "Fri, 01 Jan 2021 00:00:00 GMT" }],
    [503, 60_000, { "retry-after": "Fri, 01 Jan 2100 00:00:00 GMT" }],
    [504, 5000],
  ];
  for (const [status, expected, headers = {}] of cases) {
    const server = await serve({
      port: 0,
      upgrade: () => new Response(null, { status, headers: { location: "/", ...headers } }),
    }, {});
    const result = await verdict(server.url);
    if (typeof result === "number") assert.equal(result, expected, `${status}`);
    else {
      assert.equal(expected, undefined, `${status}`);
      assert.ok(result.error instanceof HandshakeError);
      assert.equal(result.error.status, status);
    }
    await server.shutdown();
  }
});

test("a network that fails is tried again, a server that breaks the handshake is not", async () => {
  const dead = await RawServer.listen(() => {});
  await dead[Symbol.asyncDispose]();
  assert.equal(await verdict(`ws://127.0.0.1:${dead.port}/`), 5000);
  const answers: [string, number | undefined][] = [
    ["", 5000],
    ["HTTP/1.1 101 Switching Prot", 5000],
    ["SSH-2.0\r\n", undefined],
    ["HTTP/1.1 101 Switching Protocols\r\n\r\n", undefined],
  ];
  for (const [answer, expected] of answers) {
    await using server = await RawServer.listen(async (peer) => {
      await peer.until("\r\n\r\n");
      peer.write(answer);
      peer.end();
    });
    const result = await verdict(`ws://127.0.0.1:${server.port}/`);
    assert.equal(typeof result === "number" ? result : undefined, expected, answer);
    if (typeof result !== "number") assert.ok(result.error instanceof HandshakeError);
  }
  await using silent = await RawServer.listen(() => {});
  assert.equal(await verdict(`ws://127.0.0.1:${silent.port}/`, { handshakeTimeout: 20 }), 5000);
});

test("a close code says whether another attempt can help", async () => {
  const cases: [code: number, again: boolean][] = [
    ...[1000, 1001, 1011, 1012, 1013, 1014, 3000].map((code) => [code, true] as [number, boolean]),
    ...[1002, 1003, 1007, 1008, 1009, 4000, 4999].map((code) => [code, false] as [number, boolean]),
  ];
  for (const [code, again] of cases) {
    const server = await scripted([(socket) => void socket.close(code)]);
    const result = await verdict(server.url);
    assert.equal(typeof result === "number", again, `${code}`);
    await server.shutdown();
  }
});

test("a code that this side closed with is no reason to end", async () => {
  const server = await scripted([]);
  const clock = new TestClock();
  let turns = 0;
  for await (const socket of reconnectingBy(clock, server.url, {})) {
    if (++turns === 2) break;
    assert.deepEqual((await socket.close(4000)).code, 4000);
  }
  assert.deepEqual(clock.slept, [5000]);
  await server.shutdown();
});

test("a peer that breaks the protocol ends the loop, with its error as the cause", async () => {
  const server = await scripted([(socket) => void socket.send("x".repeat(100))]);
  const result = await verdict(server.url, { maxMessageSize: 10 });
  assert.ok(typeof result !== "number" && result.error instanceof ConnectionClosedError);
  assert.equal((result.error.cause as Error).name, "ProtocolError");
  await server.shutdown();
});

test("misuse ends the loop, and what the caller's functions throw is a failure of the moment", async () => {
  for (const url of ["ftp://example.com/", "ws://example.com/#x"]) {
    const result = await verdict(url);
    assert.ok(typeof result !== "number" && result.error instanceof SyntaxError);
  }
  const misused = await verdict("ws://localhost/", { renew: () => ({ maxBufferedAmount: 10 }) });
  assert.ok(typeof misused !== "number" && misused.error instanceof RangeError);
  const offline = new TypeError("fetch failed");
  const fail = (): never => {
    throw offline;
  };
  const seen: unknown[] = [];
  const retry: ReconnectOptions["retry"] = ({ error, permanent }) => void seen.push(error, permanent);
  assert.equal(await verdict(fail, { retry }), 5000);
  assert.equal(await verdict("ws://localhost/", { renew: fail, retry }), 5000);
  assert.deepEqual(seen, [offline, false, offline, false]);
});

test("retry decides: false ends, true and numbers go on whatever the default says", async () => {
  const policy = [(socket: Connection) => void socket.close(1008)];
  for (const [answer, expected] of [[true, 5000], [7, 7], [0, 0]] as const) {
    const server = await scripted(policy);
    assert.equal(await verdict(server.url, { retry: () => Promise.resolve(answer) }), expected);
    await server.shutdown();
  }
  const server = await scripted([(socket) => void socket.close(1001), (socket) => void socket.close(1000)]);
  const gone = await verdict(server.url, { retry: () => false });
  assert.ok(typeof gone !== "number" && gone.error instanceof ConnectionClosedError);
  assert.deepEqual(
    await verdict(server.url, { retry: () => false }),
    { error: undefined },
    "1000 is no error",
  );
  await server.shutdown();
  const wrong = await verdict("ftp://x/", { retry: () => -1 });
  assert.ok(typeof wrong !== "number" && wrong.error instanceof RangeError);
});

test("the state is told at each change", async () => {
  const server = await scripted([(socket) => void socket.close(1001)]);
  const states: ReconnectingState[] = [];
  const client = reconnectingBy(new TestClock(), server.url, { state: (state) => void states.push(state) });
  assert.equal(client.state, "idle");
  let turns = 0;
  for await (const socket of client) {
    if (++turns === 2) break;
    for await (const _ of socket);
  }
  assert.deepEqual(states, ["connecting", "open", "waiting", "connecting", "open", "ended"]);
  await server.shutdown();
});

test("close() ends the loop quietly: while open, while it waits, while it connects, before it begins", async () => {
  const server = await scripted([]);
  const open = reconnecting(server.url);
  for await (const socket of open) {
    await open.close();
    assert.equal(socket.readyState, "closed");
  }
  const clock = new TestClock();
  const waiting = reconnectingBy(clock, () => {
    throw new Error("no URL");
  }, {});
  clock.onSleep = () => waiting.close();
  assert.equal(await ending(waiting), undefined);
  await using silent = await RawServer.listen((peer) => {
    void peer.until("\r\n\r\n").then(() => connecting.close());
  });
  const connecting: Reconnecting = reconnecting(`ws://127.0.0.1:${silent.port}/`);
  assert.equal(await ending(connecting), undefined);
  const asking: Reconnecting = reconnecting(() => {
    queueMicrotask(() => void asking.close());
    return new Promise(() => {});
  });
  assert.equal(await ending(asking), undefined);
  const unused = reconnecting(server.url);
  await unused.close();
  assert.equal(await ending(unused), undefined);
  await server.shutdown();
});

test("a real delay ends with the client, and leaves no timer behind", async () => {
  const client: Reconnecting = reconnecting(() => {
    throw new Error("no URL");
  }, {
    delays: { max: 1e12, first: 1e12, jitter: 0 },
    state: (state) => void (state === "waiting" && queueMicrotask(() => client.close())),
  });
  assert.equal(await ending(client), undefined);
});

test("the signal ends the loop with its reason, and closes the connection", async () => {
  const server = await scripted([]);
  const controller = new AbortController();
  const reason = new Error("changed my mind");
  const client = reconnecting(server.url, { signal: controller.signal });
  let socket: Connection | undefined;
  await assert.rejects(async () => {
    for await (socket of client) {
      controller.abort(reason);
      for await (const _ of socket);
    }
  }, reason);
  assert.equal((await socket!.closed).code, 1000);
  assert.equal(await ending(reconnecting(server.url, { signal: controller.signal })), reason);
  const ended = reconnecting(server.url, { signal: controller.signal });
  assert.equal(ended.send("x"), false);
  assert.equal(ended.lost, 1);
  await server.shutdown();
});

test("state: what it throws ends the loop, which throws it, and nobody waits any more", async () => {
  const server = await scripted([]);
  for (const wrong of ["connecting", "open", "waiting"] as ReconnectingState[]) {
    const error = new Error(wrong);
    const client = reconnectingBy(new TestClock(), server.url, {
      state: (state) => {
        if (state === wrong) throw error;
        if (state === "ended") throw new Error("that is not the first one");
      },
    });
    const waiting = client.drained().then(() => "drained", ({ name }) => name);
    await assert.rejects(async () => {
      for await (const socket of client) await socket.close();
    }, error);
    assert.equal(client.state, "ended");
    assert.equal(await waiting, wrong === "waiting" ? "drained" : "ConnectionClosedError");
  }
  await server.shutdown();
});

test("state: what it throws at the end comes out of the loop, whoever has ended the client", async () => {
  const server = await scripted([]);
  const error = new Error("mine");
  const state = (state: ReconnectingState): void => {
    if (state === "ended") throw error;
  };
  const ends: ((client: Reconnecting, controller: AbortController) => unknown)[] = [
    (_, controller) => controller.abort(new Error("changed my mind")),
    (client) => client.close(),
  ];
  for (const end of ends) {
    const controller = new AbortController();
    const { signal } = controller;
    const connected = reconnecting(server.url, { signal, state, open: () => new Promise(() => {}) });
    const waiting = connected.drained();
    const looping = ending(connected);
    while (connected.state === "idle") await null;
    await end(connected, controller);
    await assert.rejects(waiting, ConnectionClosedError);
    assert.equal(await looping, error);

    const unused = reconnecting(server.url, { signal, state });
    await end(unused, controller);
    assert.equal(await ending(unused), error);
  }
  await assert.rejects(async () => {
    for await (const _ of reconnecting(server.url, { state })) break;
  }, error);
  await server.shutdown();
});

test("a client is iterated once", async () => {
  const server = await scripted([]);
  await using client = reconnecting(server.url);
  for await (const _ of client) {
    assert.throws(() => client[Symbol.asyncIterator](), TypeError);
    break;
  }
  assert.throws(() => client[Symbol.asyncIterator](), TypeError);
  await server.shutdown();
});

test("open: what it throws ends the loop, unless the connection has ended", async () => {
  const server = await scripted([]);
  const error = new Error("mine");
  const client = reconnecting(server.url, {
    open: () => {
      throw error;
    },
  });
  assert.equal(await ending(client), error);
  assert.equal((await server.opened[0]!.closed).code, 1000);

  const other = await scripted([(socket) => void socket.close(1012)]);
  const clock = new TestClock();
  let opened = 0;
  for await (
    const socket of reconnectingBy(clock, other.url, {
      open: async (socket) => {
        if (++opened === 1) {
          await socket.closed;
          socket.send("too late");
        }
      },
    })
  ) {
    assert.equal(socket.readyState, "open");
    break;
  }
  assert.equal(opened, 2);
  assert.equal(clock.slept.length, 1);
  await server.shutdown();
  await other.shutdown();
});

test("messages that came before the loop began to take them are not lost", async () => {
  const server = await scripted([(socket) => void socket.send("early")]);
  for await (const socket of reconnecting(server.url, { open: (socket) => void socket.ping() })) {
    assert.equal(await next(socket), "early");
    break;
  }
  await server.shutdown();
});
