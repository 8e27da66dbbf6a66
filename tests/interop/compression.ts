/** What must hold between this library and every peer that has permessage-deflate (RFC 7692), in each of our modes. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import type { CompressionOptions, Connection, Message } from "../../mod.ts";
import { randomNumbers } from "../conformance/splitter.ts";
import { commandText, type PeerCompression } from "./peers/program.ts";
import { assertSame, type Scenario, textOf } from "./scenarios.ts";
import { type Scene, take, type WatchedEnds } from "./scene.ts";

/** How we compress. */
export type Mode = NonNullable<CompressionOptions["mode"]>;

/** Both of our modes. */
export const MODES: readonly Mode[] = ["shared", "context-takeover"];

/** What the agreement with a peer holds, whichever our mode, by how the peer compresses. */
export const agreements: readonly (readonly [how: PeerCompression, parameters: readonly string[]])[] = [
  ["usual", []],
  ["afresh", ["server_no_context_takeover", "client_no_context_takeover"]],
  ["narrow", ["server_max_window_bits=10", "client_max_window_bits=9"]],
];

const SIZES = [0, 1, 125, 126, 65535, 65536, 300 * 1024];
const IN_A_ROW = 300;

/** The scenarios in one of our modes; the agreement must hold the parameters in each. */
export function compressionScenarios(mode: Mode, parameters: readonly string[]): Scenario[] {
  const within = (
    name: string,
    run: (ends: WatchedEnds, scene: Scene) => Promise<void>,
    needs?: Scenario["needs"],
    compression: CompressionOptions = { mode },
  ): Scenario => ({
    name,
    ...(needs === undefined ? {} : { needs }),
    async run(scene) {
      const ends = await scene.openAndWatch(compression);
      await run(ends, scene);
      await scene.close(ends.socket);
    },
  });
  return [
    within("both ends name the extension", (ends, scene) => named(ends, scene, mode, parameters)),
    within("text and bytes of every length come back as they went", everyLength),
    within("our fragments, and pings behind them, arrive as one message", ourFragments),
    within("the peer's fragments, with pings between them, arrive as one", theirFragments, "send fragments"),
    within("alike messages in a row keep their order, and are few bytes on the wire", inARow),
    within("what we ask of the peer's compression is agreed and kept", asked, "compress as asked", {
      mode,
      peerWindowBits: 10,
      peerContextTakeover: false,
    }),
  ];
}

function parametersOf(extensions: string): string[] {
  const [name, ...parameters] = extensions.split(";").map((part) => part.trim());
  assert.equal(name, "permessage-deflate");
  return parameters.sort();
}

async function named(
  { socket, opened }: WatchedEnds,
  { kind }: Scene,
  mode: Mode,
  parameters: readonly string[],
): Promise<void> {
  const agreed = parametersOf(socket.extensions);
  if (!("show the extensions" in kind.cannot)) {
    assert.ok(opened.extensions !== undefined);
    assert.deepEqual(parametersOf(opened.extensions), agreed);
  }
  // A server says that it compresses afresh; a client need not have it confirmed.
  const own = mode === "shared" && kind.role === "client" ? ["server_no_context_takeover"] : [];
  for (const parameter of [...own, ...parameters]) assert.ok(agreed.includes(parameter), socket.extensions);
  socket.send("compressed?", { compress: true });
  assert.equal(await take(socket), "compressed?");
}

const NOISE: Uint8Array = makeNoise(SIZES.reduce((sum, size) => sum + size));
const DIGITS: string = Buffer.from(NOISE.map((byte) => 0x30 + byte % 10)).toString("latin1");

function makeNoise(size: number): Uint8Array {
  const random = randomNumbers(4);
  const bytes = new Uint8Array(size);
  for (let i = 0; i < size; i++) bytes[i] = random() * 256;
  return bytes;
}

async function everyLength({ socket }: WatchedEnds): Promise<void> {
  let start = 0;
  for (const size of SIZES) {
    const end = start + size;
    const noise = NOISE.subarray(start, end);
    const digits = DIGITS.slice(start, end);
    start = end;
    for (const message of [textOf(size), digits, new Uint8Array(size).fill(7), noise]) {
      // Twice compressed: two empty ones in a row are where some implementations lose their place.
      for (const compress of size < 1000 ? [true, true, false] : [true]) socket.send(message, { compress });
      for (let times = size < 1000 ? 3 : 1; times > 0; times--) assertSame(await take(socket), message);
    }
  }
}

async function ourFragments({ socket }: WatchedEnds): Promise<void> {
  const parts = ['{"fragment": "'.repeat(100), "握", "", "手 \ud83d", "\ude00".padEnd(70_000, "x"), "end"];
  const whole = parts.join("");
  for (let times = 0; times < 3; times++) {
    const pings: Promise<number>[] = [];
    const withPings = async function* <Part>(pieces: Iterable<Part>): AsyncGenerator<Part> {
      for (const piece of pieces) {
        yield piece;
        // Not awaited: none of ours goes between compressed fragments.
        pings.push(socket.ping());
      }
    };
    await socket.sendStream(withPings(parts), { compress: true });
    assertSame(await take(socket), whole);
    await socket.sendStream(withPings(parts.map((part) => Buffer.from(part))), { compress: true });
    assertSame(await take(socket), Buffer.concat(parts.map((part) => Buffer.from(part))));
    for (const roundTrip of await Promise.all(pings)) assert.ok(roundTrip >= 0);
    await socket.sendStream([], { compress: true });
    assertSame(await take(socket), new Uint8Array(0));
  }
}

async function theirFragments({ socket, passed }: WatchedEnds, { peer }: Scene): Promise<void> {
  const parts = ["握".repeat(2000), "", "手", "😀".repeat(40_000)];
  const whole = parts.join("");
  const bytes = new TextEncoder().encode(whole);
  const before = passed().theirs;
  for (const [type, message] of [["text", whole], ["binary", bytes], ["text", whole]] as const) {
    socket.send(commandText({ do: "fragments", type, parts }));
    assertSame(await take(socket), message);
    for (let i = 1; i < parts.length; i++) {
      assert.equal((await peer.next("pong")).payload, `before part ${i}`);
    }
  }
  assertFewer(passed().theirs - before, 3 * bytes.length / 10, "fragments of the peer");
}

/** Three hundred texts of some 2000 bytes, whose stretches are in others too. */
export function alike(): string[] {
  const random = randomNumbers(5);
  return Array.from({ length: IN_A_ROW }, (_, id) =>
    JSON.stringify({
      id,
      stock: Array.from(
        { length: 40 },
        (_, line) => ({ article: line, price: Math.floor(random() * 1e6), left: line }),
      ),
    }));
}

async function inARow({ socket, passed }: WatchedEnds, { kind }: Scene): Promise<void> {
  const messages = alike();
  const size = messages.reduce((sum, { length }) => sum + length, 0);
  const before = passed();
  await echo(socket, messages);
  const after = passed();
  assertFewer(after.ours - before.ours, size / 2, "messages of ours");
  if ("compress" in kind.cannot) return;
  assertFewer(after.theirs - before.theirs, size / 2, "messages of the peer");
}

async function asked({ socket }: WatchedEnds, { kind }: Scene): Promise<void> {
  const peers = kind.role;
  const agreed = parametersOf(socket.extensions);
  const [windowBits = 15] = agreed.filter((each) => each.startsWith(`${peers}_max_window_bits=`)).map((
    each,
  ) => Number(each.split("=")[1]));
  assert.ok(windowBits <= 10, socket.extensions);
  assert.ok(agreed.includes(`${peers}_no_context_takeover`), socket.extensions);
  await echo(socket, alike().slice(0, 20));
}

/** Sends messages, and takes them as they come back. */
export async function echo(socket: Connection, messages: readonly Message[]): Promise<void> {
  for (const message of messages) socket.send(message);
  for (const message of messages) assertSame(await take(socket), message);
}

function assertFewer(passed: number, most: number, what: string): void {
  assert.ok(passed > 0 && passed < most, `${what} were ${passed} bytes on the wire, not less than ${most}`);
}
