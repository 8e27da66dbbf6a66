/**
 * What a connection is made of, and what it shares with others.
 *
 * @module
 */
import type { ConnectionLimit } from "../protocol/errors.ts";
import type { MessageCompression } from "../protocol/message_compression.ts";
import type { Role } from "../protocol/protocol.ts";
import type { Transport } from "../transport/transport.ts";
import type { ConnectionSettings } from "./options.ts";
import type { Reading } from "./reading.ts";
import type { ConnectionTopics } from "./subscriptions.ts";

/** What a connection shares with the others of its server; a client's has it for itself. */
export interface ConnectionHome<Socket> {
  /** Which end this is. */
  readonly role: Role;
  /** Limits and deadlines. */
  readonly settings: ConnectionSettings;
  /** What it may subscribe to; a client's connection has none. */
  readonly topics?: ConnectionTopics;
  /** The request of an opening handshake, made of the text of its head. */
  request?(head: string, transport: Transport): Request;
  /** Told of what the application's handler threw. */
  handlerFailed(error: unknown): void;
  /** Told that one of its connection's limits was reached. */
  limitReached?(limit: ConnectionLimit, socket: Socket, message: () => string): void;
  /** Told that a connection begins. Answers its place, for `ended()`. */
  began?(socket: Socket, compression: MessageCompression | undefined): number;
  /** Told that a connection has ended. */
  ended?(socket: Socket, compression: MessageCompression | undefined, place: number): void;
}

/** What a connection is made of. */
export interface ConnectionInit<Socket, Data> {
  /** What it shares with others. */
  readonly home: ConnectionHome<Socket>;
  /** The stream of bytes, behind the opening handshake. */
  readonly transport: Transport;
  /** Whether that is read, where the opening handshake had to do with it. */
  readonly reading?: Reading | undefined;
  /** The subprotocol, `""` for none. */
  readonly protocol: string;
  /** The extensions in use, as the opening handshake named them. */
  readonly extensions: string;
  /** The one that compresses messages, if it is among them. */
  readonly compression?: MessageCompression | undefined;
  /** The application's own. */
  readonly data: Data;
  /** The request of the opening handshake, or the text of its head, of which it is made when it is asked for. */
  readonly request: string | Request | undefined;
}
