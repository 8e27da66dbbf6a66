/**
 * The memory cost of compression: `npm run bench -- deflate-memory`. Thousands of connections with full windows, next
 * to as many without compression; then a million messages over a few. Exits with 1 if more memory is held than
 * docs/COMPRESSION.md allows.
 */
import { Buffer } from "node:buffer";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import process from "node:process";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { constants, createDeflateRaw } from "node:zlib";
import { collectedMemory } from "./harness/process_usage.ts";
import { runtime, type RuntimeName } from "./harness/runtimes.ts";
import { AnswerReader, COMPRESSED_TEXT, maskedFrame } from "./load/frames.ts";
import { Opening } from "./load/opening.ts";
import { jsonTexts } from "./load/texts.ts";

const { values } = parseArgs({
  options: {
    connections: { type: "string", default: "10000" },
    messages: { type: "string", default: "1000000" },
    only: { type: "string", multiple: true },
  },
});
const CONNECTIONS = Number(values.connections);
const MESSAGES = Number(values.messages);
const KIB = 1024;

interface Setting {
  readonly title: string;
  readonly compression: unknown;
  readonly offer: string;
  /** KiB per connection beyond an uncompressed one, as documented. */
  readonly budget: number;
}

const TAKEOVER = "permessage-deflate; client_max_window_bits";
const AFRESH = `${TAKEOVER}; client_no_context_takeover`;
const SETTINGS: readonly Setting[] = [
  { title: "shared, a client without context takeover", compression: true, offer: AFRESH, budget: 2 },
  { title: "shared", compression: true, offer: TAKEOVER, budget: 36 },
  {
    title: "shared, peerWindowBits 12",
    compression: { peerWindowBits: 12 },
    offer: TAKEOVER,
    budget: 7,
  },
  {
    title: "context-takeover",
    compression: { mode: "context-takeover" },
    offer: TAKEOVER,
    budget: 41,
  },
  {
    title: "context-takeover, windowBits 15",
    compression: { mode: "context-takeover", windowBits: 15 },
    offer: TAKEOVER,
    budget: 71,
  },
];

class Server {
  readonly port: number;
  readonly #child: ChildProcess;

  static async start(name: RuntimeName, options: unknown): Promise<Server> {
    const [command, ...args] = runtime(name).run("servers/woshou_echo");
    const child = spawn(command, [...args, JSON.stringify(options)], { stdio: ["pipe", "pipe", "inherit"] });
    const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
    return new Server(child, JSON.parse((await lines.next()).value!).port);
  }

  constructor(child: ChildProcess, port: number) {
    this.#child = child;
    this.port = port;
  }

  /** Resident bytes after a garbage collection. */
  memory(): Promise<number> {
    return collectedMemory(this.#child.pid!);
  }

  async stop(): Promise<void> {
    this.#child.stdin!.end();
    await once(this.#child, "exit");
  }
}

/** The frames of one client, in order; `window` is how far back they refer. */
async function framesOf(texts: readonly string[], compressed: boolean, window: number): Promise<Buffer[]> {
  const key = new Uint8Array(4);
  if (!compressed) return texts.map((text) => maskedFrame(0x81, Buffer.from(text), key));
  const frames = [];
  let deflater = createDeflateRaw({ windowBits: Math.max(9, window), flush: constants.Z_SYNC_FLUSH });
  for (const text of texts) {
    if (window === 0) deflater = createDeflateRaw({ flush: constants.Z_SYNC_FLUSH });
    const pieces: Buffer[] = [];
    deflater.on("data", (piece: Buffer) => pieces.push(piece));
    await new Promise<void>((resolve) => deflater.write(text, () => deflater.flush(() => resolve())));
    deflater.removeAllListeners("data");
    frames.push(maskedFrame(COMPRESSED_TEXT, Buffer.concat(pieces).subarray(0, -4), key));
  }
  return frames;
}

/** Opens a connection. `answered` is called for every message that comes back. */
async function dial(port: number, offer: string, answered: () => void): Promise<Socket> {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  const opening = new Opening(port, offer);
  socket.write(opening.request);
  const reader = new AnswerReader(offer === "" ? 0x81 : COMPRESSED_TEXT, {
    answer: answered,
    pong: (frame) => void socket.write(frame),
  });
  await new Promise<void>((resolve, reject) => {
    socket.on("error", reject);
    let open = false;
    socket.on("data", (chunk) => {
      if (open) return reader.read(chunk, chunk.length);
      const accepted = opening.read(chunk);
      if (accepted === undefined) return;
      if ((accepted !== "") !== (offer !== "")) reject(new Error(`The server accepted "${accepted}".`));
      open = true;
      resolve();
    });
  });
  return socket;
}

/** Bytes per connection, after each has sent and received more than a window. */
async function perConnection(name: RuntimeName, setting: Setting | undefined): Promise<number> {
  const server = await Server.start(name, setting === undefined ? {} : { compression: setting.compression });
  const limited = setting?.title.includes("peerWindowBits") ? 12 : 15;
  const window = setting?.offer === AFRESH ? 0 : limited;
  const texts = jsonTexts(4 * KIB, 10).map(String);
  const frames = await framesOf(texts, setting !== undefined, window);
  const before = await server.memory();
  const sockets: Socket[] = [];
  const dialOne = async (): Promise<void> => {
    let answers = 0;
    let answered!: () => void;
    const all = new Promise<void>((resolve) => answered = resolve);
    const socket = await dial(server.port, setting?.offer ?? "", () => {
      if (++answers === frames.length) answered();
      else socket.write(frames[answers]!);
    });
    sockets.push(socket);
    socket.write(frames[0]!);
    await all;
  };
  for (let i = 0; i < CONNECTIONS; i += 100) {
    await Promise.all(Array.from({ length: Math.min(100, CONNECTIONS - i) }, dialOne));
  }
  const held = (await server.memory() - before) / CONNECTIONS;
  for (const socket of sockets) socket.destroy();
  await server.stop();
  return held;
}

/** Resident memory after a tenth of the messages, and after all of them. */
async function soak(name: RuntimeName, compression: unknown): Promise<[number, number]> {
  const server = await Server.start(name, { compression });
  const frames = await framesOf(jsonTexts(256, 200).map(String), true, 0);
  const sockets: Socket[] = [];
  let left = 0;
  let done!: () => void;
  const send = async (count: number): Promise<number> => {
    left = count;
    const all = new Promise<void>((resolve) => done = resolve);
    for (const socket of sockets) for (let i = 0; i < 8; i++) socket.write(frames[i]!);
    await all;
    await new Promise((resolve) => setTimeout(resolve, 200));
    return await server.memory();
  };
  for (let i = 0; i < 16; i++) {
    let next = 0;
    const socket = await dial(server.port, AFRESH, () => {
      if (--left === 0) done();
      if (left >= 8 * 16) socket.write(frames[next++ % frames.length]!);
    });
    sockets.push(socket);
  }
  const start = await send(MESSAGES / 10);
  const end = await send(MESSAGES);
  for (const socket of sockets) socket.destroy();
  await server.stop();
  return [start, end];
}

const kib = (bytes: number): string => `${(bytes / KIB).toFixed(1)} KiB`;
const mib = (bytes: number): string => `${(bytes / KIB / KIB).toFixed(0)} MiB`;
let failed = false;
const verdict = (good: boolean): string => {
  failed ||= !good;
  return good ? "ok" : "TOO MUCH";
};
for (const name of ["Node", "Deno", "Bun"] as const) {
  if (values.only !== undefined && !values.only.includes(name)) continue;
  const plain = await perConnection(name, undefined);
  console.log(`${name}: ${CONNECTIONS} connections without compression hold ${kib(plain)} each`);
  for (const setting of SETTINGS) {
    const more = await perConnection(name, setting) - plain;
    const good = more <= setting.budget * KIB;
    console.log(`  ${setting.title}: ${kib(more)} more each, of ${setting.budget} KiB: ${verdict(good)}`);
  }
  for (const mode of ["shared", "context-takeover"]) {
    const [start, end] = await soak(name, { mode, threshold: 0 });
    const good = end - start < 16 * KIB * KIB;
    console.log(
      `  ${mode}, ${MESSAGES} messages: ${mib(start)} resident, then ${mib(end)}: ${verdict(good)}`,
    );
  }
}
process.exit(failed ? 1 : 0);
