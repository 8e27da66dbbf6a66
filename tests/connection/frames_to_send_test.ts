import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { Outbox } from "../../src/connection/frames_to_send.ts";
import { writeTextFrame } from "../../src/protocol/frame.ts";
import { frameMemory } from "../../src/protocol/frame_memory.ts";
import type { Transport } from "../../src/transport/transport.ts";
import { settled } from "../fake_clock.ts";
import { test } from "../harness.ts";

const KIB = 1024;

/** A transport that keeps what it is given until the test says otherwise. */
class Wire implements Transport {
  readonly remoteAddress = "";
  readonly encrypted = false;
  readonly writes: Uint8Array[] = [];
  bufferedAmount = 0;
  /** Whether it takes everything at once. */
  fast: boolean;
  readonly #mark: number;

  constructor(mark: number, fast: boolean) {
    this.#mark = mark;
    this.fast = fast;
  }

  write(bytes: Uint8Array): boolean {
    this.writes.push(bytes);
    if (!this.fast) this.bufferedAmount += bytes.length;
    return this.bufferedAmount <= this.#mark;
  }

  get done(): boolean {
    return this.bufferedAmount === 0;
  }

  get sizes(): number[] {
    return this.writes.map(({ length }) => length);
  }

  attach(): void {}
  closeWrite(): void {}
  abort(): void {}
  pause(): void {}
  resume(): void {}
}

interface Subject {
  readonly wire: Wire;
  readonly outbox: Outbox;
  drains(): number;
}

function subject(mark: number, { fast = true } = {}): Subject {
  let drains = 0;
  const wire = new Wire(mark, fast);
  const outbox = new Outbox(wire, {
    settings: { sendHighWaterMark: mark },
    outboxDrained: () => void drains++,
  });
  return { wire, outbox, drains: () => drains };
}

/** What became of a promise so far. */
function watched(promise: Promise<void>): { state: string } {
  const watch = { state: "pending" };
  promise.then(() => watch.state = "resolved", (error: Error) => watch.state = error.message);
  return watch;
}

function empty({ wire, outbox }: Subject): void {
  wire.bufferedAmount = 0;
  outbox.transportDrained();
}

test("what is written in one turn goes out in one write, at its end", async () => {
  const { wire, outbox } = subject(1000);
  outbox.write(Uint8Array.of(1));
  outbox.write(Uint8Array.of(2, 3));
  equal(outbox.bufferedAmount, 3);
  deepEqual(wire.writes, []);
  await settled();
  deepEqual(wire.writes, [Uint8Array.of(1, 2, 3)]);
  equal(outbox.bufferedAmount, 0);
  outbox.write(Uint8Array.of(4));
  await settled();
  deepEqual(wire.writes[1], Uint8Array.of(4));
});

test("one piece goes out as it is; beyond 64 KiB pieces are not joined", async () => {
  const { wire, outbox } = subject(1e9);
  const piece = new Uint8Array(10);
  outbox.write(piece);
  await settled();
  equal(wire.writes[0], piece);
  outbox.write(new Uint8Array(63 * KIB));
  outbox.write(new Uint8Array(1 * KIB));
  await settled();
  outbox.write(new Uint8Array(64 * KIB));
  outbox.write(new Uint8Array(1));
  await settled();
  deepEqual(wire.sizes, [10, 64 * KIB, 64 * KIB, 1]);
});

/** Sends as a protocol does. */
function send(outbox: Outbox, text: string): void {
  const start = writeTextFrame(frameMemory, 0x81, text, undefined);
  outbox.write(frameMemory.bytes, start, frameMemory.end);
}

const text = (bytes: Uint8Array | undefined): string => new TextDecoder().decode(bytes?.slice());

test("frames that lie one behind the other go out as they lie, and others between them do no harm", async () => {
  const [one, other] = [subject(1000, { fast: false }), subject(1000, { fast: false })];
  send(one.outbox, "a");
  send(one.outbox, "b");
  const { buffer } = frameMemory.bytes;
  send(other.outbox, "c");
  send(one.outbox, "d");
  await settled();
  deepEqual(one.wire.writes.map(text), ["\x81\x01a\x81\x01b\x81\x01d".replaceAll("\x81", "\ufffd")]);
  deepEqual(other.wire.writes.map(text), ["\ufffd\x01c"]);
  equal(other.wire.writes[0]!.buffer, buffer);
});

test("memory is written to again when the transport has kept nothing of it, and only then", async () => {
  for (const fast of [true, false]) {
    const { wire, outbox } = subject(1000, { fast });
    send(outbox, "one");
    const { end } = frameMemory;
    await settled();
    equal(frameMemory.end, fast ? end - 5 : end);
    send(outbox, "two");
    await settled();
    deepEqual(
      wire.writes.map(text),
      fast ? ["\ufffd\x03two", "\ufffd\x03two"] : ["\ufffd\x03one", "\ufffd\x03two"],
    );
  }
});

test("a small piece that is to wait is copied, lest it keep the memory of what was sent beside it", async () => {
  const { wire, outbox } = subject(1000, { fast: false });
  send(outbox, "one");
  await settled();
  send(outbox, "two");
  await settled();
  const [first, second] = wire.writes;
  ok(first!.buffer.byteLength > 1000, "the transport could have taken it at once");
  equal(second!.buffer.byteLength, 5);
  const large = new Uint8Array(1000);
  outbox.write(large, 0, 250);
  await settled();
  equal(wire.writes[2]!.buffer, large.buffer, "a quarter of the memory may be kept");
});

test("what many connections are sent in one turn is joined once for all of them", async () => {
  const wires = [subject(1000), subject(1000), subject(1000)];
  const [first, second] = [Uint8Array.of(1, 2), Uint8Array.of(3)];
  for (const { outbox } of wires) {
    outbox.write(first);
    outbox.write(second);
  }
  wires[2]!.outbox.write(first);
  await settled();
  const [a, b, c] = wires.map(({ wire }) => wire.writes);
  deepEqual([a, b, c], [[Uint8Array.of(1, 2, 3)], [Uint8Array.of(1, 2, 3)], [Uint8Array.of(1, 2, 3, 1, 2)]]);
  equal(a![0], b![0]);
});

test("one that never rests makes the others wait for a bounded number of microtasks", async () => {
  const [one, other] = [subject(1000), subject(1000)];
  other.outbox.write(Uint8Array.of(1));
  let microtasks = 0;
  for (; other.wire.writes.length === 0 && microtasks < 10_000; microtasks++) {
    one.outbox.write(Uint8Array.of(2));
    await undefined;
  }
  ok(microtasks > 4 && microtasks < 1000, `${microtasks} microtasks`);
  await settled();
  equal(one.wire.sizes.reduce((sum, size) => sum + size), microtasks);
});

test("what is written while others are written to goes out at its own outbox, in its order", async () => {
  const [one, other] = [subject(1e9), subject(1e9)];
  const shared = [1, 2, 3].map((value) => Uint8Array.of(value));
  for (const piece of shared) {
    one.outbox.write(piece);
    other.outbox.write(piece);
    if (piece === shared[1]) other.outbox.write(Uint8Array.of(9));
  }
  const large = new Uint8Array(64 * KIB);
  other.outbox.write(large);
  other.outbox.write(shared[0]!);
  await settled();
  deepEqual(one.wire.writes, [Uint8Array.of(1, 2, 3)]);
  deepEqual(other.wire.writes, [shared[0]!, shared[1]!, Uint8Array.of(9), shared[2]!, large, shared[0]!]);
});

test("hold() keeps all until release(), also across turns", async () => {
  const { wire, outbox } = subject(1000);
  outbox.hold();
  outbox.write(Uint8Array.of(1));
  await settled();
  deepEqual(wire.writes, []);
  outbox.write(Uint8Array.of(2));
  outbox.release();
  deepEqual(wire.writes, [Uint8Array.of(1, 2)]);
  outbox.hold();
  outbox.release();
  await settled();
  equal(wire.writes.length, 1);
  outbox.write(Uint8Array.of(3));
  await settled();
  equal(wire.writes.length, 2);
});

test("flush() writes now, and nothing is written twice", async () => {
  const { wire, outbox } = subject(1000);
  outbox.write(Uint8Array.of(1));
  outbox.flush();
  deepEqual(wire.sizes, [1]);
  outbox.flush();
  await settled();
  deepEqual(wire.sizes, [1]);
});

test("write() answers whether no more than the mark waits, here and in the transport", async () => {
  const { wire, outbox } = subject(10, { fast: false });
  equal(outbox.write(new Uint8Array(10)), true);
  equal(outbox.write(new Uint8Array(1)), false);
  await settled();
  equal(wire.bufferedAmount, 11);
  equal(outbox.write(new Uint8Array(0)), false);
  wire.bufferedAmount = 9;
  equal(outbox.write(new Uint8Array(1)), true);
});

test("drained() resolves at once at the mark, and beyond it when the transport has emptied", async () => {
  const all = subject(10, { fast: false });
  const { outbox } = all;
  outbox.write(new Uint8Array(10));
  await outbox.drained();
  await settled();
  equal(outbox.bufferedAmount, 10);
  await outbox.drained();
  outbox.write(new Uint8Array(1));
  const waits = [watched(outbox.drained()), watched(outbox.drained())];
  await settled();
  deepEqual(waits.map(({ state }) => state), ["pending", "pending"]);
  empty(all);
  await settled();
  deepEqual(waits.map(({ state }) => state), ["resolved", "resolved"]);
});

test("drained() resolves as soon as a later write shows that the buffer is below the mark again", async () => {
  const all = subject(10, { fast: false });
  const { wire, outbox } = all;
  outbox.write(new Uint8Array(20));
  const wait = watched(outbox.drained());
  await settled();
  wire.bufferedAmount = 5;
  outbox.write(new Uint8Array(6));
  await settled();
  equal(wait.state, "pending");
  wire.bufferedAmount = 5;
  outbox.write(new Uint8Array(5));
  await settled();
  equal(wait.state, "resolved");
});

test("drained() resolves too when the transport takes everything at once", async () => {
  const { outbox } = subject(10);
  outbox.write(new Uint8Array(11));
  const wait = watched(outbox.drained());
  equal(wait.state, "pending");
  await settled();
  equal(wait.state, "resolved");
});

test("a transport that empties while the next bytes gather here does not end the wait for those", async () => {
  const all = subject(10, { fast: false });
  const { outbox, drains } = all;
  outbox.write(new Uint8Array(11));
  outbox.flush();
  outbox.write(new Uint8Array(20));
  const wait = watched(outbox.drained());
  empty(all);
  await settled();
  equal(wait.state, "pending");
  equal(drains(), 0);
  empty(all);
  await settled();
  equal(wait.state, "resolved");
  equal(drains(), 1);
});

test("a large write that did not flow is waited for, whatever the pieces behind it answer", async () => {
  const { wire, outbox, drains } = subject(10, { fast: false });
  const answers = [false, true];
  wire.write = () => answers.shift()!;
  outbox.write(new Uint8Array(64 * KIB));
  outbox.write(new Uint8Array(1));
  const wait = watched(outbox.drained());
  await settled();
  equal(wait.state, "pending");
  equal(drains(), 0);
  outbox.transportDrained();
  await settled();
  equal(wait.state, "resolved");
});

test("the owner is told when what was written has gone: by the transport's drain, or at once", async () => {
  const slow = subject(10, { fast: false });
  slow.outbox.write(new Uint8Array(11));
  await settled();
  equal(slow.drains(), 0);
  slow.outbox.write(new Uint8Array(1));
  await settled();
  equal(slow.drains(), 0);
  empty(slow);
  equal(slow.drains(), 1);
  slow.wire.fast = true;
  slow.outbox.write(new Uint8Array(1));
  await settled();
  equal(slow.drains(), 2);
});

test("the owner may write, and wait, from inside its call", async () => {
  const wire = new Wire(10, true);
  let waits = 0;
  const outbox = new Outbox(wire, {
    settings: { sendHighWaterMark: 10 },
    outboxDrained() {
      if (wire.writes.length > 2) return;
      outbox.write(new Uint8Array(11));
      void outbox.drained().then(() => waits++);
    },
  });
  outbox.write(new Uint8Array(11));
  await settled();
  equal(wire.writes.length, 3);
  equal(waits, 2);
});

test("clear() forgets what waits here", async () => {
  const { wire, outbox } = subject(1000);
  outbox.write(new Uint8Array(10));
  outbox.clear();
  equal(outbox.bufferedAmount, 0);
  await settled();
  deepEqual(wire.writes, []);
});

test("fail() tells everyone who waits why, each with an error of its own", async () => {
  const { outbox } = subject(10, { fast: false });
  outbox.write(new Uint8Array(11));
  const errors: unknown[] = [];
  const waits = [1, 2].map(() => outbox.drained().catch((error) => void errors.push(error)));
  let made = 0;
  outbox.fail(() => new Error(`no. ${++made}`));
  await Promise.all(waits);
  deepEqual(errors.map((error) => (error as Error).message), ["no. 1", "no. 2"]);
  outbox.fail(() => new Error(`no. ${++made}`));
  equal(made, 2);
  const late = rejects(outbox.drained(), /no. 3/);
  outbox.fail(() => new Error(`no. ${++made}`));
  await late;
});
