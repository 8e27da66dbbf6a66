/** One stream given to one protocol, in pieces. */
import type { MessageLimits } from "../../src/protocol/message_assembler.ts";
import type { MessageCompression } from "../../src/protocol/message_compression.ts";
import type { Protocol, Role } from "../../src/protocol/protocol.ts";
import { type Cut, feed } from "./cuts.ts";
import { ProtocolLog, type Reaction } from "./protocol_log.ts";
import { ensure } from "./target.ts";

/** What is done in the middle of a call. */
const ACTIONS: readonly Reaction["act"][] = [
  (protocol) => void protocol.sendText("in the middle of a call: é"),
  (protocol) => void protocol.sendBinary(new Uint8Array(200).fill(7)),
  (protocol) => void protocol.sendPing(Uint8Array.of(1, 2, 3)),
  (protocol) => void protocol.sendPong(),
  (protocol) => protocol.sendClose(1000),
  (protocol) => protocol.sendClose(4000, "why"),
  (protocol) => protocol.sendClose(),
  (protocol) => protocol.fail(1011, new Error("secret")),
  (protocol) => protocol.streamFromNowOn(),
  (_protocol, log) => void (log.flowing = false),
  (protocol, log) => {
    log.flowing = true;
    protocol.drained();
  },
  (protocol) => protocol.abandon("local", new Error("given up")),
  (protocol) => protocol.receiveEnd(),
];

/** Two things that the owner does, by two bytes. */
export function reactionsOf(one: number, other: number): Reaction[] {
  return [one, other].map((byte) => ({ at: byte >> 4, act: ACTIONS[(byte & 15) % ACTIONS.length]! }));
}

/** How the owner of a protocol behaves. */
export interface RunOptions {
  readonly limits: MessageLimits;
  readonly reactions: readonly Reaction[];
  /** Whether messages are handed on in pieces from the start. */
  readonly streaming: boolean;
  readonly compression?: () => MessageCompression;
}

/** What came of it, line by line. */
export interface Run {
  readonly lines: string;
  readonly reasons: string;
}

/** Gives the stream, its end and more than its end. */
export function run(role: Role, stream: Uint8Array, cut: Cut, options: RunOptions): Run {
  const log = new ProtocolLog(role, options.limits, options.compression?.(), options.reactions);
  const { protocol } = log;
  if (options.streaming) protocol.streamFromNowOn();
  feed(stream, cut, (chunk) => {
    protocol.receive(chunk);
    ensure(protocol.finished === log.finished, () => "finished is not what it says");
    return false;
  });
  protocol.receiveEnd();
  ensure(log.finished && !protocol.open, () => "it goes on after the end");
  afterTheEnd(protocol);
  log.checkHanded();
  return { lines: log.lines.join("\n"), reasons: log.reasons.join("\n") };
}

const TOO_LATE = new Error("too late");

/** The log fails at any call that comes of this. */
function afterTheEnd(protocol: Protocol): void {
  protocol.receive(Uint8Array.of(0x81, 0x01, 0x61, 0x81, 0x81, 0, 0, 0, 0, 0x61));
  protocol.receiveEnd();
  protocol.drained();
  protocol.sendClose(1000);
  protocol.fail(1011, TOO_LATE);
}

/** Every split must give the same result. Returns the lines. */
export function sameForAll(cuts: readonly Cut[], run: (cut: Cut) => Run): string {
  let first: Run | undefined;
  for (const cut of cuts) {
    const each = run(cut);
    first ??= each;
    const { lines, reasons } = first;
    ensure(each.lines === lines, () => `one cut:\n${lines}\nanother:\n${each.lines}`);
    ensure(each.reasons === reasons, () => `one cut:\n${reasons}\nanother:\n${each.reasons}`);
  }
  return first?.lines ?? "";
}
