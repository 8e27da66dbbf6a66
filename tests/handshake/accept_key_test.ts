import assert from "node:assert/strict";
import { test } from "../harness.ts";
import { acceptKey, generateKey, GUID, isKey, keyDigest } from "../../src/handshake/accept_key.ts";
import { ACCEPT, acceptFor, KEY } from "./support.ts";

test("RFC 6455, section 1.3: the GUID, the digest and the Accept of the RFC's own example", () => {
  assert.equal(GUID, "258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
  assert.equal(acceptKey(KEY), ACCEPT);
  assert.deepEqual(
    [...keyDigest(KEY)],
    [0xb3, 0x7a, 0x4f, 0x2c, 0xc0, 0x62, 0x4f, 0x16, 0x90, 0xf6, 0x46, 0x06, 0xcf, 0x38, 0x59, 0x45]
      .concat([0xb2, 0xbe, 0xc4, 0xea]),
  );
});

test("RFC 6455, section 4.2.2: Accept agrees with another SHA-1, also for keys that are none", () => {
  for (const key of ["", "x", "AQIDBAUGBwgJCgsMDQ4PEC==", "a".repeat(200), generateKey(), generateKey()]) {
    assert.equal(acceptKey(key), acceptFor(key), key);
  }
});

test("RFC 6455, section 4.2.2: every key has an Accept of its own", () => {
  const keys = Array.from({ length: 500 }, generateKey);
  assert.equal(new Set(keys.map(acceptKey)).size, 500);
});

test("RFC 6455, section 4.1: a generated key is 16 random bytes in Base64, new each time", () => {
  const keys = Array.from({ length: 500 }, generateKey);
  assert.equal(new Set(keys).size, 500);
  const seen = new Set<number>();
  for (const key of keys) {
    assert.ok(isKey(key), key);
    const bytes = atob(key);
    assert.equal(bytes.length, 16);
    assert.equal(btoa(bytes), key, "canonical");
    for (const byte of bytes) seen.add(byte.charCodeAt(0));
  }
  assert.equal(seen.size, 256, "every byte value comes up");
});

test("RFC 6455, section 4.2.1: 22 characters of the Base64 alphabet and == are a key", () => {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (const character of alphabet) assert.ok(isKey(`${character.repeat(22)}==`), character);
  for (let i = 0; i < 22; i++) assert.ok(isKey(`${"A".repeat(i)}/${"A".repeat(21 - i)}==`));
});

test("RFC 6455, section 1.2: the RFC's own key with pad bits set is a key", () => {
  assert.ok(isKey("AQIDBAUGBwgJCgsMDQ4PEC=="));
});

test("RFC 6455, section 4.2.1: no other byte stands in a key, at any place", () => {
  const alphabet = /[A-Za-z0-9+/]/;
  for (let code = 0; code < 0x180; code++) {
    const character = String.fromCharCode(code);
    for (const place of [0, 10, 21]) {
      const key = `${"A".repeat(place)}${character}${"A".repeat(21 - place)}==`;
      assert.equal(isKey(key), alphabet.test(character), `${code} at ${place}`);
    }
  }
});

test("RFC 6455, section 4.2.1: what decodes to other than 16 bytes is no key", () => {
  for (
    const text of [
      "",
      "=",
      "==",
      "A".repeat(20),
      `${"A".repeat(21)}=`,
      "A".repeat(22),
      `${"A".repeat(22)}=`,
      "A".repeat(24),
      `${"A".repeat(23)}=`,
      `${"A".repeat(21)}===`,
      `${"A".repeat(23)}==`,
      `${"A".repeat(22)}==A`,
      `${"A".repeat(22)}==\n`,
      ` ${"A".repeat(22)}==`,
      `${"A".repeat(22)}== `,
      `${"A".repeat(21)} ==`,
      `${"A".repeat(20)}====`,
      `${"A".repeat(22)}A=`,
      `${"A".repeat(22)}=A`,
      "dGhlIHNhbXBsZSBub25jZQ==AAAA",
      "dGhlIHNh bXBsZSBub25jZQ==",
      "dGhlIHNhbXBsZSBub25j-_==",
    ]
  ) {
    assert.equal(isKey(text), false, JSON.stringify(text));
  }
});
