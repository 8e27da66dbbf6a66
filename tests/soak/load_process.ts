/** The load of the soak: connections that are held and echo, and connections that come and go in all ways there are. */
import { Buffer } from "node:buffer";
import { once } from "node:events";
import { Opening } from "../../bench/load/opening.ts";
import { Dice } from "./dice.ts";
import { binaryFrame, dial, EchoConnection, openEchoes } from "./raw_load.ts";
import { type Question, speak } from "./speaking.ts";
import { sleep } from "./settling.ts";

const AT_ONCE = 100;
/** Milliseconds that an echo may take: far more than it should, on a machine that others use too. */
const LOST_AFTER = 60_000;

const dice = new Dice(6455);
let held: EchoConnection[] = [];
let sending: Promise<void> | undefined;
let stopped = false;
let sent = 0;

const LARGEST = 20_000;

/** Most are short; some fill several segments, and the first that a connection which is held sends does. */
function payload(first = false): Buffer {
  const size = first ? LARGEST : dice.chance(0.02) ? dice.between(4000, LARGEST) : dice.between(8, 400);
  return Buffer.alloc(size, `${sent++} `);
}

/** Each connection says something every `every` milliseconds, one after the other. */
async function keepSending(every: number): Promise<void> {
  let next = 0;
  const began = performance.now();
  for (let due = 0; !stopped;) {
    const now = performance.now() - began;
    for (const target = now * held.length / every; due < target; due++) {
      const connection = held[next++ % held.length]!;
      if (connection.waitingSince === undefined) void connection.echo(payload(connection.echoed === 0));
      else if (performance.now() - connection.waitingSince > LOST_AFTER) {
        throw new Error("A message was not answered within a minute.");
      }
    }
    await sleep(10);
  }
}

function status() {
  return { held: held.length, sent, echoed: held.reduce((sum, { echoed }) => sum + echoed, 0) };
}

async function hold({ port, connections, every }: Question): Promise<unknown> {
  held = await openEchoes(Number(connections), Number(port), AT_ONCE);
  for (const { closed } of held) {
    void closed.then(() => {
      if (!stopped) throw new Error("A connection that was held has ended.");
    });
  }
  stopped = false;
  sending = keepSending(Number(every));
  return status();
}

async function release(): Promise<unknown> {
  stopped = true;
  await sending;
  const end = performance.now() + LOST_AFTER;
  while (held.some(({ waitingSince }) => waitingSince !== undefined)) {
    if (performance.now() > end) throw new Error("A message was not answered within a minute.");
    await sleep(20);
  }
  const told = status();
  await Promise.all(held.map((connection) => connection.close()));
  held = [];
  return told;
}

/** The first half of a request, and then no more. */
async function vanishInHandshake(port: number): Promise<void> {
  const socket = dial(port, () => {});
  await once(socket, "connect");
  const { request } = new Opening(port, "");
  socket.write(request.slice(0, dice.between(1, request.length - 1)));
  await sleep(dice.below(5));
  if (dice.chance(0.5)) socket.destroy();
  else socket.resetAndDestroy();
  await once(socket, "close");
}

async function echoed(port: number): Promise<EchoConnection> {
  const connection = new EchoConnection(port);
  await connection.opened;
  await connection.echo(payload());
  return connection;
}

/** The ways in which connections come and go. Each answers whether the server has seen it open. */
const WAYS: Readonly<Record<string, (port: number) => Promise<boolean>>> = {
  "clean close": async (port) => {
    await (await echoed(port)).close();
    return true;
  },
  "reset": async (port) => {
    const { socket, closed } = await echoed(port);
    socket.resetAndDestroy();
    await closed;
    return true;
  },
  "end without a Close frame": async (port) => {
    const { socket, closed } = await echoed(port);
    socket.end();
    await closed;
    return true;
  },
  "half a frame, then an end": async (port) => {
    const { socket, closed } = await echoed(port);
    const frame = binaryFrame(payload());
    socket.end(frame.subarray(0, dice.between(1, frame.length - 1)));
    await closed;
    return true;
  },
  "half a frame, then a reset": async (port) => {
    const { socket, closed } = await echoed(port);
    const frame = binaryFrame(payload());
    socket.write(frame.subarray(0, dice.between(1, frame.length - 1)));
    await sleep(dice.below(3));
    socket.resetAndDestroy();
    await closed;
    return true;
  },
  "vanish in the handshake": async (port) => {
    await vanishInHandshake(port);
    return false;
  },
};

async function churn({ port, count, atOnce }: Question): Promise<unknown> {
  const ways = Object.entries(WAYS);
  const numbers: Record<string, number> = {};
  let opened = 0;
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < Number(count)) {
      const [way, run] = ways[next++ % ways.length]!;
      numbers[way] = (numbers[way] ?? 0) + 1;
      if (await run(Number(port))) opened++;
    }
  };
  await Promise.all(Array.from({ length: Number(atOnce) }, lane));
  return { opened, numbers };
}

speak(0, (question) => {
  switch (question.do) {
    case "hold":
      return hold(question);
    case "status":
      return status();
    case "release":
      return release();
    case "churn":
      return churn(question);
  }
  throw new Error(`Cannot "${question.do}".`);
});
