/**
 * The parts of a connection, and what connections share.
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

/** What the connections of one server share; a client's connection has its own. */
export interface ConnectionHome<Socket> {
  /** Which side this is. */
  readonly role: Role;
  /** Limits and deadlines. */
  readonly settings: ConnectionSettings;
  /** The topics to subscribe to; none on a client. */
  readonly topics?: ConnectionTopics;
  /** Makes the request of the opening handshake from the text of its head. */
  request?(head: string, transport: Transport): Request;
  /** Called with what the application's handler threw. */
  handlerFailed(error: unknown): void;
  /** Called when a limit of a connection is reached. */
  limitReached?(limit: ConnectionLimit, socket: Socket, message: () => string): void;
  /** Called when a connection starts. Returns a number for `ended()`. */
  began?(socket: Socket, compression: MessageCompression | undefined): number;
  /** Called when a connection has ended. */
  ended?(socket: Socket, compression: MessageCompression | undefined, place: number): void;
}

/** The parts of a connection. */
export interface ConnectionInit<Socket, Data> {
  /** What it shares with others. */
  readonly home: ConnectionHome<Socket>;
  /** The byte stream after the opening handshake. */
  readonly transport: Transport;
  /** The pause state of the stream, if the opening handshake already used it. */
  readonly reading?: Reading | undefined;
  /** The subprotocol, `""` for none. */
  readonly protocol: string;
  /** The negotiated extensions, as in the header. */
  readonly extensions: string;
  /** The extension that compresses messages, if negotiated. */
  readonly compression?: MessageCompression | undefined;
  /** The application's data. */
  readonly data: Data;
  /** The request of the opening handshake, or the text of its head, from which the request is made on demand. */
  readonly request: string | Request | undefined;
}
