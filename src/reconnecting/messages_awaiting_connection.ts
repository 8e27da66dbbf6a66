/**
 * Messages that wait for a connection: in order, bounded, none dropped.
 *
 * @module
 */
import { utf8Length } from "../protocol/utf8.ts";
import { type Connection, settingsOf } from "../connection/connection.ts";
import type { Message, Sendable } from "../connection/message.ts";
import { deferredSize } from "../connection/messages_awaiting_stream.ts";
import { bytesOf } from "../connection/outgoing_stream.ts";
import { copyOf } from "../protocol/bytes.ts";
import { ConnectionClosedError } from "../protocol/errors.ts";

/** How much may wait. */
export interface UnsentLimits {
  /** Bytes; text counts up to three per character. */
  readonly maxQueuedBytes: number;
  /** Messages. */
  readonly maxQueuedMessages: number;
}

/** Messages sent while no connection was open. */
export class MessagesAwaitingConnection {
  readonly #limits: UnsentLimits;
  #messages: Message[] = [];
  #size = 0;

  /** Starts empty. */
  constructor(limits: UnsentLimits) {
    this.#limits = limits;
  }

  /** The waiting messages, oldest first. */
  get messages(): readonly Message[] {
    return this.#messages;
  }

  /** Waiting bytes. */
  get size(): number {
    return this.#size;
  }

  /**
   * Keeps a copy. Throws a `ConnectionClosedError` if there is no room, a `RangeError` if the message alone is too
   * large, and a `TypeError` if it cannot be sent.
   */
  push(data: Sendable): void {
    const message = typeof data === "string" ? data : bytesOf(data);
    const size = sizeOf(message);
    const { maxQueuedBytes, maxQueuedMessages } = this.#limits;
    if (size > maxQueuedBytes) {
      throw new RangeError(`Cannot queue a message of ${size} bytes: it is larger than maxQueuedBytes.`);
    }
    if (this.#size + size > maxQueuedBytes || this.#messages.length >= maxQueuedMessages) {
      throw new ConnectionClosedError(
        `Cannot send: no connection is open, and ${this.#messages.length} messages of ${this.#size} bytes wait for ` +
          `one already (maxQueuedMessages, maxQueuedBytes). Await drained() whenever send() returns false.`,
      );
    }
    this.#messages.push(typeof message === "string" ? message : copyOf(message, 0, message.length));
    this.#size += size;
  }

  /** Sends everything at the pace of the connection. Resolves with whether everything was sent; the rest keeps waiting. */
  async flush(socket: Connection): Promise<boolean> {
    try {
      while (!this.#handOver(socket)) {
        await socket.drained();
        const next = this.#messages[0];
        // `drained()` only knows the high-water mark. What was sent before a pong has left the buffer.
        if (next !== undefined && !hasRoom(socket, next)) await socket.ping();
      }
    } catch (error) {
      if (!(error instanceof ConnectionClosedError)) throw error;
    }
    return this.#messages.length === 0;
  }

  /**
   * Sends what the connection takes now. Returns whether to continue at once: nothing is left, and the buffer has
   * room.
   */
  #handOver(socket: Connection): boolean {
    let sent = 0;
    try {
      for (const message of this.#messages) {
        if (socket.readyState !== "open" || !hasRoom(socket, message)) return false;
        const flowing = socket.send(message);
        this.#size -= sizeOf(message);
        sent++;
        if (!flowing) return false;
      }
      return true;
    } catch (error) {
      // Together with a streamed message this one exceeds the buffer: wait until the stream ends.
      if (error instanceof RangeError && !fitsBesideStream(socket, this.#messages[sent]!)) return false;
      throw error;
    } finally {
      this.#messages.splice(0, sent);
    }
  }
}

/** Whether the message fits; if not, `send()` would fail the connection. */
function hasRoom(socket: Connection, message: Message): boolean {
  return socket.bufferedAmount === 0 || fitsBesideStream(socket, message);
}

function fitsBesideStream(socket: Connection, message: Message): boolean {
  return socket.bufferedAmount + deferredSize(message) <= settingsOf(socket).maxBufferedAmount;
}

function sizeOf(message: Message): number {
  return typeof message === "string" ? utf8Length(message) : message.length;
}
