import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { FramesToSend } from "../../src/connection/frames_to_send.ts";
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
  readonly framesToSend: FramesToSend;
  drains(): number;
}

function subject(mark: number, { fast = true } = {}): Subject {
  let drains = 0;
  const wire = new Wire(mark, fast);
  const framesToSend = new FramesToSend(wire, {
    settings: { sendHighWaterMark: mark },
    framesDrained: () => void drains++,
  });
  return { wire, framesToSend, drains: () => drains };
}

/** What became of a promise so far. */
function watched(promise: Promise<void>): { state: string } {
  const watch = { state: "pending" };
  promise.then(() => watch.state = "resolved", (error: Error) => watch.state = error.message);
  return watch;
}

function empty({ wire, framesToSend }: Subject): void {
  wire.bufferedAmount = 0;
  framesToSend.transportDrained();
}

test("what is written in one turn goes out in one write, at its end", async () => {
  const { wire, framesToSend } = subject(1000);
  framesToSend.write(Uint8Array.of(1));
  framesToSend.write(Uint8Array.of(2, 3));
  equal(framesToSend.bufferedAmount, 3);
  deepEqual(wire.writes, []);
  await settled();
  deepEqual(wire.writes, [Uint8Array.of(1, 2, 3)]);
  equal(framesToSend.bufferedAmount, 0);
  framesToSend.write(Uint8Array.of(4));
  await settled();
  deepEqual(wire.writes[1], Uint8Array.of(4));
});

test("one piece goes out as it is; beyond 64 KiB pieces are not joined", async () => {
  const { wire, framesToSend } = subject(1e9);
  const piece = new Uint8Array(10);
  framesToSend.write(piece);
  await settled();
  equal(wire.writes[0], piece);
  framesToSend.write(new Uint8Array(63 * KIB));
  framesToSend.write(new Uint8Array(1 * KIB));
  await settled();
  framesToSend.write(new Uint8Array(64 * KIB));
  framesToSend.write(new Uint8Array(1));
  await settled();
  deepEqual(wire.sizes, [10, 64 * KIB, 64 * KIB, 1]);
});

/** Sends as a protocol does. */
function send(framesToSend: FramesToSend, text: string): void {
  const start = writeTextFrame(frameMemory, 0x81, text, undefined);
  framesToSend.write(frameMemory.bytes, start, frameMemory.end);
}

const text = (bytes: Uint8Array | undefined): string => new TextDecoder().decode(bytes?.slice());

test("frames that lie one behind the other go out as they lie, and others between them do no harm", async () => {
  const [one, other] = [subject(1000, { fast: false }), subject(1000, { fast: false })];
  send(one.framesToSend, "a");
  send(one.framesToSend, "b");
  const { buffer } = frameMemory.bytes;
  send(other.framesToSend, "c");
  send(one.framesToSend, "d");
  await settled();
  deepEqual(one.wire.writes.map(text), ["\x81\x01a\x81\x01b\x81\x01d".replaceAll("\x81", "\ufffd")]);
  deepEqual(other.wire.writes.map(text), ["\ufffd\x01c"]);
  equal(other.wire.writes[0]!.buffer, buffer);
});

test("memory is written to again when the transport has kept nothing of it, and only then", async () => {
  for (const fast of [true, false]) {
    const { wire, framesToSend } = subject(1000, { fast });
    send(framesToSend, "one");
    const { end } = frameMemory;
    await settled();
    equal(frameMemory.end, fast ? end - 5 : end);
    send(framesToSend, "two");
    await settled();
    deepEqual(
      wire.writes.map(text),
      fast ? ["\ufffd\x03two", "\ufffd\x03two"] : ["\ufffd\x03one", "\ufffd\x03two"],
    );
  }
});

test("a small piece that is to wait is copied, lest it keep the memory of what was sent beside it", async () => {
  const { wire, framesToSend } = subject(1000, { fast: false });
  send(framesToSend, "one");
  await settled();
  send(framesToSend, "two");
  await settled();
  const [first, second] = wire.writes;
  ok(first!.buffer.byteLength > 1000, "the transport could have taken it at once");
  equal(second!.buffer.byteLength, 5);
  const large = new Uint8Array(1000);
  framesToSend.write(large, 0, 250);
  await settled();
  equal(wire.writes[2]!.buffer, large.buffer, "a quarter of the memory may be kept");
});

test("what many connections are sent in one turn is joined once for all of them", async () => {
  const wires = [subject(1000), subject(1000), subject(1000)];
  const [first, second] = [Uint8Array.of(1, 2), Uint8Array.of(3)];
  for (const { framesToSend } of wires) {
    framesToSend.write(first);
    framesToSend.write(second);
  }
  wires[2]!.framesToSend.write(first);
  await settled();
  const [a, b, c] = wires.map(({ wire }) => wire.writes);
  deepEqual([a, b, c], [[Uint8Array.of(1, 2, 3)], [Uint8Array.of(1, 2, 3)], [Uint8Array.of(1, 2, 3, 1, 2)]]);
  equal(a![0], b![0]);
});

test("one that never rests makes the others wait for a bounded number of microtasks", async () => {
  const [one, other] = [subject(1000), subject(1000)];
  other.framesToSend.write(Uint8Array.of(1));
  let microtasks = 0;
  for (; other.wire.writes.length === 0 && microtasks < 10_000; microtasks++) {
    one.framesToSend.write(Uint8Array.of(2));
    await undefined;
  }
  ok(microtasks > 4 && microtasks < 1000, `${microtasks} microtasks`);
  await settled();
  equal(one.wire.sizes.reduce((sum, size) => sum + size), microtasks);
});

test("what is written while others are written to goes out at its own framesToSend, in its order", async () => {
  const [one, other] = [subject(1e9), subject(1e9)];
  const shared = [1, 2, 3].map((value) => Uint8Array.of(value));
  for (const piece of shared) {
    one.framesToSend.write(piece);
    other.framesToSend.write(piece);
    if (piece === shared[1]) other.framesToSend.write(Uint8Array.of(9));
  }
  const large = new Uint8Array(64 * KIB);
  other.framesToSend.write(large);
  other.framesToSend.write(shared[0]!);
  await settled();
  deepEqual(one.wire.writes, [Uint8Array.of(1, 2, 3)]);
  deepEqual(other.wire.writes, [shared[0]!, shared[1]!, Uint8Array.of(9), shared[2]!, large, shared[0]!]);
});

test("hold() keeps all until release(), also across turns", async () => {
  const { wire, framesToSend } = subject(1000);
  framesToSend.hold();
  framesToSend.write(Uint8Array.of(1));
  await settled();
  deepEqual(wire.writes, []);
  framesToSend.write(Uint8Array.of(2));
  framesToSend.release();
  deepEqual(wire.writes, [Uint8Array.of(1, 2)]);
  framesToSend.hold();
  framesToSend.release();
  await settled();
  equal(wire.writes.length, 1);
  framesToSend.write(Uint8Array.of(3));
  await settled();
  equal(wire.writes.length, 2);
});

test("flush() writes now, and nothing is written twice", async () => {
  const { wire, framesToSend } = subject(1000);
  framesToSend.write(Uint8Array.of(1));
  framesToSend.flush();
  deepEqual(wire.sizes, [1]);
  framesToSend.flush();
  await settled();
  deepEqual(wire.sizes, [1]);
});

test("write() answers whether no more than the mark waits, here and in the transport", async () => {
  const { wire, framesToSend } = subject(10, { fast: false });
  equal(framesToSend.write(new Uint8Array(10)), true);
  equal(framesToSend.write(new Uint8Array(1)), false);
  await settled();
  equal(wire.bufferedAmount, 11);
  equal(framesToSend.write(new Uint8Array(0)), false);
  wire.bufferedAmount = 9;
  equal(framesToSend.write(new Uint8Array(1)), true);
});

test("drained() resolves at once at the mark, and beyond it when the transport has emptied", async () => {
  const all = subject(10, { fast: false });
  const { framesToSend } = all;
  framesToSend.write(new Uint8Array(10));
  await framesToSend.drained();
  await settled();
  equal(framesToSend.bufferedAmount, 10);
  await framesToSend.drained();
  framesToSend.write(new Uint8Array(1));
  const waits = [watched(framesToSend.drained()), watched(framesToSend.drained())];
  await settled();
  deepEqual(waits.map(({ state }) => state), ["pending", "pending"]);
  empty(all);
  await settled();
  deepEqual(waits.map(({ state }) => state), ["resolved", "resolved"]);
});

test("drained() resolves as soon as a later write shows that the buffer is below the mark again", async () => {
  const all = subject(10, { fast: false });
  const { wire, framesToSend } = all;
  framesToSend.write(new Uint8Array(20));
  const wait = watched(framesToSend.drained());
  await settled();
  wire.bufferedAmount = 5;
  framesToSend.write(new Uint8Array(6));
  await settled();
  equal(wait.state, "pending");
  wire.bufferedAmount = 5;
  framesToSend.write(new Uint8Array(5));
  await settled();
  equal(wait.state, "resolved");
});

test("drained() resolves too when the transport takes everything at once", async () => {
  const { framesToSend } = subject(10);
  framesToSend.write(new Uint8Array(11));
  const wait = watched(framesToSend.drained());
  equal(wait.state, "pending");
  await settled();
  equal(wait.state, "resolved");
});

test("a transport that empties while the next bytes gather here does not end the wait for those", async () => {
  const all = subject(10, { fast: false });
  const { framesToSend, drains } = all;
  framesToSend.write(new Uint8Array(11));
  framesToSend.flush();
  framesToSend.write(new Uint8Array(20));
  const wait = watched(framesToSend.drained());
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
  const { wire, framesToSend, drains } = subject(10, { fast: false });
  const answers = [false, true];
  wire.write = () => answers.shift()!;
  framesToSend.write(new Uint8Array(64 * KIB));
  framesToSend.write(new Uint8Array(1));
  const wait = watched(framesToSend.drained());
  await settled();
  equal(wait.state, "pending");
  equal(drains(), 0);
  framesToSend.transportDrained();
  await settled();
  equal(wait.state, "resolved");
});

test("the owner is told when what was written has gone: by the transport's drain, or at once", async () => {
  const slow = subject(10, { fast: false });
  slow.framesToSend.write(new Uint8Array(11));
  await settled();
  equal(slow.drains(), 0);
  slow.framesToSend.write(new Uint8Array(1));
  await settled();
  equal(slow.drains(), 0);
  empty(slow);
  equal(slow.drains(), 1);
  slow.wire.fast = true;
  slow.framesToSend.write(new Uint8Array(1));
  await settled();
  equal(slow.drains(), 2);
});

test("the owner may write, and wait, from inside its call", async () => {
  const wire = new Wire(10, true);
  let waits = 0;
  const framesToSend = new FramesToSend(wire, {
    settings: { sendHighWaterMark: 10 },
    framesDrained() {
      if (wire.writes.length > 2) return;
      framesToSend.write(new Uint8Array(11));
      void framesToSend.drained().then(() => waits++);
    },
  });
  framesToSend.write(new Uint8Array(11));
  await settled();
  equal(wire.writes.length, 3);
  equal(waits, 2);
});

test("clear() forgets what waits here", async () => {
  const { wire, framesToSend } = subject(1000);
  framesToSend.write(new Uint8Array(10));
  framesToSend.clear();
  equal(framesToSend.bufferedAmount, 0);
  await settled();
  deepEqual(wire.writes, []);
});

test("fail() tells everyone who waits why, each with an error of its own", async () => {
  const { framesToSend } = subject(10, { fast: false });
  framesToSend.write(new Uint8Array(11));
  const errors: unknown[] = [];
  const waits = [1, 2].map(() => framesToSend.drained().catch((error) => void errors.push(error)));
  let made = 0;
  framesToSend.fail(() => new Error(`no. ${++made}`));
  await Promise.all(waits);
  deepEqual(errors.map((error) => (error as Error).message), ["no. 1", "no. 2"]);
  framesToSend.fail(() => new Error(`no. ${++made}`));
  equal(made, 2);
  const late = rejects(framesToSend.drained(), /no. 3/);
  framesToSend.fail(() => new Error(`no. ${++made}`));
  await late;
});
