/** What the tests of compressed messages share. */
import type { MessageCompression } from "../../src/protocol/message_compression.ts";
import type { Role } from "../../src/protocol/protocol.ts";
import { test } from "../harness.ts";
import { end } from "../permessage_deflate/support.ts";
import { bytesOf, fromHex } from "./frames.ts";
import { Peer, type PlayOptions } from "./support.ts";

/** What marks the first frame of a compressed message. */
export const RSV1: { readonly rsv: number } = { rsv: 4 };
/** "Hello", and a second one that refers to it (RFC 7692, section 7.2.3). */
export const HELLO: Uint8Array = fromHex("f248cdc9c90700");
export const AGAIN: Uint8Array = fromHex("f200110000");

/** Registers one test for a server and one for a client, each with a connection that compresses. */
export function both(
  section: string,
  what: string,
  fn: (role: Role, options: PlayOptions, peer: Peer) => void,
): void {
  for (const role of ["server", "client"] as const) {
    const compression = (): MessageCompression => end({}, role);
    test(`RFC 7692, section ${section}: ${what} (${role})`, () => fn(role, { compression }, new Peer(role)));
  }
}

/** A payload that is compressed by itself. */
export function deflated(data: string | Uint8Array): Uint8Array {
  return end({ takeover: false }).compressFragment(bytesOf(data), true).slice();
}
