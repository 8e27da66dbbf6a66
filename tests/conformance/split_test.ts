/** Every shape of a message, both ways between a client and a server of ours, however the bytes are split. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { connect, type Connection, type Message, serve } from "../../mod.ts";
import { test } from "../harness.ts";
import { type Kind, message } from "./payloads.ts";
import { randomNumbers, Splitter } from "./splitter.ts";

const MIB = 1024 * 1024;
const limits = { maxMessageSize: 16 * MIB, maxBufferedAmount: 64 * MIB };

/** A client whose bytes are split on their way to a server that echoes. */
async function throughSplitter(
  seed: number,
  echo: (socket: Connection) => Promise<void>,
  use: (socket: Connection) => Promise<void>,
): Promise<void> {
  await using server = await serve({ port: 0, ...limits }, echo);
  await using splitter = await Splitter.to(server.port, seed);
  await using socket = await connect(`ws://127.0.0.1:${splitter.port}/`, limits);
  await use(socket);
}

async function echoMessages(socket: Connection): Promise<void> {
  for await (const message of socket) socket.send(message);
}

async function echoStream(socket: Connection): Promise<void> {
  await socket.sendStream(socket.stream());
}

function sendable(kind: Kind, size: number): Message {
  const { payload } = message(kind, size);
  return kind === "text" ? new TextDecoder().decode(payload) : payload;
}

function same(one: Message | undefined, other: Message): boolean {
  if (typeof one === "string" || typeof other === "string") return one === other;
  return one !== undefined && Buffer.compare(one, other) === 0;
}

async function exchange(socket: Connection, sizes: number[]): Promise<void> {
  const messages = sizes.flatMap((size) => [sendable("text", size), sendable("binary", size)]);
  for (const each of messages) socket.send(each);
  const received = socket[Symbol.asyncIterator]();
  for (const [index, each] of messages.entries()) {
    const { value } = await received.next();
    assert.ok(same(value, each), `message ${index}, of ${each.length}, came back otherwise`);
  }
}

for (const seed of [1, 2, 3, 4, 5]) {
  test(`Messages of every length encoding go both ways, the bytes split at random (seed ${seed})`, async () => {
    const random = randomNumbers(seed);
    const others = Array.from({ length: 20 }, () => Math.floor(random() * 2 ** (17 * random())));
    await throughSplitter(
      seed,
      echoMessages,
      (socket) => exchange(socket, [0, 1, 125, 126, 127, 65535, 65536, ...others]),
    );
  });
}

test("Whole messages of 16 MiB, text and binary, go both ways, the bytes split at random", async () => {
  await throughSplitter(6, echoMessages, (socket) => exchange(socket, [16 * MIB]));
});

for (const kind of ["text", "binary"] as const) {
  test(`A ${kind} message of 16 MiB is streamed both ways, the bytes split at random`, async () => {
    await throughSplitter(7, echoStream, async (socket) => {
      const whole = sendable(kind, 16 * MIB);
      const random = randomNumbers(8);
      const sent = socket.sendStream(function* () {
        for (let start = 0; start < whole.length;) {
          const end = start + Math.floor(random() * 100_000);
          yield whole.slice(start, end);
          start = end;
        }
      }());
      const pieces: Message[] = [];
      for await (const piece of socket.stream()) pieces.push(piece);
      await sent;
      assert.ok(same(kind === "text" ? pieces.join("") : Buffer.concat(pieces as Uint8Array[]), whole));
    });
  });
}
