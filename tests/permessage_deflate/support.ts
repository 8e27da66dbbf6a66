/** What the tests of permessage-deflate share: ends of a connection, and data of every kind. */
import { ok } from "node:assert/strict";
import { zlibCodec } from "../../src/compression/zlib_codec.ts";
import type { DeflateCodec, DeflateSettings } from "../../src/permessage_deflate/deflate_codec.ts";
import type { DeflateAgreement } from "../../src/permessage_deflate/negotiation.ts";
import { PermessageDeflate } from "../../src/permessage_deflate/permessage_deflate.ts";
import { ProtocolError } from "../../src/protocol/errors.ts";
import { bytesOf } from "../protocol/frames.ts";

export type Side = "client" | "server";

/** What both ends agree upon: the same for both directions. */
export interface EndOptions {
  readonly bits?: number;
  readonly takeover?: boolean;
  readonly level?: number;
  readonly threshold?: number;
  readonly codec?: DeflateCodec;
}

export function agreement({ bits = 15, takeover = true }: EndOptions = {}): DeflateAgreement {
  return {
    serverNoContextTakeover: !takeover,
    clientNoContextTakeover: !takeover,
    serverMaxWindowBits: bits,
    clientMaxWindowBits: bits,
  };
}

/** One end. */
export function end(options: EndOptions = {}, side: Side = "server"): PermessageDeflate {
  const { level = 6, threshold = 0, codec = zlibCodec } = options;
  return new PermessageDeflate(side, agreement(options), { level, threshold }, codec);
}

/** The codec, and what it was called with. */
export class RecordingCodec implements DeflateCodec {
  readonly deflated: DeflateSettings[] = [];
  /** The limit of each message, of each rest of one behind a final block, and of each beginning that was looked at. */
  readonly inflated: { readonly limit: number; readonly behind: number }[] = [];

  deflate(bytes: Uint8Array, settings: DeflateSettings): Uint8Array {
    this.deflated.push({ ...settings, window: settings.window.slice() });
    return zlibCodec.deflate(bytes, settings);
  }

  inflate(
    ...[blocks, window, limit]: Parameters<DeflateCodec["inflate"]>
  ): ReturnType<DeflateCodec["inflate"]> {
    this.inflated.push({ limit, behind: window?.length ?? 0 });
    return zlibCodec.inflate(blocks, window, limit);
  }

  inspect(
    ...[blocks, window, limit]: Parameters<DeflateCodec["inspect"]>
  ): ReturnType<DeflateCodec["inspect"]> {
    this.inflated.push({ limit, behind: window?.length ?? 0 });
    return zlibCodec.inspect(blocks, window, limit);
  }
}

/** The message, a copy of it; throws the error if it is one. */
export function message(result: Uint8Array | ProtocolError): Uint8Array {
  if (result instanceof ProtocolError) throw result;
  return result.slice();
}

/** The status code of the error; fails if it is none. */
export function refusal(result: Uint8Array | ProtocolError | undefined): number {
  ok(result instanceof ProtocolError, "it was accepted");
  ok(result.message.endsWith("."), result.message);
  return result.statusCode;
}

const WORDS =
  'the quick brown fox jumps over a lazy dog while 世界 sleeps and 👋 waves at {"id":0,"price":1.5}'
    .split(" ");

export type Kind = "noise" | "text" | "runs" | "zeros" | "period";
export const KINDS: readonly Kind[] = ["noise", "text", "runs", "zeros", "period"];

/** Data of this kind; what compresses well, what does not, and what lies between. */
export function sample(kind: Kind, size: number, next: (below: number) => number): Uint8Array {
  if (kind === "noise") return new Uint8Array(size).map(() => next(256));
  if (kind === "zeros") return new Uint8Array(size);
  if (kind === "period") {
    // Matches lie as far back as the period is long: those of about a window tell what the window is.
    const period = sample("noise", next(2) === 0 ? 1 + next(300) : 2 ** (8 + next(8)) - next(256), next);
    return new Uint8Array(size).map((_, index) => period[index % period.length]!);
  }
  if (kind === "runs") {
    let byte = 0;
    let left = 0;
    return new Uint8Array(size).map(() => {
      if (left-- === 0) [byte, left] = [next(256), next(300)];
      return byte;
    });
  }
  let text = "";
  while (text.length < size) text += `${WORDS[next(WORDS.length)]!} `;
  return bytesOf(text).slice(0, size);
}
