/** One protocol and its owner, who writes down every call, and may do something in the middle of one. */
import { ConnectionClosedError, ProtocolError } from "../../src/protocol/errors.ts";
import { frameMemory } from "../../src/protocol/frame_memory.ts";
import type { MessageLimits } from "../../src/protocol/message_assembler.ts";
import type { MessageCompression } from "../../src/protocol/message_compression.ts";
import { Protocol, type ProtocolClose, type ProtocolSink, type Role } from "../../src/protocol/protocol.ts";
import { Auditor } from "./audit.ts";
import { hashOf } from "./random.ts";
import { ensure } from "./target.ts";

const EMPTY_HASH = 0x811c9dc5;

function hashOfText(text: string, begun: number): number {
  let hash = begun;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}

/** Kind, length and hash of a message or a payload. */
export function digestOf(data: string | Uint8Array): string {
  return digestOfPieces([data]);
}

/** As {@linkcode digestOf}, of data in pieces that are all of one kind. */
export function digestOfPieces(pieces: readonly (string | Uint8Array)[]): string {
  let [length, hash] = [0, EMPTY_HASH];
  for (const piece of pieces) {
    length += piece.length;
    hash = typeof piece === "string" ? hashOfText(piece, hash) : hashOf(piece, hash);
  }
  return `${typeof pieces[0] === "string" ? "text" : "bytes"} ${length} ${hash}`;
}

/** The line of a Close frame that is written. */
export function lineOfClose(code: number | undefined): string {
  return `> close ${code ?? "nothing"}`;
}

/** The line of the last call. */
export function lineOfFinish(
  code: number,
  reason: string,
  wasClean: boolean,
  initiator: string,
  failure: number | string | undefined,
): string {
  return `finish ${code} ${JSON.stringify(reason)} ${wasClean} ${initiator} ${failure ?? ""}`;
}

/** What the owner does, and inside of which call. */
export interface Reaction {
  /** The number of the call; messages, pings, pongs and the end are counted. */
  readonly at: number;
  readonly act: (protocol: Protocol, log: ProtocolLog) => void;
}

/** A protocol, and all that it did. */
export class ProtocolLog implements ProtocolSink {
  readonly lines: string[] = [];
  /** Reasons in our own Close frames. */
  readonly reasons: string[] = [];
  readonly protocol: Protocol;
  /** What `write()` answers. */
  flowing = true;
  finished = false;
  readonly #auditor: Auditor;
  readonly #reactions: readonly Reaction[];
  readonly #handed: [bytes: Uint8Array, hash: number][] = [];
  #calls = 0;
  // Of a message that comes in pieces.
  readonly #pieces: (string | Uint8Array)[] = [];

  constructor(
    role: Role,
    limits: MessageLimits,
    compression?: MessageCompression,
    reactions: readonly Reaction[] = [],
  ) {
    this.protocol = new Protocol(role, this, limits, compression);
    this.#auditor = new Auditor(role, compression !== undefined);
    this.#reactions = reactions;
  }

  write(bytes: Uint8Array, start: number, end: number): boolean {
    ensure(!this.finished, () => "a frame was written after finish()");
    const { opcode, fin, rsv1, payload } = this.#auditor.read(bytes, start, end);
    if (opcode === 8) {
      const code = payload.length === 0 ? undefined : payload[0]! * 256 + payload[1]!;
      this.lines.push(lineOfClose(code));
      this.reasons.push(digestOf(payload));
    } else {
      const name = opcode === 10 ? "pong" : `${opcode} ${fin} ${rsv1}`;
      this.lines.push(`> ${name} ${digestOf(payload)}`);
    }
    // Nothing is read of it again, and its memory is used again.
    bytes.fill(0xee, start, end);
    frameMemory.giveBack(bytes, start, end);
    return this.flowing;
  }

  message(data: string | Uint8Array, last: boolean): void {
    ensure(!this.finished, () => "a message came after finish()");
    this.#own(data);
    this.#pieces.push(data);
    if (!last) return;
    this.lines.push(`message ${digestOfPieces(this.#pieces.splice(0))}`);
    this.#react();
  }

  ping(payload: Uint8Array): void {
    this.#control("ping", payload);
  }

  pong(payload: Uint8Array): void {
    this.#control("pong", payload);
  }

  finish({ code, reason, wasClean, initiator, error }: ProtocolClose): void {
    ensure(!this.finished, () => "finish() was called twice");
    const failure = error instanceof ProtocolError ? error.statusCode : error?.name;
    this.lines.push(lineOfFinish(code, reason, wasClean, initiator, failure));
    if (error instanceof ProtocolError) this.reasons.push(`${error.section}: ${error.message}`);
    this.finished = true;
    this.#react();
  }

  /** What was handed out still is what it was, though the memory that it came in is not. */
  checkHanded(): void {
    for (const [bytes, hash] of this.#handed) {
      ensure(hashOf(bytes) === hash, () => "what was handed out has changed");
    }
  }

  #control(name: string, payload: Uint8Array): void {
    ensure(!this.finished, () => `a ${name} came after finish()`);
    this.#own(payload);
    this.lines.push(`${name} ${digestOf(payload)}`);
    this.#react();
  }

  #own(data: string | Uint8Array): void {
    if (typeof data === "string") return;
    ensure(Object.getPrototypeOf(data) === Uint8Array.prototype, () => "no plain Uint8Array");
    this.#handed.push([data, hashOf(data)]);
  }

  #react(): void {
    const call = this.#calls++;
    for (const { at, act } of this.#reactions) {
      if (at !== call) continue;
      try {
        act(this.protocol, this);
      } catch (error) {
        if (!(error instanceof ConnectionClosedError) || this.protocol.open) throw error;
      }
    }
  }
}
