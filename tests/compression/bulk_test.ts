/** What compression must not cost: memory, with many connections and with many messages. */
import assert from "node:assert/strict";
import type { CompressionOptions, Message } from "../../mod.ts";
import { type Pair, pair } from "../../src/testing/mod.ts";
import { amount, test } from "../harness.ts";
import { memoryHeld } from "../memory.ts";

const KIB = 1024;
const MIB = 1024 * KIB;

// As a feed has it: alike, and never the same.
function text(index: number): string {
  return JSON.stringify({
    id: index,
    user: `user-${(index * 7919) % 1000}`,
    text: "a message of a chat room, as there are many of them, one like the other",
    tags: [index % 7, index % 11, index % 13],
  });
}

/** Exchanges messages both ways until each end has had this many of them. */
async function exchange({ client, server }: Pair, from: number, count: number, size = 1): Promise<void> {
  const message = (index: number): Message => size === 1 ? text(index) : text(index).repeat(size);
  const answer = (async () => {
    let next = from;
    for await (const came of server) {
      assert.equal(came, message(next));
      server.send(came);
      if (++next === from + count) return;
    }
  })();
  for (let index = from; index < from + count;) {
    const first = index;
    for (const end = Math.min(index + 8, from + count); index < end; index++) client.send(message(index));
    let next = first;
    for await (const came of client) {
      assert.equal(came, message(next));
      if (++next === index) break;
    }
  }
  await answer;
}

function joined(compression: CompressionOptions): Pair {
  const options = { compression, heartbeat: false as const };
  return pair({ client: options, server: options });
}

/** Memory once timers and streams have let go of what they held. */
async function memory(): Promise<number> {
  for (let i = 0; i < 10; i++) await new Promise((resolve) => setTimeout(resolve, 0));
  return memoryHeld();
}

const PAIRS = 500;
// For what a connection costs besides; a DEFLATE stream for each would cost twice that.
const SLACK = 150 * MIB;

const BUDGETS: [string, CompressionOptions, number][] = [
  // Each end keeps nothing of what it sends afresh, and what comes afresh is not kept either.
  ["shared", { mode: "shared" }, 0],
  // 2 ** 12 bytes for what was sent, as many for what has come.
  ["context-takeover", { mode: "context-takeover", threshold: 0 }, 8 * KIB],
  // 32 KiB for each direction: the most that there is.
  ["context-takeover, 15 bits", { mode: "context-takeover", windowBits: 15, threshold: 0 }, 64 * KIB],
];

for (const [name, options, budget] of BUDGETS) {
  test(`${PAIRS} pairs of connections that have carried 32 KiB each way hold their windows, and no more: ${name}`, async () => {
    // What the first ones cost is everyone's: code, shared buffers, and the garbage that a runtime is fine with.
    for (let i = 0; i < 100; i++) {
      await using warm = joined(options);
      await exchange(warm, i, 2, 200);
    }
    const before = await memory();
    const pairs: Pair[] = [];
    for (let i = 0; i < PAIRS; i++) {
      const one = joined(options);
      pairs.push(one);
      await exchange(one, i, 1, 200);
    }
    const grown = await memory() - before;
    // Both ends are in this process.
    const most = PAIRS * 2 * budget + SLACK;
    await Promise.all(pairs.map((one) => one[Symbol.asyncDispose]()));
    assert.ok(grown < most, `${Math.round(grown / MIB)} MiB, where ${Math.round(most / MIB)} are allowed`);
  });
}

const SOAKS: [string, CompressionOptions, number][] = [
  ["shared", { mode: "shared" }, amount(60_000, 20_000)],
  ["context-takeover", { mode: "context-takeover" }, amount(30_000, 10_000)],
];

for (const [name, options, count] of SOAKS) {
  test(`${count} compressed messages there and back end with memory where it began: ${name}`, async () => {
    await using ends = joined(options);
    await exchange(ends, 0, count / 4);
    const warm = await memory();
    let most = 0;
    for (let round = 1; round < 4; round++) {
      await exchange(ends, round * count / 4, count / 4);
      most = Math.max(most, await memory() - warm);
    }
    assert.ok(most < 100 * MIB, `${Math.round(most / MIB)} MiB more than after the warm-up`);
    // And those of many sizes, in fragments: what is large is given back.
    const chunk = text(1).repeat(2000);
    for (let i = 0; i < 20; i++) {
      const sent = ends.client.sendStream([chunk, chunk, text(i)], { compress: true });
      for await (const message of ends.server) {
        assert.equal(message.length, 2 * chunk.length + text(i).length);
        break;
      }
      await sent;
    }
    const grown = await memory() - warm;
    assert.ok(grown < 150 * MIB, `${Math.round(grown / MIB)} MiB more after large ones`);
  });
}
