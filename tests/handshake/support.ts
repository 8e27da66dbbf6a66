/** What the tests of the opening handshake share: bytes, splittings, requests, responses and their judgement. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import {
  ClientHandshake,
  type ClientHandshakeOptions,
  type ClientOutcome,
} from "../../src/handshake/client_handshake.ts";
import { HeaderFields } from "../../src/http/header_fields.ts";
import { type HeadLimits, type ResponseHead, ResponseHeadReader } from "../../src/http/head.ts";
import {
  type Judgement,
  type JudgementPolicy,
  ServerHandshake,
} from "../../src/handshake/server_handshake.ts";

/** The limits of these tests: the defaults of servers and clients. */
export const LIMITS: HeadLimits = { maxHeadSize: 16 * 1024, maxHeaders: 100 };

/** The key of RFC 6455, section 1.3. */
export const KEY = "dGhlIHNhbXBsZSBub25jZQ==";

/** The answer to it. */
export const ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/** A masked text frame, "Hello" (RFC 6455, section 5.7). */
export const FRAME = "\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58";

/** Each character of the text as one byte. */
export function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => {
    const code = character.codePointAt(0)!;
    assert.ok(code <= 0xff, "a test's text holds bytes only");
    return code;
  });
}

/** Each byte as one character. */
export function textOf(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

/** `Sec-WebSocket-Accept` for a key, as another implementation of SHA-1 says. */
export function acceptFor(key: string): string {
  return createHash("sha1").update(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest("base64");
}

/** Mulberry32: numbers from 0 to below 1, the same for the same seed. */
export function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The ways in which every stream is cut: whole, byte by byte, and at random, empty pieces included. */
export function splittings(bytes: Uint8Array): Uint8Array[][] {
  const ways = [[bytes], Array.from(bytes, (_, i) => bytes.subarray(i, i + 1))];
  for (let seed = 1; seed <= 20; seed++) {
    const next = random(seed);
    const largest = 1 + Math.floor(next() * next() * bytes.length);
    const pieces: Uint8Array[] = [];
    for (let position = 0; position < bytes.length;) {
      const size = Math.floor(next() * (largest + 1));
      pieces.push(bytes.subarray(position, position + size));
      position += size;
    }
    ways.push(pieces);
  }
  return ways;
}

/** An answer, and where in the stream it came. */
export interface Fed<Answer> {
  readonly answer: Answer;
  /** The bytes before the index that was answered. */
  readonly position: number;
  /** The bytes handed over until then. */
  readonly handed: number;
}

/** Hands over the pieces until there is an answer. Each is overwritten after its call, as a transport may do. */
export function feed<Answer extends { end: number }>(
  pieces: readonly Uint8Array[],
  receive: (chunk: Uint8Array) => Answer | undefined,
): Fed<Answer> | undefined {
  let handed = 0;
  for (const piece of pieces) {
    const chunk = piece.slice();
    const answer = receive(chunk);
    chunk.fill(0xff);
    if (answer !== undefined) {
      assert.ok(answer.end >= 0 && answer.end <= chunk.length, "the end lies in the chunk");
      return { answer, position: handed + answer.end, handed: handed + chunk.length };
    }
    handed += chunk.length;
  }
  return undefined;
}

/** What can be compared, header fields included. */
export function comparable(value: unknown): string {
  return JSON.stringify(value, (_, each) => each instanceof HeaderFields ? [...each] : each);
}

/** The beginning of a text, to say which row of a table failed. */
export function excerpt(text: string): string {
  return JSON.stringify(text.length > 400 ? `${text.slice(0, 400)}... (${text.length})` : text);
}

/** Header lines by name; several values are several lines, and no values are none. */
export type Fields = Readonly<Record<string, string | readonly string[]>>;

function fieldLines(fields: Fields): string[] {
  return Object.entries(fields).flatMap(([name, value]) =>
    (typeof value === "string" ? [value] : value).map((each) => `${name}: ${each}`)
  );
}

/** A valid opening handshake but for these changes. */
export function request(
  changes: Fields = {},
  { line = "GET / HTTP/1.1", more = [] }: { line?: string; more?: readonly string[] } = {},
): string {
  const fields = {
    Host: "localhost",
    Upgrade: "websocket",
    Connection: "Upgrade",
    "Sec-WebSocket-Key": KEY,
    "Sec-WebSocket-Version": "13",
    ...changes,
  };
  return [line, ...fieldLines(fields), ...more, "", ""].join("\r\n");
}

/** An ordinary request. */
export function plainRequest(line: string, fields: Fields = { Host: "localhost" }): string {
  return [line, ...fieldLines(fields), "", ""].join("\r\n");
}

/** What a server makes of a stream. */
export interface Judged {
  readonly judgement: Judgement;
  /** What lies behind the head; `undefined` if the head could not be read. */
  readonly rest: string | undefined;
  /** The bytes that it took, fed one by one. */
  readonly decidedAt: number;
}

function judgedOrPending(
  raw: string,
  policy: JudgementPolicy,
  limits: HeadLimits,
): Judged | undefined {
  const bytes = bytesOf(raw);
  const runs = splittings(bytes).map((pieces) => {
    const handshake = new ServerHandshake(limits, policy);
    const fed = feed(pieces, (chunk) => handshake.receive(chunk));
    if (fed === undefined) return undefined;
    const { judgement } = fed.answer;
    const unread = judgement.kind === "refused" && judgement.head === undefined;
    if (unread) assert.equal(fed.position, fed.handed, "of a head that cannot be read nothing is left");
    return {
      judgement,
      rest: unread ? undefined : raw.slice(fed.position),
      decidedAt: fed.handed,
    };
  });
  for (const run of runs) {
    assert.equal(comparable(run?.judgement), comparable(runs[0]?.judgement), excerpt(raw));
    assert.equal(run?.rest, runs[0]?.rest, excerpt(raw));
  }
  return runs[1];
}

/** Judges a stream in every splitting, asserts that they agree, and answers the judgement. */
export function judged(raw: string, policy: JudgementPolicy = {}, limits: HeadLimits = LIMITS): Judged {
  const answer = judgedOrPending(raw, policy, limits);
  assert.ok(answer !== undefined, `no judgement: ${excerpt(raw)}`);
  return answer;
}

/** Asserts that a stream is no whole head yet. */
export function assertPending(raw: string, limits: HeadLimits = LIMITS): void {
  assert.equal(judgedOrPending(raw, {}, limits), undefined, excerpt(raw));
}

/** A response as the repository's own reader sees it; everything behind its head is its body. */
export function readResponse(bytes: Uint8Array): { head: ResponseHead; body: string } {
  const reader = new ResponseHeadReader(LIMITS);
  const end = reader.receive(bytes);
  assert.equal(reader.defect, undefined);
  assert.ok(end > 0 && reader.head !== undefined, "the response is whole");
  return { head: reader.head, body: new TextDecoder().decode(bytes.subarray(end)) };
}

/** What a client makes of a stream. */
export interface Received {
  readonly outcome: ClientOutcome;
  /** What lies behind the head; `undefined` if the head could not be read. */
  readonly rest: string | undefined;
  /** The bytes that it took, fed one by one. */
  readonly decidedAt: number;
}

/** Options for a client that asks for nothing special. */
export function clientOptions(options: Partial<ClientHandshakeOptions> = {}): ClientHandshakeOptions {
  return { host: "localhost", resourceName: "/", limits: LIMITS, ...options };
}

function receivedOrPending(
  template: string,
  options: Partial<ClientHandshakeOptions>,
): Received | undefined {
  const ways = splittings(bytesOf(template.replaceAll("{ACCEPT}", ACCEPT))).length;
  const runs = Array.from({ length: ways }, (_, way) => {
    const handshake = new ClientHandshake(clientOptions(options));
    const accept = acceptFor(handshake.key);
    const raw = template.replaceAll("{ACCEPT}", accept);
    const fed = feed(splittings(bytesOf(raw))[way]!, (chunk) => handshake.receive(chunk));
    if (fed === undefined) return undefined;
    const { outcome } = fed.answer;
    if (outcome.head === undefined) assert.equal(fed.position, fed.handed);
    return {
      outcome,
      seen: comparable(outcome).replaceAll(accept, "{ACCEPT}"),
      rest: outcome.head === undefined ? undefined : raw.slice(fed.position).replaceAll(accept, "{ACCEPT}"),
      decidedAt: fed.handed,
    };
  });
  for (const run of runs) {
    assert.equal(run?.seen, runs[0]?.seen, excerpt(template));
    assert.equal(run?.rest, runs[0]?.rest, excerpt(template));
  }
  return runs[1];
}

/** Gives a client a response in every splitting, `{ACCEPT}` standing for the answer to its key. */
export function received(template: string, options: Partial<ClientHandshakeOptions> = {}): Received {
  const answer = receivedOrPending(template, options);
  assert.ok(answer !== undefined, `no outcome: ${excerpt(template)}`);
  return answer;
}

/** Asserts that a client waits for more. */
export function assertAwaited(template: string, options: Partial<ClientHandshakeOptions> = {}): void {
  assert.equal(receivedOrPending(template, options), undefined, excerpt(template));
}

/** A response that accepts but for these changes. */
export function response(
  changes: Fields = {},
  { line = "HTTP/1.1 101 Switching Protocols", more = [] }: { line?: string; more?: readonly string[] } = {},
): string {
  const fields = {
    Upgrade: "websocket",
    Connection: "Upgrade",
    "Sec-WebSocket-Accept": "{ACCEPT}",
    ...changes,
  };
  return [line, ...fieldLines(fields), ...more, "", ""].join("\r\n");
}
