/** What must come of a stream of frames, by the letter of RFC 6455, sections 5 to 8, read whole and without any speed. */
import type { MessageLimits } from "../../src/protocol/message_assembler.ts";
import { isLawfulCode, UTF8, UTF8_BEGUN } from "./audit.ts";
import { latin1Text } from "./heads.ts";
import { digestOf, lineOfClose, lineOfFinish } from "./protocol_log.ts";
import { joined } from "./random.ts";

interface Message {
  readonly text: boolean;
  readonly pieces: Uint8Array[];
  size: number;
  fragments: number;
}

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** The calls that a protocol makes whose owner does nothing but listen; reasons of our own are left out. */
export function expectedOf(role: "client" | "server", stream: Uint8Array, limits: MessageLimits): string[] {
  const lines: string[] = [];
  const code = read(role, stream, limits, lines);
  if (code !== undefined) lines.push(lineOfClose(code), lineOfFinish(1006, "", false, "remote", code));
  else if (!lines.at(-1)?.startsWith("finish")) {
    lines.push(lineOfFinish(1006, "", false, "remote", undefined));
  }
  return lines;
}

/** Collects frames until the stream or connection ends. Returns our status code if we fail the connection. */
function read(
  role: "client" | "server",
  stream: Uint8Array,
  limits: MessageLimits,
  lines: string[],
): number | undefined {
  const masked = role === "server";
  let message: Message | undefined;
  for (let at = 0; stream.length - at >= 2;) {
    const [first, second] = [stream[at]!, stream[at + 1]!];
    const opcode = first & 15;
    const fin = first >= 128;
    const control = opcode >= 8;
    if ((first & 0x70) !== 0 || (opcode & 7) > 2 || (second >= 128) !== masked) return 1002;
    if (control && (!fin || (second & 127) > 125)) return 1002;
    const extended = (second & 127) === 126 ? 2 : (second & 127) === 127 ? 8 : 0;
    const size = 2 + extended + (masked ? 4 : 0);
    if (stream.length - at < size) return undefined;
    let length = BigInt(second & 127);
    if (extended > 0) {
      length = stream.subarray(at + 2, at + 2 + extended).reduce(
        (sum, byte) => sum * 256n + BigInt(byte),
        0n,
      );
    }
    if (length >= 2n ** 63n) return 1002;
    if (length >= 2n ** 53n) return 1009;
    if ((extended === 2 && length < 126n) || (extended === 8 && length < 65536n)) return 1002;
    at += size;
    const key = stream.subarray(at - 4, at);
    const payload = stream.slice(at, at + Number(length));
    const whole = payload.length === Number(length);
    if (masked) { for (let i = 0; i < payload.length; i++) payload[i]! ^= key[i % 4]!; }
    at += payload.length;
    if (control) {
      if (!whole) return undefined;
      if (opcode === 8) return close(role, payload, lines);
      if (opcode === 9) lines.push(`> pong ${digestOf(payload)}`);
      lines.push(`${opcode === 9 ? "ping" : "pong"} ${digestOf(payload)}`);
      continue;
    }
    if ((opcode === 0) !== (message !== undefined)) return 1002;
    message ??= { text: opcode === 1, pieces: [], size: 0, fragments: 0 };
    message.size += Number(length);
    if (message.size > limits.maxMessageSize) return 1009;
    if (++message.fragments > limits.maxFragments) return 1008;
    message.pieces.push(payload);
    const bytes = joined(message.pieces);
    if (message.text && !(fin && whole ? UTF8 : UTF8_BEGUN).test(latin1Text(bytes))) return 1007;
    if (!whole) return undefined;
    if (!fin) continue;
    lines.push(`message ${digestOf(message.text ? decoder.decode(bytes) : bytes)}`);
    message = undefined;
  }
  return undefined;
}

function close(role: "client" | "server", payload: Uint8Array, lines: string[]): number | undefined {
  if (payload.length === 1) return 1002;
  const code = payload.length === 0 ? 1005 : payload[0]! * 256 + payload[1]!;
  if (payload.length > 0 && !isLawfulCode(code)) return 1002;
  const reason = payload.subarray(2);
  if (!UTF8.test(latin1Text(reason))) return 1007;
  lines.push(lineOfClose(code === 1005 || (code === 1010 && role === "server") ? undefined : code));
  lines.push(lineOfFinish(code, decoder.decode(reason), true, "remote", undefined));
  return undefined;
}
