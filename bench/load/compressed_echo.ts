/**
 * A load generator: each connection sends `depth` compressed JSON texts in one write, and the next ones when the last
 * is answered. Started by the bench.
 */
import { Buffer } from "node:buffer";
import { randomBytes } from "node:crypto";
import { constants, deflateRawSync, inflateRawSync } from "node:zlib";
import { AnswerReader, COMPRESSED_TEXT, maskedFrame } from "./frames.ts";
import { ownJob } from "./job.ts";
import { openAll, RawClient } from "./raw_client.ts";
import { lastAnswers, span, tell } from "./span.ts";
import { jsonTexts, rowTexts } from "./texts.ts";

/** What this load is made of. */
export interface CompressedEcho {
  readonly connections: number;
  /** Messages in flight per connection, at most {@link TEXTS}. */
  readonly depth: number;
  /** Bytes of a text before it is compressed. */
  readonly size: number;
  /** 1: similar rows; 0: texts as applications send them. */
  readonly rows: number;
}

/** Different texts of a run. */
const TEXTS = 32;
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

/** All frames of a connection in one piece: a run of them is a slice. */
class Script {
  readonly #texts: readonly Buffer[];
  /** For each text the last decompressed answer: usually all others are the same. */
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

  /** Throws unless the payload answers the frame with this number. */
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

class EchoConnection {
  /** Resolves when the server has accepted the extension. */
  readonly opened: Promise<void>;
  answered = 0;
  readonly #script: Script;
  readonly #depth: number;
  /** Where this connection begins in the script. */
  readonly #offset: number;
  readonly #client: RawClient;
  #inBatch = 0;
  #finished: (() => void) | undefined;

  constructor(port: number, script: Script, depth: number, offset: number) {
    this.#script = script;
    this.#depth = depth;
    this.#offset = offset;
    const reader = new AnswerReader(COMPRESSED_TEXT, {
      answer: (payload) => this.#answer(payload),
      pong: (frame) => this.#client.write(frame),
    });
    this.#client = new RawClient(
      { port, extensions: EXTENSION },
      (bytes, length) => reader.read(bytes, length),
    );
    this.opened = this.#client.opened.then((accepted) => {
      const [name, ...parameters] = accepted.split(";").map((each) => each.trim());
      if (name !== "permessage-deflate" || !parameters.includes("server_no_context_takeover")) {
        throw new Error(`The server answered the offer of "${EXTENSION}" with "${accepted}".`);
      }
    });
  }

  send(): void {
    this.#client.write(this.#script.frames(this.#offset + this.answered, this.#depth));
  }

  /** Resolves when everything sent is answered; nothing more is sent. */
  finish(): Promise<void> {
    return new Promise((resolve) => this.#finished = resolve);
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

const job = ownJob<CompressedEcho>();
if (job.depth > TEXTS) throw new RangeError(`A connection has ${TEXTS} messages under way at most.`);
const script = new Script(job);
const connections = await openAll(
  job.connections,
  (index) => new EchoConnection(job.port, script, job.depth, index * 7),
);
for (const connection of connections) connection.send();
const sample = await span(job, totals);
await lastAnswers(Promise.all(connections.map((connection) => connection.finish())));
tell(sample);
