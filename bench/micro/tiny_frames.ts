/**
 * How much CPU a peer can use by sending almost nothing: CPU-seconds per MiB of received frames, in chunks of 64 KiB,
 * of the protocol only. The window is full at the start, so each compressed message may refer to 32 KiB. Run by
 * `tiny_frames.ts` in the parent folder; prints one line of JSON.
 */
import process from "node:process";
import { deflateRawSync } from "node:zlib";
import { acceptCompression, compressionSettings } from "../../src/compression/options.ts";
import { Protocol } from "../../src/protocol/protocol.ts";

const MIB = 2 ** 20;
const CHUNK = 64 * 1024;
const SPAN_MS = 1500;
const WINDOW = 32 * 1024;

/** A masked frame with a masking key of zero. */
function frame(payload: Uint8Array, compressed: boolean): Uint8Array {
  const { length } = payload;
  const size = length < 126 ? [0x80 | length] : [0xfe, length >> 8, length & 0xff];
  return Uint8Array.of(compressed ? 0xc2 : 0x82, ...size, 0, 0, 0, 0, ...payload);
}

function chunkOf(one: Uint8Array): Uint8Array {
  const chunk = new Uint8Array(Math.floor(CHUNK / one.length) * one.length);
  for (let at = 0; at < chunk.length; at += one.length) chunk.set(one, at);
  return chunk;
}

function repeated(block: readonly number[], times: number): number[] {
  return Array.from({ length: Math.ceil(times) * block.length }, (_, index) => block[index % block.length]!);
}

/** CPU-seconds per MiB. */
function cost(one: Uint8Array): number {
  const { deflate } = acceptCompression(
    [{ name: "permessage-deflate", parameters: [] } as never],
    compressionSettings(true)!,
  )!;
  let failed = false;
  const protocol = new Protocol(
    "server",
    {
      write: () => true,
      message() {},
      ping() {},
      pong() {},
      finish: () => void (failed = true),
    },
    { maxMessageSize: MIB, maxFragments: 128 },
    deflate,
  );
  const noise = Uint8Array.from({ length: WINDOW }, () => Math.random() * 256);
  const full = deflateRawSync(noise, { finishFlush: 2 });
  protocol.receive(frame(full.subarray(0, full.length - 4), true));
  const chunk = chunkOf(one);
  let bytes = 0;
  let before = process.cpuUsage();
  let since = performance.now();
  for (let warm = true; performance.now() - since < SPAN_MS;) {
    // Frames are unmasked in place; with a key of zero they do not change.
    protocol.receive(chunk);
    bytes += chunk.length;
    if (warm && performance.now() - since > SPAN_MS / 3) {
      warm = false;
      bytes = 0;
      before = process.cpuUsage();
      since = performance.now();
    }
  }
  const { user, system } = process.cpuUsage(before);
  if (failed) throw new Error("The protocol has refused the frames.");
  return (user + system) / 1e6 / (bytes / MIB);
}

// The bytes of each message allow its final block.
const FINAL_BLOCK = [3, 0];
const EMPTY_BLOCK = [0, 0, 0, 255, 255];
const EARNED = 256;
const CASES: readonly (readonly [string, Uint8Array])[] = [
  ["empty messages, not compressed", frame(new Uint8Array(0), false)],
  ["empty messages, compressed", frame(Uint8Array.of(0), true)],
  ["messages of one octet, compressed", frame(Uint8Array.of(0x4a, 0x04, 0x00), true)],
  ["messages of a final block", frame(Uint8Array.from(FINAL_BLOCK), true)],
  [
    "messages of 260 octets and two final blocks",
    frame(Uint8Array.from([...FINAL_BLOCK, ...repeated(EMPTY_BLOCK, EARNED / 5), ...FINAL_BLOCK]), true),
  ],
];
console.log(JSON.stringify(CASES.map(([name, one]) => [name, cost(one)])));
