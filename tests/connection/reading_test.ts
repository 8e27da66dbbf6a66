/**
 * One owner of the pause state: however slow the application is and however the input is split, no more is held than
 * the limits allow.
 */
import assert from "node:assert/strict";
import { connect as dialTcp, type Socket } from "node:net";
import { once } from "node:events";
import type { Close, ConnectionHandler, Message, ServeOptions } from "../../mod.ts";
import { pair } from "../../src/testing/mod.ts";
import { test } from "../harness.ts";
import { latin1, serving, TEXT } from "../hostile/support.ts";
import { memoryHeld } from "../memory.ts";
import { bytesOf, frame } from "../protocol/frames.ts";
import { dial, request } from "../raw_peer.ts";

const MIB = 1024 * 1024;
const KEY = [1, 2, 3, 4];
// What the kernels of both ends hold on the loopback interface, and more.
const IN_BETWEEN = 32 * MIB;
const FLOOD = 96 * MIB;

const text = (payload: string): Uint8Array => frame({ opcode: TEXT, payload, key: KEY });

/** Writes until nothing has been read for a while. Returns how much was accepted. */
async function flood(socket: Socket): Promise<number> {
  const chunk = bytesOf(...Array.from({ length: 64 }, () => text("x".repeat(1024))));
  let written = 0;
  while (written < FLOOD) {
    const went = new Promise<boolean>((resolve) => socket.write(chunk, () => resolve(true)));
    let timer: ReturnType<typeof setTimeout> | undefined;
    const waited = new Promise<boolean>((resolve) => (timer = setTimeout(() => resolve(false), 500)));
    const goes = await Promise.race([went, waited]);
    clearTimeout(timer);
    if (!goes) break;
    written += chunk.length;
  }
  return written;
}

const WAITS = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 20));
const NOBODY_TAKES: Record<string, ConnectionHandler> = {
  "a handler that takes none": (socket) => socket.closed,
  "a callback that does not come back": { message: (socket) => socket.closed },
};
const WAYS: Record<string, ServeOptions> = {
  "at once": {},
  "after an asynchronous upgrade()": { upgrade: async () => await WAITS() },
  "after an asynchronous protocols()": { protocols: async () => (await WAITS(), undefined) },
};

for (const [who, handler] of Object.entries(NOBODY_TAKES)) {
  for (const [how, options] of Object.entries(WAYS)) {
    test(`messages right behind the request, then a flood: ${who}, accepted ${how}, is not read for`, async () => {
      await serving(options, handler, async ({ port }) => {
        const socket = dialTcp({ host: "127.0.0.1", port });
        socket.on("error", () => {});
        socket.resume();
        await once(socket, "connect");
        const early = bytesOf(...Array.from({ length: 17 }, () => text("x")));
        socket.write(bytesOf(request(), early));
        const taken = await flood(socket);
        assert.ok(taken < IN_BETWEEN, `${taken / MIB} MiB were read`);
        socket.destroy();
        if (!socket.closed) await once(socket, "close");
      });
    });
  }
}

test("frames that inflate to a MiB each are inflated as they are taken, and none is lost", async () => {
  const count = 250;
  const settings = { compression: true, heartbeat: false } as const;
  await using ends = pair({ client: { ...settings, maxBufferedAmount: 256 * MIB }, server: settings });
  const { client, server } = ends;
  const before = memoryHeld();
  for (let i = 0; i < count; i++) client.send(new Uint8Array(MIB).fill(i), { compress: true });
  await WAITS();
  const held = memoryHeld() - before;
  // All of them would be 250 MiB. A process's memory is known no better: 111 MiB were seen where a few messages were held.
  assert.ok(held < 160 * MIB, `${held / MIB} MiB are held`);
  let next = 0;
  for await (const message of server) {
    assert.deepEqual([message.length, (message as Uint8Array)[0], (message as Uint8Array)[MIB - 1]], [
      MIB,
      next,
      next,
    ]);
    if (++next === count) break;
  }
});

for (const messages of [1, 2, 16]) {
  for (const split of [undefined, "bytes", { seed: messages, largest: 700 }] as const) {
    test(`a queue of ${messages}, bytes cut as ${JSON.stringify(split) ?? "they come"}: loops, callbacks and streams get all, in order, and the close behind it`, async () => {
      const expected = Array.from({ length: 200 }, (_, i) => `${i} ${"x".repeat(i)}`);
      const options = { receiveQueue: { messages }, heartbeat: false } as const;
      const slowly = async (message: Message, got: Message[]): Promise<void> => {
        got.push(message);
        if (got.length % 47 === 0) await WAITS();
      };
      const kinds: ((got: Message[]) => ConnectionHandler)[] = [
        (got) => async (socket) => {
          for await (const message of socket) await slowly(message, got);
        },
        (got) => ({ message: async (_, message) => await slowly(message, got) }),
        (got) => ({ message: (_, message) => void got.push(message) }),
        (got) => async (socket) => {
          while (got.length < expected.length) {
            let whole = "";
            for await (const piece of socket.stream()) whole += piece as string;
            await slowly(whole, got);
          }
        },
      ];
      for (const kind of kinds) {
        const got: Message[] = [];
        await using ends = pair({
          server: options,
          client: { heartbeat: false },
          handler: kind(got),
          network: { split } as object,
        });
        const { client, server } = ends;
        for (const message of expected) client.send(message);
        const [own, peers] = await Promise.all([client.close(1000, "done"), server.closed]);
        // What waits when a connection ends is still to be taken.
        for (let turn = 0; turn < 500 && got.length < expected.length; turn++) await WAITS();
        assert.deepEqual(got, expected);
        assert.deepEqual([own.wasClean, peers.code, peers.reason, peers.wasClean], [
          true,
          1000,
          "done",
          true,
        ]);
      }
    });
  }
}

test("a peer that says all at once and ends its stream is heard to the end", async () => {
  const got: Message[] = [];
  let close: Close | undefined;
  const handler: ConnectionHandler = async (socket) => {
    for await (const message of socket) {
      got.push(message);
      await WAITS();
    }
    close = await socket.closed;
  };
  await serving({ receiveQueue: { messages: 2 } }, handler, async ({ port, server }) => {
    const peer = await dial(port);
    const bye = frame({ opcode: 8, payload: bytesOf([0x03, 0xe8]), key: KEY });
    peer.write(latin1(bytesOf(request(), ...Array.from({ length: 40 }, (_, i) => text(String(i))), bye)));
    peer.end();
    await peer.untilEnd();
    while (server.connections.size > 0) await WAITS();
    await peer.destroy();
    for (let turn = 0; turn < 500 && close === undefined; turn++) await WAITS();
  });
  assert.deepEqual(got, Array.from({ length: 40 }, (_, i) => String(i)));
  assert.deepEqual([close?.code, close?.wasClean], [1000, true]);
});

test("a connection that is dropped while bytes of its peer are kept ends, and forgets them", async () => {
  await using ends = pair({ server: { receiveQueue: { messages: 1 } } });
  for (let i = 0; i < 100; i++) ends.client.send("x");
  await WAITS();
  ends.server.abort();
  assert.equal((await ends.server.closed).code, 1006);
  let left = 0;
  for await (const _ of ends.server) left++;
  assert.equal(left, 1);
});
