/**
 * A load generator: each connection sends `depth` compressed JSON texts in one write, and the next ones when the last of
 * those is answered. The bench starts it.
 */
import { Buffer } from "node:buffer";
import { randomBytes } from "node:crypto";
import { connect, type Socket } from "node:net";
import process from "node:process";
import { setTimeout as delay } from "node:timers/promises";
import { constants, deflateRawSync, inflateRawSync } from "node:zlib";
import { cpuSeconds, machineCpuSeconds, peakMemory } from "../harness/process_usage.ts";
import { AnswerReader, COMPRESSED_TEXT, maskedFrame } from "./frames.ts";
import { ownJob, type Sample } from "./job.ts";
import { Opening } from "./opening.ts";
import { jsonTexts, rowTexts } from "./texts.ts";

/** What this load is made of. */
export interface CompressedEcho {
  readonly connections: number;
  /** Messages that each connection has under way, {@link TEXTS} at most. */
  readonly depth: number;
  /** Bytes of a text before it is compressed. */
  readonly size: number;
  /** 1 for rows that are alike, 0 for texts as applications send them. */
  readonly rows: number;
}

/** Different texts of a run. */
const TEXTS = 32;
/** How long the answers that are under way at the end may take. */
const LAST_ANSWERS_MS = 10_000;
const EXTENSION = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
/** RFC 7692, section 7.2.1: these octets are left out at the end of a message. */
const TAIL = Buffer.from([0x00, 0x00, 0xff, 0xff]);

function compressed(text: Uint8Array): Buffer {
  const stream = deflateRawSync(text, { finishFlush: constants.Z_SYNC_FLUSH });
  return stream.subarray(0, stream.length - TAIL.length);
}

function inflated(payload: Uint8Array): Buffer {
  return inflateRawSync(Buffer.concat([payload, TAIL]), { finishFlush: constants.Z_SYNC_FLUSH });
}

/** The frames that every connection sends, ready in one piece: any run of them is a slice. */
class Script {
  readonly #texts: readonly Buffer[];
  /** For each text, the last answer that was inflated: as a rule all others are the same. */
  readonly #answers: (Buffer | undefined)[] = [];
  readonly #bytes: Buffer;
  readonly #starts: readonly number[];

  constructor({ size, rows }: CompressedEcho) {
    this.#texts = (rows === 1 ? rowTexts : jsonTexts)(size, TEXTS);
    const frames = this.#texts.map((text) => maskedFrame(COMPRESSED_TEXT, compressed(text), randomBytes(4)));
    const twice = [...frames, ...frames];
    this.#bytes = Buffer.concat(twice);
    let start = 0;
    this.#starts = [0, ...twice.map((frame) => start += frame.length)];
  }

  frames(first: number, count: number): Buffer {
    const from = first % TEXTS;
    return this.#bytes.subarray(this.#starts[from], this.#starts[from + count]);
  }

  /** Throws unless the payload is what the frame of this number asks for. */
  check(number: number, payload: Buffer): void {
    const index = number % TEXTS;
    if (this.#answers[index]?.equals(payload)) return;
    if (!inflated(payload).equals(this.#texts[index]!)) {
      throw new Error("An answer differs from what had been sent.");
    }
    this.#answers[index] = Buffer.from(payload);
  }
}

const totals = { messages: 0, answerBytes: 0 };

// One buffer for all: what was read is dealt with before the next socket is.
const readBuffer = Buffer.allocUnsafe(256 * 1024);

class EchoConnection {
  /** Resolves when the server has accepted the extension. */
  readonly opened: Promise<void>;
  answered = 0;
  readonly #script: Script;
  readonly #depth: number;
  /** Where in the script this connection begins. */
  readonly #offset: number;
  readonly #socket: Socket;
  readonly #reader: AnswerReader;
  #opening: Opening | undefined;
  #open: () => void = () => {};
  #inBatch = 0;
  #finished: (() => void) | undefined;

  constructor(port: number, script: Script, depth: number, offset: number) {
    this.#script = script;
    this.#depth = depth;
    this.#offset = offset;
    this.#opening = new Opening(port, EXTENSION);
    this.#reader = new AnswerReader(COMPRESSED_TEXT, {
      answer: (payload) => this.#answer(payload),
      pong: (frame) => this.#socket.write(frame),
    });
    this.opened = new Promise((resolve) => this.#open = resolve);
    this.#socket = connect({
      host: "127.0.0.1",
      port,
      noDelay: true,
      onread: { buffer: readBuffer, callback: (length) => this.#read(length) },
    });
    this.#socket.on("error", (error) => fail(error));
    this.#socket.on("close", () => fail(new Error("The server closed a connection.")));
    this.#socket.write(this.#opening.request);
  }

  send(): void {
    this.#socket.write(this.#script.frames(this.#offset + this.answered, this.#depth));
  }

  /** Resolves when all that was sent is answered; nothing more is sent. */
  finish(): Promise<void> {
    return new Promise((resolve) => this.#finished = resolve);
  }

  #read(length: number): boolean {
    try {
      if (this.#opening === undefined) this.#reader.read(readBuffer, length);
      else this.#readOpening(this.#opening, length);
    } catch (error) {
      fail(error);
    }
    return true;
  }

  #readOpening(opening: Opening, length: number): void {
    const accepted = opening.read(readBuffer.subarray(0, length));
    if (accepted === undefined) return;
    const [name, ...parameters] = accepted.split(";").map((each) => each.trim());
    if (name !== "permessage-deflate" || !parameters.includes("server_no_context_takeover")) {
      throw new Error(`The server answered the offer of "${EXTENSION}" with "${accepted}".`);
    }
    this.#opening = undefined;
    this.#open();
  }

  #answer(payload: Buffer): void {
    this.#script.check(this.#offset + this.answered, payload);
    this.answered++;
    totals.messages++;
    totals.answerBytes += payload.length;
    if (++this.#inBatch < this.#depth) return;
    this.#inBatch = 0;
    if (this.#finished === undefined) this.send();
    else this.#finished();
  }
}

function fail(error: unknown): never {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
}

const job = ownJob<CompressedEcho>();
if (job.depth > TEXTS) throw new RangeError(`A connection has ${TEXTS} messages under way at most.`);
const script = new Script(job);
const connections = Array.from(
  { length: job.connections },
  (_, index) => new EchoConnection(job.port, script, job.depth, index * 7),
);
await Promise.all(connections.map((connection) => connection.opened));
for (const connection of connections) connection.send();

function now() {
  const { user, system } = process.cpuUsage();
  return {
    time: performance.now() / 1000,
    machineCpu: machineCpuSeconds(),
    serverCpu: cpuSeconds(job.pid),
    loadCpu: (user + system) / 1e6,
    ...totals,
  };
}

await delay(job.warmup * 1000);
const before = now();
await delay(job.seconds * 1000);
const after = now();
const lastMoment = setTimeout(
  () => fail(new Error("The server left a message unanswered.")),
  LAST_ANSWERS_MS,
);
await Promise.all(connections.map((connection) => connection.finish()));
clearTimeout(lastMoment);
const serverCpu = after.serverCpu - before.serverCpu;
const loadCpu = after.loadCpu - before.loadCpu;
const sample: Sample = {
  seconds: after.time - before.time,
  serverCpu,
  loadCpu,
  otherCpu: Math.max(0, after.machineCpu - before.machineCpu - serverCpu - loadCpu),
  messages: after.messages - before.messages,
  answerBytes: after.answerBytes - before.answerBytes,
  peakMemory: peakMemory(job.pid),
};
console.log(JSON.stringify(sample));
process.exit(0);
