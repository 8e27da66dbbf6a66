/** Each fault of a network, seen by the two ends of it. */
import { deepEqual, equal, ok, throws } from "node:assert/strict";
import { faulty } from "../../src/testing/mod.ts";
import { memoryPair } from "../../src/transport/memory.ts";
import { test } from "../harness.ts";
import { pattern } from "../transport/support.ts";
import { ends, settled } from "./support.ts";

test("without faults everything arrives whole, both ways, and is counted", async () => {
  await using both = ends({ record: true });
  const { near, far, network } = both;
  near.write("question");
  far.write("answer");
  await Promise.all([far.received(8), near.received(6)]);
  equal(far.chunks.length, 1);
  equal(network.outgoing.taken, 8);
  await network.outgoing.until(({ delivered }) => delivered === 8);
  equal(network.outgoing.held, 0);
  equal(network.incoming.taken, 6);
  equal(new TextDecoder().decode(network.outgoing.recorded), "question");
  equal(network.incoming.recorded.length, 0);
});

test("split: each piece arrives by itself, whatever the writes were", async () => {
  await using both = ends({ split: 3 }, { split: "bytes" });
  const { near, far } = both;
  for (const text of ["ab", "cdefg", "h"]) near.write(text);
  far.write("xyz");
  await Promise.all([far.received(8), near.received(3)]);
  deepEqual(far.chunks.map((chunk) => chunk.length), [3, 3, 2]);
  equal(far.text, "abcdefgh");
  deepEqual(near.chunks.map((chunk) => chunk.length), [1, 1, 1]);
  equal(near.text, "xyz");
});

test("split: the next piece waits until the receiver has read the one before", async () => {
  await using both = ends({ split: 2 });
  const { near, far, network } = both;
  far.pause();
  near.write("abcdef");
  await settled();
  equal(network.outgoing.delivered, 0);
  equal(network.outgoing.held, 6);
  far.resume();
  await far.received(6);
  deepEqual(far.chunks.map((chunk) => chunk.length), [2, 2, 2]);
});

test("split: a seed gives the same pieces each time", async () => {
  const sizes = async (seed: number): Promise<number[]> => {
    await using both = ends({ split: { seed, largest: 100 } });
    both.near.write(pattern(0, 5000));
    await both.far.received(5000);
    deepEqual(both.far.bytes, pattern(0, 5000));
    return both.far.chunks.map((chunk) => chunk.length);
  };
  const one = await sizes(1);
  ok(one.length > 50);
  deepEqual(await sizes(1), one);
  equal(JSON.stringify(await sizes(2)) === JSON.stringify(one), false);
});

test("stall: nothing arrives one way, neither bytes nor the end, until resume(); the other way flows", async () => {
  await using both = ends();
  const { near, far, network } = both;
  network.outgoing.stall();
  near.write("late");
  near.closeWrite();
  far.write("in time");
  await near.received(7);
  await settled();
  deepEqual(far.log, []);
  network.outgoing.resume();
  await far.until(() => far.ended);
  equal(far.text, "late");
});

test("stall: a reset waits too", async () => {
  await using both = ends();
  const { near, far, network } = both;
  network.outgoing.stall();
  near.abort();
  await near.until(() => near.closed);
  await settled();
  deepEqual(far.log, []);
  network.outgoing.resume();
  await far.until(() => far.closed);
  equal(far.error?.code, "connection-reset");
});

test("stall: release() lets so many bytes through, and no end behind them", async () => {
  await using both = ends();
  const { near, far, network } = both;
  network.outgoing.stall();
  near.write("abcdef");
  near.closeWrite();
  await settled();
  network.outgoing.release(2);
  network.outgoing.release(1);
  await far.received(3);
  await settled();
  equal(far.text, "abc");
  network.outgoing.release(3);
  await far.received(6);
  await settled();
  equal(far.ended, false);
  network.outgoing.resume();
  await far.until(() => far.ended);
});

test("buffer: what is on its way is limited, and beyond it the sender is slowed down", async () => {
  await using both = ends({ buffer: 1000 });
  const { near, far, network } = both;
  network.outgoing.stall();
  ok(near.write(pattern(0, 1000)));
  await settled();
  equal(near.transport.bufferedAmount, 0);
  equal(near.write(pattern(1000, 100_000)), false);
  await settled();
  equal(network.outgoing.held, 1000);
  equal(near.transport.bufferedAmount, 100_000);
  equal(near.drains, 0);
  network.outgoing.resume();
  await near.until(() => near.drains === 1);
  await far.received(101_000);
  deepEqual(far.bytes, pattern(0, 101_000));
});

test("buffer: room for 64 KiB unless told otherwise, passed by one write at most", async () => {
  await using both = ends();
  both.network.outgoing.stall();
  both.near.write(pattern(0, 65_535));
  await settled();
  equal(both.network.outgoing.held, 65_535);
  both.near.write(pattern(0, 1_000_000));
  await settled();
  equal(both.network.outgoing.held, 65_535 + 65_536);
  throws(() => ends({ buffer: 0 }), RangeError);
  throws(() => ends({ buffer: NaN }), RangeError);
});

test("delay: each piece waits for the test's promise, and those behind it for theirs", async () => {
  const gates: { piece: string; open: () => void }[] = [];
  await using both = ends({
    split: 2,
    delay: (piece) =>
      new Promise<void>((open) => gates.push({ piece: new TextDecoder().decode(piece), open })),
  });
  const { near, far } = both;
  near.write("abcd");
  near.closeWrite();
  await settled();
  deepEqual(gates.map(({ piece }) => piece), ["ab"]);
  equal(far.text, "");
  gates[0]!.open();
  await far.received(2);
  await settled();
  deepEqual(gates.map(({ piece }) => piece), ["ab", "cd"]);
  equal(far.ended, false);
  gates[1]!.open();
  await far.until(() => far.ended);
  equal(far.text, "abcd");
});

test("delay: what is not a promise delays nothing; a piece that was lost meanwhile does not arrive", async () => {
  await using prompt = ends({ delay: () => 1 });
  prompt.near.write("now");
  await prompt.far.received(3);
  let open = (): void => {};
  await using late = ends({ delay: () => new Promise<void>((resolve) => open = resolve) });
  late.near.write("lost");
  await settled();
  late.network.vanish();
  open();
  await settled();
  deepEqual(late.far.log, []);
});

test("alter: pieces are changed on their way, the sender's bytes are not", async () => {
  await using both = ends({ split: 2, record: true, alter: (piece) => void (piece[0]! ^= 0x20) });
  const bytes = new TextEncoder().encode("abcd");
  both.near.write(bytes);
  await both.far.received(4);
  equal(both.far.text, "AbCd");
  equal(new TextDecoder().decode(both.network.outgoing.recorded), "AbCd");
  equal(new TextDecoder().decode(bytes), "abcd");
});

test("insert: bytes of the test's own arrive behind what is on its way", async () => {
  await using both = ends();
  const { near, far, network } = both;
  network.outgoing.stall();
  near.write("ours");
  await settled();
  const bytes = new TextEncoder().encode(" theirs");
  network.outgoing.insert(bytes);
  bytes.fill(0);
  network.outgoing.resume();
  await far.received(11);
  equal(far.text, "ours theirs");
});

test("halfClose: one direction ends behind what is on its way, the other goes on", async () => {
  await using both = ends();
  const { near, far, network } = both;
  network.outgoing.stall();
  near.write("last words");
  await settled();
  network.outgoing.halfClose();
  network.outgoing.halfClose();
  near.write("never heard");
  network.outgoing.resume();
  await far.until(() => far.ended);
  equal(far.text, "last words");
  far.write("still here");
  await near.received(10);
  await network.outgoing.until(({ taken }) => taken === 21);
  equal(near.transport.bufferedAmount, 0);
  near.closeWrite();
  far.closeWrite();
  await Promise.all([near.until(() => near.closed), far.until(() => far.closed)]);
  equal(near.error, undefined);
  equal(far.error, undefined);
  deepEqual(far.log, ["data", "end", "close"]);
});

test("halfClose: a reset still gets through behind it", async () => {
  await using both = ends();
  both.network.outgoing.halfClose();
  await both.far.until(() => both.far.ended);
  both.near.abort();
  await both.far.until(() => both.far.closed);
  equal(both.far.error?.code, "connection-reset");
});

test("halfClose: a reset that waits is still a reset", async () => {
  await using both = ends();
  both.network.outgoing.stall();
  both.near.abort();
  await both.near.until(() => both.near.closed);
  both.network.outgoing.halfClose();
  both.network.outgoing.resume();
  await both.far.until(() => both.far.closed);
  equal(both.far.error?.code, "connection-reset");
});

test("what is on its way to an end that has closed is lost, and its sender is not slowed down by it", async () => {
  await using both = ends();
  const { near, far, network } = both;
  network.outgoing.stall();
  near.pause();
  equal(far.write(pattern(0, 500_000)), false);
  await settled();
  near.abort();
  await far.until(() => far.drains === 1);
  equal(network.incoming.held, 0);
  equal(far.closed, false);
});

test("cut: both ends are reset, and what is on its way is lost", async () => {
  await using both = ends();
  const { near, far, network } = both;
  network.outgoing.stall();
  near.write("lost");
  await settled();
  network.cut();
  network.cut();
  await Promise.all([near.until(() => near.closed), far.until(() => far.closed)]);
  for (const end of [near, far]) {
    deepEqual(end.log, ["close"]);
    equal(end.error?.code, "connection-reset");
  }
});

test("vanish: bytes go nowhere, and neither end hears of the other's end", async () => {
  await using both = ends();
  const { near, far, network } = both;
  network.outgoing.stall();
  near.write("on its way");
  await settled();
  network.vanish();
  network.outgoing.resume();
  ok(near.write("gone"));
  far.write("gone too");
  await network.outgoing.until(({ taken }) => taken === 14);
  await network.incoming.until(({ taken }) => taken === 8);
  equal(network.outgoing.held, 0);
  far.closeWrite();
  await settled();
  deepEqual([near.log, far.log], [[], []]);
  near.abort();
  await near.until(() => near.closed);
  equal(near.error, undefined);
  await settled();
  deepEqual([near.log, far.log], [["close"], []]);
});

test("vanish: a sender that was slowed down is not any more", async () => {
  await using both = ends({ buffer: 10 });
  both.network.outgoing.stall();
  equal(both.near.write(pattern(0, 200_000)), false);
  await settled();
  equal(both.near.drains, 0);
  both.network.vanish();
  await both.near.until(() => both.near.drains === 1);
});

test("a reset from either end arrives behind the bytes that were on their way", async () => {
  await using both = ends({ split: 1 });
  const { near, far } = both;
  near.write("abc");
  await both.network.outgoing.until(({ taken }) => taken === 3);
  near.abort();
  await far.until(() => far.closed);
  equal(far.text, "abc");
  equal(far.error?.code, "connection-reset");
});

test("until: resolves at once when the condition holds, and several may wait", async () => {
  await using both = ends();
  const { outgoing } = both.network;
  await outgoing.until(() => true);
  const order: number[] = [];
  const waits = [2, 1].map((count) =>
    outgoing.until(({ taken }) => taken >= count).then(() => void order.push(count))
  );
  both.near.write("a");
  await waits[1];
  deepEqual(order, [1]);
  both.near.write("b");
  await waits[0];
  deepEqual(order, [1, 2]);
});

test("faulty() passes on what the transport says of its peer", () => {
  const [left] = memoryPair({ remoteAddress: "192.0.2.1", encrypted: true });
  const { transport } = faulty(left);
  equal(transport.remoteAddress, "192.0.2.1");
  equal(transport.encrypted, true);
});
