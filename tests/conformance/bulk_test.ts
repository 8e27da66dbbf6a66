/** What must not cost memory: one message without end, messages without end, a reader that does not read. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { setImmediate } from "node:timers/promises";
import {
  connect,
  type Connection,
  ConnectionClosedError,
  type ConnectionHandler,
  type Message,
  serve,
} from "../../mod.ts";
import { amount, test } from "../harness.ts";
import { memoryHeld } from "../memory.ts";
import { binary, encode, statusCode } from "./frames.ts";
import { Wire } from "./wire.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
// MiB of a message that no memory limit of a test would hold.
const LARGE = amount(1024, 384);

/** How much more memory the process has held than at the start. */
class Memory {
  readonly #start: number = memoryHeld();
  #most = 0;

  sample(): void {
    this.#most = Math.max(this.#most, memoryHeld() - this.#start);
  }

  assertBelow(bytes: number): void {
    assert.ok(this.#most < bytes, `${Math.round(this.#most / MIB)} MiB more than at the start`);
  }
}

test(`${LARGE} MiB are streamed to a server and back as one message, in bounded memory`, async () => {
  const size = LARGE * MIB;
  const chunk = new Uint8Array(256 * KIB).map((_, index) => index * 31 + (index >>> 8));
  const numbers = new DataView(chunk.buffer);
  const went = createHash("sha1");
  const came = createHash("sha1");
  await using server = await serve({ port: 0 }, (socket) => socket.sendStream(socket.stream()));
  await using socket = await connect(server.url);
  const memory = new Memory();
  let mostBuffered = 0;
  const sent = socket.sendStream(function* () {
    for (let start = 0; start < size; start += chunk.length) {
      // No two chunks are alike; that one array serves for all shows that bytes are copied.
      numbers.setUint32(0, start / chunk.length);
      went.update(chunk);
      yield chunk;
      mostBuffered = Math.max(mostBuffered, socket.bufferedAmount);
    }
  }());
  let length = 0;
  for await (const piece of socket.stream()) {
    assert.ok(typeof piece !== "string");
    if (length >> 24 !== (length + piece.length) >> 24) memory.sample();
    length += piece.length;
    came.update(piece);
  }
  await sent;
  assert.equal(length, size);
  assert.equal(came.digest("hex"), went.digest("hex"));
  assert.ok(mostBuffered <= MIB + chunk.length + 14, `${mostBuffered} bytes were buffered`);
  memory.assertBelow(300 * MIB);
});

const COUNT = amount(2_000_000, 800_000);
const PAYLOAD_SIZE = 32;
const BATCH = 2000;

/** Gives many numbered messages to a server as fast as it takes them; answers the most that was under way. */
async function flood(port: number, handled: () => number, memory: Memory): Promise<number> {
  const wire = await Wire.dial(port);
  const zeros = binary(new Uint8Array(PAYLOAD_SIZE));
  // Each with a masking key of its own, which is what the zeros are masked to.
  const frames = Buffer.concat(Array.from({ length: BATCH }, () => encode(zeros, true)));
  const size = frames.length / BATCH;
  const start = size - PAYLOAD_SIZE;
  let mostUnderWay = 0;
  for (let sent = 0; sent < COUNT && !wire.closing;) {
    const batch = Buffer.from(frames);
    for (let at = start; at < batch.length; at += size) {
      batch.writeUInt32BE((sent++ ^ batch.readUInt32BE(at)) >>> 0, at);
    }
    await wire.writeAndDrain(batch);
    const inSystem = sent - wire.waiting / size;
    mostUnderWay = Math.max(mostUnderWay, inSystem - handled());
    if (sent % (10 * BATCH) === 0) memory.sample();
  }
  await wire.until(() => wire.closing);
  wire.end();
  await wire.until(() => wire.closed);
  return mostUnderWay;
}

/** Counts messages that must come in order, and takes its time over them. */
class SlowReader {
  count = 0;
  #busy = false;

  /** One chunk holds some two thousand messages: they come much faster than they are taken. */
  take(message: Message): Promise<void> | undefined {
    if (this.#busy) throw new Error("A message came before the one before it was done with.");
    if (typeof message === "string" || message.length !== PAYLOAD_SIZE) {
      throw new Error("Another message came.");
    }
    const number = new DataView(message.buffer, message.byteOffset).getUint32(0);
    if (number !== this.count) throw new Error(`Message ${number} came where ${this.count} was to come.`);
    this.count++;
    if (this.count % 64 !== 0) return undefined;
    this.#busy = true;
    return setImmediate().then(() => void (this.#busy = false));
  }
}

const styles: Record<string, (reader: SlowReader) => ConnectionHandler> = {
  "a loop that takes its time": (reader) => async (socket) => {
    for await (const message of socket) {
      const pause = reader.take(message);
      if (pause !== undefined) await pause;
      if (reader.count === COUNT) return;
    }
  },
  "a callback that answers each with a promise": (reader) => ({
    async message(socket, message) {
      const pause = reader.take(message);
      if (pause !== undefined) await pause;
      if (reader.count === COUNT) void socket.close();
    },
  }),
};

for (const [style, handler] of Object.entries(styles)) {
  test(`${COUNT} messages reach ${style}, in order and in bounded memory`, async () => {
    const reader = new SlowReader();
    let wrong: unknown;
    await using server = await serve({ port: 0, error: (error) => wrong ??= error }, handler(reader));
    const memory = new Memory();
    const mostUnderWay = await flood(server.port, () => reader.count, memory);
    assert.equal(wrong, undefined);
    assert.equal(reader.count, COUNT);
    // What the system's own buffers hold is theirs to say; all the rest waits at the sender.
    assert.ok(mostUnderWay < COUNT / 2, `${mostUnderWay} messages were under way`);
    memory.assertBelow(200 * MIB);
  });
}

/** A connection of a server of ours to a peer that does not read. */
async function withUnreadingPeer(
  use: (socket: Connection, wire: Wire) => Promise<void>,
): Promise<void> {
  let accept!: (socket: Connection) => void;
  const accepted = new Promise<Connection>((resolve) => (accept = resolve));
  await using server = await serve({ port: 0 }, { open: (socket) => accept(socket) });
  const wire = await Wire.dial(server.port);
  try {
    wire.pause();
    await use(await accepted, wire);
  } finally {
    await wire.destroy();
  }
}

const PIECE = new Uint8Array(64 * KIB);

test("A reader that stops costs a sender that does not wait maxBufferedAmount, then the connection, and no accepted message", async () => {
  await withUnreadingPeer(async (socket, wire) => {
    const memory = new Memory();
    let accepted = 0;
    let mostBuffered = 0;
    await assert.rejects(async () => {
      for (;;) {
        socket.send(PIECE);
        accepted++;
        mostBuffered = Math.max(mostBuffered, socket.bufferedAmount);
        if (accepted % 16 === 0) await setImmediate();
      }
    }, ConnectionClosedError);
    memory.sample();
    assert.ok(
      mostBuffered > 15 * MIB && mostBuffered <= 16 * MIB + 14,
      `${mostBuffered} bytes were buffered`,
    );
    memory.assertBelow(100 * MIB);
    assert.equal(socket.readyState, "closing");
    wire.resume();
    await wire.until(() => wire.ended);
    assert.equal(wire.violation, undefined);
    assert.equal(wire.heard.length, accepted + 1);
    assert.ok(
      wire.heard.slice(0, -1).every(({ type, data }) => type === "binary" && data.length === PIECE.length),
    );
    assert.equal(statusCode(wire.heard.at(-1)!.data), 1013);
    wire.end();
    const { code, wasClean, initiator, error } = await socket.closed;
    assert.deepEqual({ code, wasClean, initiator }, { code: 1006, wasClean: false, initiator: "local" });
    assert.ok(error instanceof ConnectionClosedError);
  });
});

test("A reader that stops costs a sender that awaits drained() no more than sendHighWaterMark and a message", async () => {
  await withUnreadingPeer(async (socket, wire) => {
    let sent = 0;
    while (socket.send(PIECE)) {
      sent++;
      await setImmediate();
    }
    sent++;
    assert.ok(socket.bufferedAmount > MIB && socket.bufferedAmount <= MIB + PIECE.length + 10);
    const drained = socket.drained();
    wire.resume();
    await drained;
    assert.ok(socket.bufferedAmount <= MIB);
    const closed = socket.close();
    await wire.until(() => wire.closing);
    assert.equal(wire.heard.length, sent + 1);
    wire.write(wire.encode({ opcode: 8, payload: wire.heard.at(-1)!.data }));
    await wire.until(() => wire.ended);
    wire.end();
    assert.equal((await closed).wasClean, true);
  });
});

test("A reader that stops also stops the source of a streamed message, until it reads on", async () => {
  await withUnreadingPeer(async (socket, wire) => {
    const total = 4096;
    let pulled = 0;
    let mostBuffered = 0;
    const sent = socket.sendStream(function* () {
      for (; pulled < total; pulled++) {
        mostBuffered = Math.max(mostBuffered, socket.bufferedAmount);
        yield PIECE;
      }
    }());
    for (let before = -1; before !== pulled;) {
      before = pulled;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    assert.ok(pulled < total / 2, `${pulled} of ${total} pieces were pulled`);
    wire.resume();
    await sent;
    assert.ok(mostBuffered <= MIB + PIECE.length + 10, `${mostBuffered} bytes were buffered`);
    await wire.until(() => wire.heard.length > 0);
    assert.equal(wire.heard[0]!.data.length, total * PIECE.length);
  });
});
