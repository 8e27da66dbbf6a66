/** What the protocol's tests share: frames of the peer, a sink that writes down, and every way to cut a stream. */
import { Buffer } from "node:buffer";
import { deepEqual, equal, ok } from "node:assert/strict";
import { test } from "../harness.ts";
import { ProtocolError } from "../../src/protocol/errors.ts";
import type { MessageLimits } from "../../src/protocol/message_assembler.ts";
import type { MessageCompression } from "../../src/protocol/message_compression.ts";
import { Protocol, type ProtocolClose, type ProtocolSink, type Role } from "../../src/protocol/protocol.ts";
import { bytesOf, type Frame, frame, type FrameSpec, hex, parseFrames, random, show } from "./frames.ts";

export const LIMITS: MessageLimits = { maxMessageSize: 1 << 20, maxFragments: 1000 };

/** Registers one test for a server and one for a client. */
export function bothRoles(section: string, what: string, fn: (role: Role) => void): void {
  for (const role of ["server", "client"] as const) {
    test(`RFC 6455, section ${section}: ${what} (${role})`, () => fn(role));
  }
}

type PayloadSpec = Omit<FrameSpec, "opcode" | "payload">;

/** The other end of a connection: frames as the peer of `role` sends them. */
export class Peer {
  readonly #masks: boolean;
  readonly #random: (below: number) => number = random(0x5eed);

  constructor(role: Role) {
    this.#masks = role === "server";
  }

  frame(spec: FrameSpec): Uint8Array {
    const key = this.#masks ? Array.from({ length: 4 }, () => this.#random(256)) : undefined;
    return frame({ key, ...spec });
  }

  text(payload: string | Uint8Array, spec: PayloadSpec = {}): Uint8Array {
    return this.frame({ opcode: 1, payload, ...spec });
  }

  binary(payload: Uint8Array, spec: PayloadSpec = {}): Uint8Array {
    return this.frame({ opcode: 2, payload, ...spec });
  }

  continuation(payload: string | Uint8Array, spec: PayloadSpec = {}): Uint8Array {
    return this.frame({ opcode: 0, payload, ...spec });
  }

  ping(payload: string | Uint8Array = ""): Uint8Array {
    return this.frame({ opcode: 9, payload });
  }

  pong(payload: string | Uint8Array = ""): Uint8Array {
    return this.frame({ opcode: 10, payload });
  }

  /** A Close frame with this code and reason, or with nothing. */
  close(code?: number, reason: string | Uint8Array = ""): Uint8Array {
    const payload = code === undefined ? "" : bytesOf([code >> 8, code & 255], reason);
    return this.frame({ opcode: 8, payload });
  }
}

/** What a test does inside the sink's calls. */
export interface Hooks {
  write?(frames: Frame[]): void;
  message?(data: string | Uint8Array, last: boolean): void;
  ping?(payload: Uint8Array): void;
  pong?(payload: Uint8Array): void;
  finish?(close: ProtocolClose): void;
}

const NAMES: { readonly [opcode: number]: string } = {
  0: "continuation",
  1: "text",
  2: "binary",
  8: "close",
  9: "ping",
  10: "pong",
};

/** One frame in a line, masks apart. */
export function describe({ opcode, payload, compressed }: Frame): string {
  if (compressed) return `compressed ${NAMES[opcode]} ${hex(payload)}`;
  if (opcode === 1) return `text ${show(new TextDecoder("utf-8", { fatal: true }).decode(payload))}`;
  if (opcode !== 8) return `${NAMES[opcode]} ${hex(payload)}`;
  if (payload.length === 0) return "close";
  const reason = new TextDecoder("utf-8", { fatal: true }).decode(payload.subarray(2));
  return `close ${(payload[0]! << 8) | payload[1]!} ${JSON.stringify(reason)}`;
}

/** Writes every call down as one line, and fails at whatever no protocol may do. */
export class Recorder implements ProtocolSink {
  readonly log: string[] = [];
  readonly sent: Frame[] = [];
  readonly written: Uint8Array[] = [];
  readonly messages: (string | Uint8Array)[] = [];
  readonly protocol: Protocol;
  /** What `write()` answers. */
  flowing = true;
  close: ProtocolClose | undefined;
  readonly #role: Role;
  readonly #hooks: Hooks;
  // What was handed out, and how it looked then.
  readonly #handed: (() => boolean)[] = [];

  constructor(
    role: Role,
    hooks: Hooks = {},
    limits: MessageLimits = LIMITS,
    compression?: MessageCompression,
  ) {
    this.#role = role;
    this.#hooks = hooks;
    this.protocol = new Protocol(role, this, limits, compression);
  }

  write(bytes: Uint8Array, start: number, end: number): boolean {
    const written = bytes.slice(start, end);
    const frames = parseFrames(written, this.#role === "client", this.protocol.compression !== undefined);
    for (const frame of frames) {
      ok(this.sent.at(-1)?.opcode !== 8, `${describe(frame)} was sent after a Close frame`);
      this.sent.push(frame);
      this.#note(`> ${describe(frame)}`);
    }
    this.written.push(written);
    this.#hooks.write?.(frames);
    // Nothing is read of them again: no harm may come from changing them.
    bytes.fill(0xee, start, end);
    return this.flowing;
  }

  message(data: string | Uint8Array, last: boolean): void {
    this.messages.push(data);
    if (typeof data !== "string") this.#own(data);
    const more = last ? "" : " ...";
    this.#note((typeof data === "string" ? `text ${show(data)}` : `binary ${hex(data)}`) + more);
    this.#hooks.message?.(data, last);
  }

  ping(payload: Uint8Array): void {
    this.#own(payload);
    this.#note(`ping ${hex(payload)}`);
    this.#hooks.ping?.(payload);
  }

  pong(payload: Uint8Array): void {
    this.#own(payload);
    this.#note(`pong ${hex(payload)}`);
    this.#hooks.pong?.(payload);
  }

  finish(close: ProtocolClose): void {
    const { code, reason, wasClean, initiator, error } = close;
    const status = error instanceof ProtocolError ? ` ${error.statusCode}` : "";
    const cause = error === undefined ? "" : ` ${error.name}${status}`;
    this.#note(`finish ${code} ${show(reason)} ${wasClean ? "clean" : "unclean"} ${initiator}${cause}`);
    this.close = close;
    this.#hooks.finish?.(close);
  }

  /** Whether all that was handed out is as it was, though the chunks it came in have been overwritten. */
  get unchanged(): boolean {
    return this.#handed.every((same) => same());
  }

  #own(bytes: Uint8Array): void {
    equal(Object.getPrototypeOf(bytes), Uint8Array.prototype, "a plain Uint8Array");
    const before = hex(bytes);
    this.#handed.push(() => hex(bytes) === before);
  }

  #note(line: string): void {
    equal(this.close, undefined, `"${line}" after finish()`);
    equal(this.protocol.finished, line.startsWith("finish"), "finished tells the truth inside a call");
    this.log.push(line);
  }
}

/** Gives pieces as hostile transports do: at any alignment, as a `Buffer` at times, overwritten after the call. */
export function feed(reader: { receive(chunk: Uint8Array): void }, pieces: Iterable<Uint8Array>): void {
  let turn = 0;
  for (const piece of pieces) {
    const offset = turn++ & 7;
    const memory = new Uint8Array(offset + piece.length + 3).fill(0xaa);
    memory.set(piece, offset);
    const chunk = turn % 3 === 0
      ? Buffer.from(memory.buffer, offset, piece.length)
      : memory.subarray(offset, offset + piece.length);
    reader.receive(chunk);
    const behind = offset + piece.length;
    if (memory[behind] !== 0xaa || memory[behind + 2] !== 0xaa) throw new Error("wrote behind the chunk");
    memory.fill(0xff);
  }
}

/** Whole, byte by byte, in 20 random ways, and a short one cut in two everywhere. */
export function* chunkings(stream: Uint8Array): Generator<Uint8Array[]> {
  yield [stream];
  yield Array.from(stream, (_, i) => stream.subarray(i, i + 1));
  if (stream.length <= 64) {
    for (let i = 1; i < stream.length; i++) yield [stream.subarray(0, i), stream.subarray(i)];
  }
  const next = random(stream.length);
  for (let round = 0; round < 20; round++) {
    const largest = (stream.length > 10_000 ? [300, 4093, 30_000] : [2, 3, 5, 16, 100, 5000])[round % 6] ??
      8192;
    const pieces: Uint8Array[] = [];
    for (let start = 0; start < stream.length;) {
      const end = start + next(largest + 1);
      pieces.push(stream.subarray(start, end));
      start = end;
    }
    yield pieces;
  }
}

export interface PlayOptions {
  limits?: MessageLimits;
  /** Makes the compression of a connection. */
  compression?: () => MessageCompression;
  /** Done before the first byte comes. */
  before?: (protocol: Protocol) => void;
  /** Done after the last. */
  after?: (protocol: Protocol) => void;
}

/** What comes of one stream, in pieces. */
export function play(role: Role, pieces: Iterable<Uint8Array>, options: PlayOptions = {}): Recorder {
  const recorder = new Recorder(role, {}, options.limits, options.compression?.());
  options.before?.(recorder.protocol);
  feed(recorder.protocol, pieces);
  options.after?.(recorder.protocol);
  ok(recorder.unchanged, "what was handed out belongs to its owner");
  return recorder;
}

/** The stream, however it is cut, leads to these calls and no others. */
export function receives(role: Role, stream: Uint8Array, log: string[], options: PlayOptions = {}): void {
  for (const pieces of chunkings(stream)) {
    const recorder = play(role, pieces, options);
    deepEqual(recorder.log, log, `in ${pieces.length} pieces, the first of ${pieces[0]?.length} bytes`);
  }
}

/** However the stream is split, it fails the connection; what follows is not parsed. */
export function fails(
  role: Role,
  stream: Uint8Array,
  code: number,
  section: string,
  options: PlayOptions & { first?: string[] } = {},
): void {
  const { first = [] } = options;
  const { log, close } = play(role, [stream], options);
  deepEqual(log.slice(0, -2), first);
  ok(close?.error instanceof ProtocolError, `failed, and did not end with: ${log.at(-1)}`);
  equal(close.error.statusCode, code);
  equal(close.error.section, section.startsWith("RFC") ? section : `RFC 6455, section ${section}`);
  ok(close.error.message.endsWith("."), close.error.message);
  equal(log.at(-2), `> close ${code} ${JSON.stringify(close.error.message)}`);
  equal(log.at(-1), `finish 1006 "" unclean remote ProtocolError ${code}`);
  const peer = new Peer(role);
  receives(role, stream, log, options);
  receives(role, bytesOf(stream, peer.text("late"), peer.ping(), peer.close(1000)), log, options);
}

/** The connection fails with the very last byte of the stream, and not before. */
export function failsAtLastByte(role: Role, stream: Uint8Array, code: number): void {
  const recorder = new Recorder(role);
  for (let i = 0; i < stream.length; i++) {
    equal(recorder.protocol.finished, false, `finished before byte ${i} of ${stream.length}`);
    recorder.protocol.receive(stream.slice(i, i + 1));
  }
  const { error } = recorder.close ?? {};
  ok(error instanceof ProtocolError, "did not fail");
  equal(error.statusCode, code);
}

/** A connection that is open, and what it writes down. */
export function start(role: Role, hooks?: Hooks, limits?: MessageLimits): [Protocol, Recorder, Peer] {
  const recorder = new Recorder(role, hooks, limits);
  return [recorder.protocol, recorder, new Peer(role)];
}
