/** Where two parts meet: what one does while the other is in the midst of something, or has ended, or never does. */
import assert from "node:assert/strict";
import { AsyncLocalStorage } from "node:async_hooks";
import { channel } from "node:diagnostics_channel";
import { createServer } from "node:http";
import process from "node:process";
import { Duplex, PassThrough } from "node:stream";
import {
  acceptor,
  type Close,
  connect,
  type Connection,
  type ConnectionCallbacks,
  ConnectionClosedError,
  type Message,
  reconnecting,
  serve,
  type Server,
} from "../../mod.ts";
import { Deadlines } from "../../src/server/deadlines.ts";
import { handshakePair, pair } from "../../src/testing/mod.ts";
import { setClock } from "../../src/support/clock.ts";
import { tls } from "../fixtures.ts";
import { type FakeClock, settled, withClock } from "../fake_clock.ts";
import { test } from "../harness.ts";
import { ECHO, framesIn, heard, latin1, serving, TEXT } from "../hostile/support.ts";
import { frame } from "../protocol/frames.ts";
import { exchange, request } from "../raw_peer.ts";

const KEY = [1, 2, 3, 4];
const pause = (milliseconds = 20): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));

let served: Server;

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await pause(5);
}

test("sendStream() ends whatever surrogates its chunks hold, and where", async () => {
  const HIGH = "\ud800";
  const LOW = "\udc00";
  const sources = [
    [`x${HIGH}${HIGH}`],
    [HIGH, HIGH],
    [`${HIGH}${HIGH}${HIGH}`, LOW],
    [`${LOW}${LOW}`, HIGH],
    ["x".repeat(65535) + HIGH + HIGH],
    ["x".repeat(65535) + HIGH + LOW, HIGH],
    ["x".repeat(65536) + HIGH, LOW],
    [HIGH.repeat(70_000)],
    [(HIGH + LOW).repeat(70_000), HIGH],
  ];
  await using ends = pair();
  const messages = ends.server[Symbol.asyncIterator]();
  for (const source of sources) {
    await ends.client.sendStream(source);
    const { value } = await messages.next();
    assert.equal(value, new TextDecoder().decode(new TextEncoder().encode(source.join(""))));
  }
});

test("a chunk that is undefined is no end of a streamed message: it fails the message", async () => {
  for (const source of [["a", undefined, "b"], [undefined], [null], ["a", null]]) {
    await using ends = pair();
    await assert.rejects(ends.client.sendStream(source as string[]), TypeError);
  }
});

test("promises whose only news is the end of the connection may be forgotten", async () => {
  const unhandled: unknown[] = [];
  const listener = (reason: unknown): void => void unhandled.push(reason);
  process.on("unhandledRejection", listener);
  try {
    const { client, server } = pair({ client: { sendHighWaterMark: 1 } });
    client.send("x".repeat(100));
    void client.ping();
    void client.drained();
    server.abort();
    await client.closed;
    void client.ping();
    void client.drained();
    void client.sendStream(["x"]);
    const ended = reconnecting("ws://127.0.0.1:1/");
    void ended.drained();
    await ended.close();
    void ended.drained();
    await pause();
  } finally {
    process.off("unhandledRejection", listener);
  }
  assert.deepEqual(unhandled, []);
});

const streams: Record<string, () => [ours: Duplex, theirs: Duplex]> = {
  "Duplex.from()": () => {
    const [up, down] = [new PassThrough(), new PassThrough()];
    return [Duplex.from({ readable: up, writable: down }), Duplex.from({ readable: down, writable: up })];
  },
  "a Duplex that keeps what it was given": () => {
    const make = (to: () => Duplex): Duplex =>
      new Duplex({
        read() {},
        write(chunk, _, callback) {
          callback();
          setTimeout(() => to().push(chunk), 5);
        },
      });
    const ours: Duplex = make(() => theirs);
    const theirs: Duplex = make(() => ours);
    return [ours, theirs];
  },
};
for (const [name, make] of Object.entries(streams)) {
  test(`acceptor() over ${name}: each peer gets its own messages, whoever else talks meanwhile`, async () => {
    const http = createServer();
    const accept = acceptor({}, ECHO);
    http.on("upgrade", accept);
    const names = ["ada", "bob", "cyd", "dan"];
    const results = await Promise.all(names.map(async (name) => {
      const [ours, theirs] = make();
      let received = "";
      for (const end of [ours, theirs]) end.on("error", () => {});
      theirs.on("data", (chunk: Uint8Array) => void (received += latin1(new Uint8Array(chunk))));
      http.emit("connection", ours);
      theirs.write(request());
      const said = Array.from({ length: 50 }, (_, i) => `${i} of ${name}`);
      for (const payload of said) {
        const bytes = frame({ opcode: TEXT, payload, key: KEY });
        const before = bytes.slice();
        theirs.write(bytes);
        await pause(1);
        assert.deepEqual(bytes, before, "what the peer has written is its own");
      }
      for (let turn = 0; turn < 200 && framesIn(heard(received).rest).length < 50; turn++) await pause();
      const got = framesIn(heard(received).rest).map(({ payload }) => new TextDecoder().decode(payload));
      theirs.destroy();
      ours.destroy();
      return [got, said];
    }));
    for (const [got, said] of results) assert.deepEqual(got, said);
    await accept.shutdown({ deadline: 0 });
  });
}

for (const where of ["write", "final", "destroy"] as const) {
  test(`acceptor() over a stream that throws in ${where}(): that connection ends, others go on, and nothing else`, async () => {
    const http = createServer();
    const ended: Close[] = [];
    const accept = acceptor(
      {},
      { ...ECHO, close: (_, close) => void ended.push(close) } as ConnectionCallbacks,
    );
    http.on("upgrade", accept);
    const thrown = new Error(`${where} throws`);
    const open = async (throws: boolean): Promise<{ theirs: Duplex; received: () => string }> => {
      const [ours, theirs] = streams["a Duplex that keeps what it was given"]!();
      for (const end of [ours, theirs]) end.on("error", () => {});
      let received = "";
      theirs.on("data", (chunk: Uint8Array) => void (received += latin1(new Uint8Array(chunk))));
      http.emit("connection", ours);
      theirs.write(request());
      while (!received.includes("\r\n\r\n")) await pause(2);
      if (throws) {
        (ours as unknown as Record<string, unknown>)[`_${where}`] = () => {
          throw thrown;
        };
      }
      return { theirs, received: () => received };
    };
    const [broken, whole] = [await open(true), await open(false)];
    const hello = frame({ opcode: TEXT, payload: "hello", key: KEY });
    if (where === "write") broken.theirs.write(hello);
    else broken.theirs.write(frame({ opcode: 8, key: KEY }));
    whole.theirs.write(hello);
    while (framesIn(heard(whole.received()).rest).length < 1) await pause(2);
    if (where === "write") {
      await until(() => ended.length === 1);
      assert.equal((ended[0]!.error as Error | undefined)?.cause, thrown);
    }
    await accept.shutdown({ deadline: 0 });
    await until(() => ended.length === 2);
    for (const each of [broken, whole]) each.theirs.destroy();
    // The streams of this test deliver a little later.
    await pause();
  });
}

test("send() on a connection that is closing or closed throws nothing, and the loss is counted", async () => {
  await using ends = pair();
  const { client, server } = ends;
  const closing = client.close(4000);
  assert.equal(client.readyState, "closing");
  assert.equal(client.send("lost"), false);
  assert.equal(client.send(Uint8Array.of(1)), false);
  await assert.rejects(client.drained(), ConnectionClosedError);
  assert.throws(() => client.send(5 as unknown as string), TypeError);
  await closing;
  assert.equal(client.send("lost"), false);
  assert.equal(client.lost, 3);
  assert.equal(server.send("lost"), false);
  assert.equal(server.lost, 1);
});

test("a loop over all connections reaches each that is open, whatever the others are about, and ends no sender", async () => {
  await serving(
    {},
    {
      message(_, message) {
        for (const each of this.server.connections) each.send(message);
      },
      get server() {
        return served;
      },
    } as ConnectionCallbacks & { server: Server },
    async ({ server }) => {
      served = server;
      const [sender, going, gone, other] = await Promise.all([1, 2, 3, 4].map(() => connect(server.url)));
      await until(() => server.connections.size === 4);
      const [, second, third] = [...server.connections];
      void second!.close();
      third!.abort();
      sender!.send("to all");
      const got = await Promise.all(
        [sender, going, gone, other].map(async (socket) =>
          (await socket![Symbol.asyncIterator]().next()).value
        ),
      );
      assert.equal(got.filter((value) => value === "to all").length, 2);
      assert.equal(got[0], "to all");
      assert.equal(sender!.readyState, "open");
      await sender!.close();
      await other!.close();
    },
  );
});

test("a timer that sends goes on when its peer has left, and the process lives", async () => {
  let sent = 0;
  const timers: ReturnType<typeof setInterval>[] = [];
  const ended: Connection[] = [];
  await serving({}, {
    open: (socket) => void timers.push(setInterval(() => (sent++, socket.send("tick")), 2)),
    close: (socket) => void ended.push(socket),
  }, async ({ server }) => {
    for (const leave of ["close", "abort"] as const) {
      const socket = await connect(server.url);
      await socket[Symbol.asyncIterator]().next();
      void socket[leave]();
    }
    await until(() => ended.length === 2);
    const before = sent;
    await until(() => sent > before + 5);
  });
  for (const timer of timers) clearInterval(timer);
  for (const socket of ended) assert.ok(socket.lost > 0);
});

test("messages that wait for a streamed one when the peer closes are counted as dropped", async () => {
  await using ends = pair();
  const never = { [Symbol.asyncIterator]: () => ({ next: () => new Promise<never>(() => {}) }) };
  const streaming = assert.rejects(ends.client.sendStream(never), ConnectionClosedError);
  for (let i = 0; i < 3; i++) ends.client.send("behind");
  void ends.server.close();
  await ends.client.closed;
  await streaming;
  await until(() => ends.client.lost === 3);
});

test("hooks that nobody waits for may reject: of reconnecting(), and of a relay", async () => {
  const told: unknown[] = [];
  const failing = (what: string) => () => Promise.reject(new Error(what)) as unknown as void;
  await serving({
    error: (error) => void told.push((error as Error).message),
    relay: () => ({
      subscribed: failing("subscribed"),
      unsubscribed: failing("unsubscribed"),
      publish: failing("publish"),
    }),
  }, {
    open: (socket) => socket.subscribe("a"),
  }, async ({ server }) => {
    const socket = await connect(server.url);
    await until(() => told.includes("subscribed"));
    server.publish("a", "x");
    await socket.close();
    await until(() => told.includes("unsubscribed"));
    const client = reconnecting(server.url, { state: failing("state") });
    await assert.rejects(async () => {
      for await (const each of client) await each.closed;
    }, /^Error: state$/);
  });
});

test("publish() from a subscriber of woshou:limit to the topic of the connection that fails throws nothing", async () => {
  const limits = channel("woshou:limit");
  let told = 0;
  await serving({ maxMessageSize: 4 }, async (socket) => {
    socket.subscribe("a");
    await socket.closed;
  }, async ({ server }) => {
    const listener = (): void => {
      told++;
      server.publish("a", "x");
    };
    limits.subscribe(listener);
    try {
      const socket = await connect(server.url);
      await pause();
      socket.send("12345");
      assert.equal((await socket.closed).code, 1009);
    } finally {
      limits.unsubscribe(listener);
    }
  });
  assert.equal(told, 1);
});

test("shutdown() within a hook of the opening handshake closes that connection as well", async () => {
  for (const hook of ["accepted", "upgrade"] as const) {
    let done: Promise<void> | undefined;
    const server = await serve({ port: 0, [hook]: () => void (done = server.shutdown()) }, ECHO);
    const how = await connect(server.url).then((socket) => socket.closed, (error: Error) => error);
    if (hook === "accepted") assert.equal((how as { code: number }).code, 1001);
    else assert.match((how as Error).message, /503/);
    await done;
    assert.equal(server.connections.size, 0);
  }
});

test("reconnecting(): an open hook that never ends holds up neither the end of its connection nor that of the client", async () => {
  await serving({}, (socket) => void socket.abort(), async ({ server }) => {
    let opened = 0;
    const client = reconnecting(server.url, {
      delays: { first: 0, max: 0 },
      open: () => {
        opened++;
        if (opened === 3) void client.close();
        return new Promise(() => {});
      },
    });
    for await (const _ of client) assert.fail("no connection was ready");
    assert.equal(opened, 3);
  });
});

test("a loop behind a stream that is never finished ends with the connection", async () => {
  for (const how of ["abort", "close"] as const) {
    await using ends = pair();
    await using _ = { [Symbol.asyncDispose]: async () => void await pieces.return() };
    let stop = (): void => {};
    void ends.client.sendStream((async function* () {
      yield "begun";
      await new Promise<void>((resolve) => (stop = resolve));
    })()).catch(() => {});
    const pieces = ends.server.stream();
    assert.equal((await pieces.next()).value, "begun");
    const rest: Message[] = [];
    const loop = (async () => {
      for await (const message of ends.server) rest.push(message);
    })();
    await pause();
    if (how === "abort") ends.client.abort();
    else ends.server.abort();
    await loop;
    stop();
    assert.deepEqual(rest, []);
  }
});

test("two Cookie lines are one list; a response has the type of its body; names go out as they were given", async () => {
  let seen: string | null = null;
  const fetch = ({ headers }: Request): Response => {
    seen = headers.get("cookie");
    return new Response("text");
  };
  await serving({ fetch }, ECHO, async ({ port }) => {
    const head =
      "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nCookie: a=1\r\nCookie: b=2\r\n\r\n";
    assert.match(await exchange(port, head), /content-type: text\/plain;charset=utf-8/i);
    assert.equal(seen, "a=1; b=2");
  });
  const texts: string[] = [];
  for (
    const headers of [
      { "X-Zebra": "1", "Origin": "http://localhost" },
      [["X-Zebra", "1"], ["Origin", "http://localhost"]] as [string, string][],
    ]
  ) {
    await serving(
      { origins: "any", accepted: ({ request }) => void texts.push(request!.text) },
      ECHO,
      async ({ server }) => {
        await (await connect(server.url, { headers })).close();
      },
    );
    assert.match(texts.at(-1)!, /\r\nX-Zebra: 1\r\nOrigin: http:\/\/localhost\r\n/);
  }
});

test("a server that has ended lets go of its signal", async () => {
  const { signal } = new AbortController();
  let listeners = 0;
  const { addEventListener, removeEventListener } = signal;
  Object.assign(signal, {
    addEventListener: (...all: Parameters<typeof addEventListener>) => {
      listeners++;
      addEventListener.apply(signal, all);
    },
    removeEventListener: (...all: Parameters<typeof removeEventListener>) => {
      listeners--;
      removeEventListener.apply(signal, all);
    },
  });
  const server = await serve({ port: 0, signal }, ECHO);
  assert.equal(listeners, 1);
  await server.shutdown();
  assert.equal(listeners, 0);
});

test("what serves many runs in nobody's AsyncLocalStorage context", async () => {
  const storage = new AsyncLocalStorage<string>();
  const seen: unknown[] = [];
  await using ends = await storage.run("whoever came first", () =>
    handshakePair({
      server: { idleTimeout: 40, heartbeat: false, limit: () => void seen.push(storage.getStore()) },
      handler: (socket) => socket.closed,
    }));
  await ends.server.closed;
  await pause();
  assert.deepEqual(seen, [undefined]);
});

/** Time that goes by in steps of this many milliseconds, one tick each. */
async function stalling(clock: FakeClock, step: number, until: () => boolean, most: number): Promise<number> {
  let gone = 0;
  for (; gone < most && !until(); gone += step) await clock.jump(step);
  return gone;
}

test("a peer that has vanished is noticed although the process keeps stalling", async () => {
  await withClock(async (clock) => {
    const ends = pair({ server: { heartbeat: { interval: 40, timeout: 40 } }, client: { heartbeat: false } });
    await settled();
    ends.network.vanish();
    const gone = await stalling(clock, 35, () => ends.server.readyState === "closed", 2000);
    assert.ok(gone < 600, `it took ${gone} ms`);
    await ends[Symbol.asyncDispose]();
  });
});

test("idleTimeout counts only time in which we read: a peer that sends to a slow handler stays, and so after a standstill", async () => {
  await withClock(async (clock) => {
    let go = (): void => {};
    const got: Message[] = [];
    const handler = {
      async message(_: Connection, message: Message) {
        got.push(message);
        await new Promise<void>((resolve) => (go = resolve));
      },
    };
    const server = { idleTimeout: 100, heartbeat: false, receiveQueue: { messages: 1 } } as const;
    const ends = pair({ server, client: { heartbeat: false }, handler });
    for (let i = 0; i < 5; i++) ends.client.send(String(i));
    for (let i = 0; i < 5; i++) {
      await clock.advance(i < 3 ? 150 : 20);
      assert.equal(ends.server.readyState, "open", `message ${i}`);
      go();
    }
    await settled();
    ends.client.send("after a standstill");
    await clock.jump(10_000);
    assert.equal(ends.server.readyState, "open");
    go();
    await settled();
    await clock.advance(300);
    assert.equal((await ends.server.closed).reason, "");
    assert.equal(got.length, 6);
    await ends[Symbol.asyncDispose]();
  });
  setClock();
});

test("who is told that reading pauses may close or drop the connection: it ends, and nothing else does", async () => {
  const limits = channel("woshou:limit");
  for (const how of ["close", "abort"] as const) {
    const listener = (event: unknown): void => {
      const { limit, socket } = event as { limit: string; socket: Connection };
      if (limit === "receiveQueue") void socket[how]();
    };
    limits.subscribe(listener);
    try {
      await serving(
        { receiveQueue: { messages: 2 }, closeTimeout: 300 },
        (socket) => socket.closed,
        async ({ server }) => {
          const socket = await connect(server.url);
          for (let i = 0; i < 50; i++) socket.send("x");
          const { wasClean } = await socket.closed;
          assert.equal(wasClean, how === "close");
        },
      );
    } finally {
      limits.unsubscribe(listener);
    }
  }
});

test("connect() that is given up at once rejects, whatever it looks at first", async () => {
  const reason = new Error("given up");
  for (const options of [{}, { tls: { ca: tls.ca } }]) {
    const controller = new AbortController();
    const connecting = connect("ws://127.0.0.1:1/", { ...options, signal: controller.signal });
    controller.abort(reason);
    await assert.rejects(connecting, reason);
  }
});

test("the deadline of an opening handshake holds in a process that is always late", async () => {
  let expired = false;
  let busy = true;
  const deadlines = new Deadlines(50);
  deadlines.begin({ expired: () => void (expired = true) });
  for (let turn = 0; turn < 20 && busy; turn++) {
    const until = performance.now() + 150;
    while (performance.now() < until);
    await new Promise((resolve) => setTimeout(resolve, 0));
    busy = !expired;
  }
  assert.equal(expired, true);
});
