/** One end of two that are joined: a protocol, what it sent and what it received, in order. */
import { frameMemory } from "../../../src/protocol/frame_memory.ts";
import type { MessageLimits } from "../../../src/protocol/message_assembler.ts";
import type { PermessageDeflate } from "../../../src/permessage_deflate/permessage_deflate.ts";
import { ConnectionClosedError } from "../../../src/protocol/errors.ts";
import { Protocol, type ProtocolClose, type ProtocolSink } from "../../../src/protocol/protocol.ts";
import type { StrictInflater } from "../../permessage_deflate/strict_inflater.ts";
import { Auditor } from "../audit.ts";
import { digestOf, digestOfPieces } from "../protocol_log.ts";
import { hashOf, joined } from "../random.ts";
import { ensure } from "../target.ts";
import type { Side } from "./operations.ts";

const encoder = new TextEncoder();

/** A message that is being sent in fragments. */
interface Begun {
  readonly type: "text" | "binary";
  readonly compress: boolean;
  readonly pieces: (string | Uint8Array)[];
}

export class End implements ProtocolSink {
  readonly side: Side;
  readonly protocol: Protocol;
  peer!: End;
  /** What went out, in order, each as the peer must see it. */
  readonly sent: string[] = [];
  /** How much of what the peer sent has come. */
  received = 0;
  /** Bytes on their way to the peer. */
  readonly lane: Uint8Array[] = [];
  /** Nothing follows what is on its way. */
  laneEnded = false;
  close: ProtocolClose | undefined;
  /** Whether this end failed, died or was reset: what comes is no longer looked at. */
  broken = false;
  begun: Begun | undefined;
  readonly #auditor: Auditor;
  #strict: StrictInflater | undefined;
  #flowing = true;
  #everCongested = false;
  // A write was answered with false, and nothing has drained since.
  #full = false;
  #pings = 0;
  #answers = 0;
  #calling: "ping" | "pong" | undefined;
  // The message that is being sent, and its payload so far.
  #message: string | Uint8Array = "";
  #payload: Uint8Array[] = [];
  #compressed = false;
  readonly #pieces: (string | Uint8Array)[] = [];

  constructor(
    side: Side,
    limits: MessageLimits,
    compression: PermessageDeflate | undefined,
    strict: StrictInflater | undefined,
  ) {
    this.side = side;
    this.protocol = new Protocol(side, this, limits, compression);
    this.#auditor = new Auditor(side, compression !== undefined);
    this.#strict = strict;
  }

  /** Calls the protocol; it must refuse if, and only if, it is not open. */
  call(what: "message" | "ping" | "pong", act: (protocol: Protocol) => unknown): boolean {
    const { open } = this.protocol;
    this.#calling = what === "message" ? undefined : what;
    try {
      act(this.protocol);
      ensure(open, () => `the ${this.side} sent a ${what}, though it is not open`);
    } catch (error) {
      if (open || !(error instanceof ConnectionClosedError)) throw error;
    } finally {
      this.#calling = undefined;
    }
    return open;
  }

  /** The message that goes out next, or whose last fragment does. */
  announce(message: string | Uint8Array): void {
    this.#message = message;
  }

  congest(): void {
    this.#flowing = false;
    this.#everCongested = true;
  }

  drain(): void {
    this.#flowing = true;
    this.#full = false;
    this.protocol.drained();
  }

  write(bytes: Uint8Array, start: number, end: number): boolean {
    ensure(this.close === undefined, () => "a frame was written after finish()");
    const { opcode, fin, rsv1, payload } = this.#auditor.read(bytes, start, end);
    const own = bytes.slice(start, end);
    this.lane.push(own);
    if (opcode === 8) this.#wroteClose(payload);
    else if (opcode === 9) this.#wrote("ping", payload);
    else if (opcode === 10) this.#wrotePong(payload);
    else this.#wroteData(fin, rsv1, opcode !== 0, payload);
    frameMemory.giveBack(bytes, start, end);
    if (!this.#flowing) this.#full = true;
    return this.#flowing;
  }

  message(data: string | Uint8Array, last: boolean): void {
    this.#pieces.push(data);
    if (last) this.#came(`message ${digestOfPieces(this.#pieces.splice(0))}`);
  }

  ping(payload: Uint8Array): void {
    this.#came(`ping ${digestOf(payload)}`);
    this.#pings++;
    ensure(
      this.#everCongested || !this.protocol.open || this.#answers === this.#pings,
      () => "a ping was not answered",
    );
  }

  pong(payload: Uint8Array): void {
    this.#came(`pong ${digestOf(payload)}`);
  }

  finish(close: ProtocolClose): void {
    ensure(this.close === undefined, () => "finish() was called twice");
    this.close = close;
    if (close.wasClean) this.#came(`close ${close.code} ${close.reason}`);
    this.laneEnded = true;
  }

  #came(line: string): void {
    ensure(this.close === undefined || line.startsWith("close"), () => `${line} came after finish()`);
    const expected = this.peer.sent[this.received++];
    ensure(line === expected, () => `the ${this.side} received ${line}, where ${expected} was sent`);
  }

  #wrote(what: "ping" | "pong", payload: Uint8Array): void {
    this.sent.push(`${what} ${digestOf(payload)}`);
  }

  /** A pong that answers carries what a ping did that came and was not answered; older ones it answers as well. */
  #wrotePong(payload: Uint8Array): void {
    this.#wrote("pong", payload);
    if (this.#calling === "pong") return;
    this.#answers++;
    ensure(!this.#full, () => "a ping was answered while nothing flows");
    const answers = digestOf(payload);
    // The ping event follows its answer, so the peer's record shows what the ping was.
    const pings = this.peer.sent.slice(0, this.received + 1).filter((line) => line.startsWith("ping"));
    ensure(pings.includes(`ping ${answers}`), () => "a pong answers no ping");
    ensure(this.#everCongested || pings.at(-1) === `ping ${answers}`, () => "a pong answers another ping");
  }

  #wroteClose(payload: Uint8Array): void {
    const code = payload.length === 0 ? 1005 : payload[0]! * 256 + payload[1]!;
    this.sent.push(`close ${code} ${new TextDecoder().decode(payload.subarray(2))}`);
  }

  #wroteData(fin: boolean, rsv1: boolean, first: boolean, payload: Uint8Array): void {
    if (first) this.#compressed = rsv1;
    this.#payload.push(payload);
    if (!fin) return;
    const whole = joined(this.#payload.splice(0));
    const expected = typeof this.#message === "string" ? encoder.encode(this.#message) : this.#message;
    if (!this.#compressed) {
      ensure(hashOf(whole) === hashOf(expected), () => "another payload was written");
    } else if (this.#strict !== undefined) {
      const { length } = expected;
      if (length > 400) this.#strict = undefined;
      else {ensure(hashOf(this.#strict.message(whole)) === hashOf(expected), () =>
          "another payload was compressed");}
    }
    this.sent.push(`message ${digestOf(this.#message)}`);
  }
}
