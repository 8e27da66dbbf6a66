/**
 * Messages that wait for a connection: in order, bounded, and none dropped.
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
  /** Bytes; the characters of texts count up to three each. */
  readonly maxQueuedBytes: number;
  /** Messages. */
  readonly maxQueuedMessages: number;
}

/** What was to be sent while no connection was open. */
export class MessagesAwaitingConnection {
  readonly #limits: UnsentLimits;
  #messages: Message[] = [];
  #size = 0;

  /** An empty one. */
  constructor(limits: UnsentLimits) {
    this.#limits = limits;
  }

  /** Those that wait, the oldest first. */
  get messages(): readonly Message[] {
    return this.#messages;
  }

  /** Bytes that wait. */
  get size(): number {
    return this.#size;
  }

  /**
   * Keeps a copy. Throws a `ConnectionClosedError` when there is no room, a `RangeError` when there never would be, and
   * a `TypeError` for what cannot be sent.
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
          `one already (maxQueuedMessages, maxQueuedBytes). Await drained() whenever send() answers false.`,
      );
    }
    this.#messages.push(typeof message === "string" ? message : copyOf(message, 0, message.length));
    this.#size += size;
  }

  /** Sends all of it, at the pace of the connection. Answers whether all of it went; the rest waits on. */
  async flush(socket: Connection): Promise<boolean> {
    try {
      while (!this.#handOver(socket)) {
        await socket.drained();
        const next = this.#messages[0];
        // `drained()` knows the high-water mark alone. What was sent before a pong has gone.
        if (next !== undefined && !hasRoom(socket, next)) await socket.ping();
      }
    } catch (error) {
      if (!(error instanceof ConnectionClosedError)) throw error;
    }
    return this.#messages.length === 0;
  }

  /** Sends what the connection takes now. Answers whether it goes on at once: nothing is left, and the buffer has room. */
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
      // Beside a streamed message this one costs more than the buffer holds: it waits for the end of that.
      if (error instanceof RangeError && !fitsBesideStream(socket, this.#messages[sent]!)) return false;
      throw error;
    } finally {
      this.#messages.splice(0, sent);
    }
  }
}

/** Whether the message is not one too many, for which `send()` would fail the connection. */
function hasRoom(socket: Connection, message: Message): boolean {
  return socket.bufferedAmount === 0 || fitsBesideStream(socket, message);
}

function fitsBesideStream(socket: Connection, message: Message): boolean {
  return socket.bufferedAmount + deferredSize(message) <= settingsOf(socket).maxBufferedAmount;
}

function sizeOf(message: Message): number {
  return typeof message === "string" ? utf8Length(message) : message.length;
}
