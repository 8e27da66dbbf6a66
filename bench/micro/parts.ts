/**
 * The cost of single parts of the opening handshake and of the frame path, on the current runtime. Started by the
 * bench; prints one line of JSON.
 */
import { Buffer } from "node:buffer";
import { bench, run } from "mitata";
import { acceptanceText, ClientHandshake, Protocol, ServerHandshake } from "../../src/core.ts";
import { acceptKey } from "../../src/handshake/accept_key.ts";
import { type TextRuntime, textWriter, writeFrame, writeTextFrame } from "../../src/protocol/frame.ts";
import { frameMemory } from "../../src/protocol/frame_memory.ts";
import { applyMask } from "../../src/protocol/mask.ts";
import { asciiDecoder } from "../../src/protocol/utf8.ts";

const SIZES = [32, 125, 1024, 16 * 1024];

function handshakes(): void {
  const limits = { maxHeadSize: 16 * 1024, maxHeaders: 100 };
  const request = new ClientHandshake({
    host: "127.0.0.1:8000",
    resourceName: "/chat",
    headers: [["User-Agent", "bench"], ["Origin", "http://127.0.0.1:8000"], ["Accept-Language", "en"], [
      "Cookie",
      "id=7",
    ]],
    limits,
  }).request();
  bench("read and judge a request", () => new ServerHandshake(limits).receive(request));
  bench("the same, in single bytes", () => {
    const handshake = new ServerHandshake(limits);
    for (let i = 0; i < request.length; i++) handshake.receive(request.subarray(i, i + 1));
  });
  bench("Sec-WebSocket-Accept of a key", () => acceptKey("dGhlIHNhbXBsZSBub25jZQ=="));
  const { judgement } = new ServerHandshake(limits).receive(request)!;
  if (judgement.kind === "opening") bench("write the 101", () => acceptanceText(judgement.request));
}

function masking(): void {
  const key = 0x37fa213d;
  const bytes = new Uint8Array(64 * 1024);
  for (const size of SIZES) {
    const end = 6 + size;
    bench(`mask ${size} bytes`, () => applyMask(bytes, 6, end, key, 0));
  }
}

function decoding(): void {
  const bytes = new Uint8Array(64 * 1024).fill(0x61);
  const ascii = asciiDecoder(globalThis);
  const latin1 = asciiDecoder({});
  const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  for (const size of SIZES) {
    bench(`decode ${size} bytes of ASCII`, () => ascii(bytes, 6, 6 + size));
    bench(`instead: TextDecoder of latin1, ${size}`, () => latin1(bytes, 6, 6 + size));
    bench(`instead: TextDecoder of utf-8, ${size}`, () => utf8.decode(bytes.subarray(6, 6 + size)));
  }
}

function encoding(): void {
  const encoder = new TextEncoder();
  const bytes = new Uint8Array(64 * 1024);
  const buffer = Buffer.from(bytes.buffer);
  const own = textWriter(globalThis as TextRuntime);
  const encodeInto = textWriter({});
  for (const size of SIZES) {
    const text = "a".repeat(size);
    bench(`write ${size} bytes of text`, () => own.write(bytes, 4, bytes.length, text));
    bench(`instead: TextEncoder, ${size}`, () => encodeInto.write(bytes, 4, bytes.length, text));
    bench(`instead: Buffer.write, ${size}`, () => buffer.write(text, 4));
    bench(`encode a frame of ${size} bytes of text`, () => {
      const start = writeTextFrame(frameMemory, 0x81, text, undefined);
      frameMemory.giveBack(frameMemory.bytes, start, frameMemory.end);
    });
    bench(`instead: TextEncoder, and a copy, ${size}`, () => {
      const start = writeFrame(frameMemory, 0x81, encoder.encode(text), undefined);
      frameMemory.giveBack(frameMemory.bytes, start, frameMemory.end);
    });
    bench(`instead: new memory for each, ${size}`, () => {
      const payload = encoder.encode(text);
      const frame = new Uint8Array(4 + payload.length);
      frame.set(payload, 4);
      return frame;
    });
  }
}

function receiving(): void {
  const sink = { write: () => true, message: () => {}, ping: () => {}, pong: () => {}, finish: () => {} };
  const limits = { maxMessageSize: 1024 * 1024, maxFragments: 1024 };
  for (const size of SIZES) {
    let frame = new Uint8Array(0);
    const write = (bytes: Uint8Array, start: number, end: number): boolean => {
      frame = bytes.slice(start, end) as Uint8Array<ArrayBuffer>;
      return true;
    };
    new Protocol("client", { ...sink, write }, limits).sendText("a".repeat(size));
    const server = new Protocol("server", sink, limits);
    // Receiving unmasks in place, so each run needs a fresh copy.
    const chunk = new Uint8Array(frame.length);
    bench(`receive a frame of ${size} bytes of text`, () => {
      chunk.set(frame);
      server.receive(chunk);
    });
  }
}

handshakes();
masking();
decoding();
encoding();
receiving();
const { benchmarks } = await run({ format: "quiet" });
console.log(JSON.stringify(
  benchmarks.map(({ alias, runs }) => [alias, runs[0]?.stats?.p50 ?? null]),
));
