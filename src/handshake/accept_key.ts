/**
 * `Sec-WebSocket-Key` and `Sec-WebSocket-Accept` (RFC 6455, sections 4.1, 4.2.2 and 1.3).
 *
 * @module
 */
import { sha1 } from "@noble/hashes/legacy.js";

/** The GUID that a server appends to the key (RFC 6455, section 1.3). */
export const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

function base64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode.apply(null, bytes as unknown as number[]));
}

function isBase64Character(code: number): boolean {
  return (code >= 0x41 && code <= 0x5a) || (code >= 0x61 && code <= 0x7a) || (code >= 0x30 && code <= 0x39) ||
    code === 0x2b || code === 0x2f;
}

/** A fresh `Sec-WebSocket-Key`: 16 random bytes in Base64 (RFC 6455, section 4.1). */
export function generateKey(): string {
  return base64(crypto.getRandomValues(new Uint8Array(16)));
}

/**
 * Whether the text is 16 bytes in Base64 (RFC 6455, section 4.2.1). The pad bits of the last character are ignored:
 * the RFC's own example, `AQIDBAUGBwgJCgsMDQ4PEC==`, sets some.
 */
export function isKey(text: string): boolean {
  if (text.length !== 24 || !text.endsWith("==")) return false;
  for (let i = 0; i < 22; i++) {
    if (!isBase64Character(text.charCodeAt(i))) return false;
  }
  return true;
}

// One hasher is shared: creating one costs as much as hashing.
const FRESH: ReturnType<typeof sha1.create> = /* @__PURE__ */ sha1.create();
const hasher: ReturnType<typeof sha1.create> = /* @__PURE__ */ sha1.create();

/** The SHA-1 digest of key and GUID: 20 bytes. The key must be ASCII, as {@linkcode isKey} checks. */
export function keyDigest(key: string): Uint8Array {
  const text = key + GUID;
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = text.charCodeAt(i);
  return FRESH._cloneInto(hasher).update(bytes).digest();
}

/**
 * The `Sec-WebSocket-Accept` that answers a key (RFC 6455, section 4.2.2).
 *
 * @example
 * ```ts
 * import { acceptKey } from "woshou/core";
 *
 * acceptKey("dGhlIHNhbXBsZSBub25jZQ=="); // "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
 * ```
 */
export function acceptKey(key: string): string {
  return base64(keyDigest(key));
}
