/** What the cases share: a limit on waiting, a pair to play with, and bytes that can be recognised. */
import { Buffer } from "node:buffer";
import { skip, test } from "../harness.ts";
import type { Transport } from "../../src/transport/transport.ts";
import { type Hooks, Recorder } from "./recorder.ts";

/** The two ends of one connection, not attached yet. */
export interface Ends {
  client: Transport;
  server: Transport;
  /** Lets go of what made them. */
  close(): Promise<void>;
}

/** One way to make connected transports. */
export interface Subject {
  name: string;
  encrypted: boolean;
  /** Why there is none on this runtime. */
  missing?: string | undefined;
  /** Cases that it cannot pass, and whose fault that is. */
  faults?: Readonly<Record<string, string>>;
  open(options: { highWaterMark?: number }): Promise<Ends>;
}

const PATIENCE_MS = 30_000;

/** Registers a test that fails with a message instead of waiting forever. */
export function limitedTest(
  name: string,
  fn: (onTimeout: (tell: () => string) => void) => Promise<void>,
): void {
  test(name, async () => {
    let tell = (): string => "";
    let timer: ReturnType<typeof setTimeout> | undefined;
    const limit = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`Waited too long. ${tell()}`)), PATIENCE_MS);
    });
    try {
      await Promise.race([fn((teller) => tell = teller), limit]);
    } finally {
      clearTimeout(timer);
    }
  });
}

/** Both ends, as a case sees them. */
export class Pair {
  readonly client: Transport;
  readonly server: Transport;
  readonly #highWaterMark: number | undefined;
  readonly #recorders: Map<Transport, Recorder> = new Map();

  constructor(ends: Ends, highWaterMark: number | undefined) {
    this.client = ends.client;
    this.server = ends.server;
    this.#highWaterMark = highWaterMark;
  }

  /** Makes a recorder the transport's owner, without attaching it. */
  own(transport: Transport, hooks?: Hooks): Recorder {
    const recorder = new Recorder(transport, hooks, this.#highWaterMark);
    this.#recorders.set(transport, recorder);
    return recorder;
  }

  /** Makes a recorder the transport's owner and attaches it. */
  attach(transport: Transport, hooks?: Hooks): Recorder {
    return this.own(transport, hooks).attach();
  }

  describe(): string {
    return [this.client, this.server].map((transport) => {
      const recorder = this.#recorders.get(transport);
      return recorder === undefined ? "unattached" : `${recorder.log.join(" ")}, ${recorder.total} bytes`;
    }).join("; ");
  }

  /** Ends whatever still lives, waits for its close, and asserts that the contract was kept. */
  async finish(): Promise<void> {
    for (const transport of [this.client, this.server]) {
      let recorder = this.#recorders.get(transport);
      if (recorder === undefined) recorder = this.attach(transport);
      else if (recorder.log.length === 0) transport.attach(recorder);
      recorder.abort();
      await recorder.until(() => recorder.closed);
    }
    await turns();
    for (const recorder of this.#recorders.values()) recorder.verify();
  }
}

/** Registers one case for one subject. */
export function pairTest(
  subject: Subject,
  name: string,
  fn: (pair: Pair) => Promise<void>,
  options: { highWaterMark?: number } = {},
): void {
  const fault = subject.missing ?? subject.faults?.[name];
  if (fault !== undefined) return skip(`${subject.name}: ${name}`, fault);
  limitedTest(`${subject.name}: ${name}`, async (onTimeout) => {
    const ends = await subject.open(options);
    const pair = new Pair(ends, options.highWaterMark);
    onTimeout(() => pair.describe());
    try {
      await fn(pair);
    } finally {
      await pair.finish();
      await ends.close();
    }
  });
}

/** Lets the event loop go round, so that what is going to happen by itself has its chance to. */
export async function turns(count = 5): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setTimeout(resolve, 2));
}

const PERIOD = 65521;
const noise: Uint8Array = makeNoise();

function makeNoise(): Uint8Array {
  const bytes = new Uint8Array(PERIOD);
  let state = 1;
  for (let index = 0; index < PERIOD; index++) {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    bytes[index] = state >>> 16;
  }
  return bytes;
}

/** `length` bytes of one endless pattern, from `offset` on. */
export function pattern(offset: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let done = 0; done < length;) {
    const part = stretch(offset + done, length - done);
    bytes.set(part, done);
    done += part.length;
  }
  return bytes;
}

/** So much of the pattern as lies in one piece, at most `length` bytes. */
function stretch(offset: number, length: number): Uint8Array {
  const at = offset % PERIOD;
  return noise.subarray(at, at + length);
}

/** Looks at chunk after chunk whether they continue the pattern. */
export class PatternReader {
  offset = 0;
  wrong: number | undefined;

  read(chunk: Uint8Array): void {
    for (let done = 0; done < chunk.length;) {
      const wanted = stretch(this.offset + done, chunk.length - done);
      const part = chunk.subarray(done, done + wanted.length);
      if (Buffer.compare(part, wanted) !== 0) this.wrong ??= this.offset + done;
      done += part.length;
    }
    this.offset += chunk.length;
  }
}
