/**
 * What DEFLATE costs for one message, by what could do it:
 *   npm run bench -- deflate-codecs
 *   bun bench/deflate_codecs.ts
 *   deno run --allow-all --node-modules-dir=manual bench/deflate_codecs.ts
 * Compare figures within one run only.
 */
import { Buffer } from "node:buffer";
import { deflateSync, inflateSync } from "fflate";
import { bench, group, run } from "mitata";
import { Deflate, Inflate, Z_SYNC_FLUSH } from "pako";
import { oneShotCodec, zlibCodec } from "../src/compression/zlib_codec.ts";
import { jsonTexts } from "./load/texts.ts";

const AFRESH = { window: new Uint8Array(0), windowBits: 15, level: 2 };

for (const size of [128, 1024, 65536]) {
  const texts = jsonTexts(size, 16).map((text) => new Uint8Array(text));
  let next = 0;
  const message = (): Uint8Array => texts[next++ & 15]!;
  // A final block behind the flush ends the stream.
  const payloads = texts.map((text) => Buffer.concat([oneShotCodec.deflate(text, AFRESH), Buffer.of(3, 0)]));
  const payload = (): Uint8Array => payloads[next++ & 15]!;
  const small = size <= 4096;

  group(`compress ${size} bytes of JSON`, () => {
    bench("a zlib handle, reset", () => zlibCodec.deflate(message(), AFRESH));
    bench("zlib, one shot", () => oneShotCodec.deflate(message(), AFRESH));
    bench("pako", () =>
      new Deflate({
        raw: true,
        level: 2,
        windowBits: small ? 12 : 15,
        memLevel: small ? 5 : 8,
        chunkSize: size + 64,
      }).push(message(), Z_SYNC_FLUSH));
    // It has no sync flush that can be relied on (0.8.3): what it makes would have to end with a final block.
    bench("fflate", () => deflateSync(message(), { level: 2, mem: small ? 1 : 6 }));
  });
  group(`compress ${size} bytes behind a window`, () => {
    for (const bits of [12, 15]) {
      const window = new Uint8Array(jsonTexts(2 ** bits, 1)[0]!);
      bench(`${bits} bits`, () => zlibCodec.deflate(message(), { window, windowBits: bits, level: 2 }));
    }
  });
  group(`compress ${size} bytes of JSON, by level`, () => {
    for (const level of [1, 2, 3, 6, 9]) {
      const settings = { ...AFRESH, level };
      const total = texts.reduce((sum, text) => sum + zlibCodec.deflate(text, settings).length, 0);
      bench(
        `${level}: ${Math.round(total / texts.length)} bytes`,
        () => zlibCodec.deflate(message(), settings),
      );
    }
  });
  group(`decompress ${size} bytes of JSON`, () => {
    bench("a zlib handle, reset", () => zlibCodec.inflate(payload(), undefined, 1 << 20));
    bench("zlib, one shot", () => oneShotCodec.inflate(payload(), undefined, 1 << 20));
    bench("pako", () => new Inflate({ raw: true, chunkSize: size + 64 }).push(payload(), true));
    bench("fflate", () => inflateSync(payload()));
  });
}

await run();
