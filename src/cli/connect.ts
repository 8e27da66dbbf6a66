/**
 * `woshou connect`: an echo client, or an interactive one.
 *
 * @module
 */
import process from "node:process";
import { createInterface } from "node:readline";
import { connect } from "../client/connect.ts";
import type { Connection } from "../connection/connection.ts";
import type { Message } from "../connection/message.ts";
import { HandshakeError } from "../handshake/handshake_error.ts";
import { type Close, ConnectionClosedError } from "../protocol/errors.ts";
import { type ConnectArguments, UsageError } from "./arguments.ts";
import { ECHO } from "./echo.ts";

const BUFFER = 16 * 1024 * 1024;
const SHOWN_BYTES = 32;

/**
 * Connects and runs until the connection has ended. Resolves with the exit code. Rejects with a `UsageError` for a
 * repeated subprotocol.
 */
export async function runClient(settings: ConnectArguments): Promise<number> {
  const { url, echo, protocols, maxMessageSize, maxFragments, compression, handshakeTimeout, closeTimeout } =
    settings;
  let socket: Connection;
  try {
    socket = await connect(url, {
      protocols,
      // The buffer must have room for one message beside what already waits, or it could be received but not echoed.
      ...(maxMessageSize === undefined ? {} : { maxMessageSize, maxBufferedAmount: BUFFER + maxMessageSize }),
      ...(maxFragments === undefined ? {} : { maxFragments }),
      ...(compression === undefined ? {} : { compression }),
      ...(handshakeTimeout === undefined ? {} : { handshakeTimeout }),
      ...(closeTimeout === undefined ? {} : { closeTimeout }),
    }, echo ? ECHO : undefined);
  } catch (error) {
    if (error instanceof SyntaxError) throw new UsageError(error.message);
    if (!(error instanceof HandshakeError)) throw error;
    console.error(`woshou: ${visible(error.message)}`);
    return echo ? 0 : 1;
  }
  const stop = (): void => void socket.close();
  process.once("SIGINT", stop);
  try {
    if (!echo) await converse(socket);
    const close = await socket.closed;
    if (!echo) console.error(`woshou: ${endOf(close)}`);
    return echo || close.wasClean ? 0 : 1;
  } finally {
    process.removeListener("SIGINT", stop);
  }
}

async function converse(socket: Connection): Promise<void> {
  const lines = createInterface({ input: process.stdin });
  const sending = sendLines(socket, lines);
  for await (const message of socket) console.log(lineOf(message));
  lines.close();
  process.stdin.destroy();
  await sending;
}

async function sendLines(socket: Connection, lines: AsyncIterable<string>): Promise<void> {
  try {
    for await (const line of lines) {
      if (!socket.send(line)) await socket.drained();
    }
  } catch (error) {
    if (!(error instanceof ConnectionClosedError)) throw error;
  }
  await socket.close();
}

function lineOf(message: Message): string {
  if (typeof message === "string") return visible(message);
  const shown = Array.from(message.subarray(0, SHOWN_BYTES), (byte) => byte.toString(16).padStart(2, "0"));
  if (message.length > SHOWN_BYTES) shown.push("...");
  return [`(${message.length} bytes)`, ...shown].join(" ");
}

function endOf({ code, reason, wasClean, error }: Close): string {
  const why = [visible(reason), ...(wasClean || error === undefined ? [] : [visible(error.message)])];
  return [`the connection has ended with ${code}`, ...why.filter((text) => text !== "")].join(": ");
}

/** The text on one line, safe for a terminal: control characters and bidirectional overrides are escaped. */
export function visible(text: string): string {
  return text.replace(
    /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}\p{Cs}]/gu,
    (character) => ESCAPES[character] ?? `\\u{${character.codePointAt(0)!.toString(16)}}`,
  );
}

const ESCAPES: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };
