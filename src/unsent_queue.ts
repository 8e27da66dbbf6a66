/**
 * Messages that wait for a connection: in order, bounded, and none dropped.
 *
 * @module
 */
import type { Connection, Message, Sendable } from "./connection.ts";
import { bytesOf } from "./outgoing_stream.ts";
import { copyOf } from "./protocol/bytes.ts";
import { ConnectionClosedError } from "./protocol/errors.ts";

/** How much may wait. */
export interface UnsentLimits {
  /** Bytes; the characters of texts count up to three each. */
  readonly maxQueuedBytes: number;
  /** Messages. */
  readonly maxQueuedMessages: number;
}

/** What was to be sent while no connection was open. */
export class UnsentQueue {
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
    let sent = 0;
    let message: Message | undefined;
    try {
      while ((message = this.#messages[sent]) !== undefined) {
        const flowing = socket.send(message);
        this.#size -= sizeOf(message);
        sent++;
        if (flowing) continue;
        this.#messages.splice(0, sent);
        sent = 0;
        await socket.drained();
      }
    } catch (error) {
      if (!(error instanceof ConnectionClosedError)) throw error;
    }
    this.#messages.splice(0, sent);
    return this.#messages.length === 0;
  }
}

function sizeOf(message: Message): number {
  if (typeof message !== "string") return message.length;
  let size = 0;
  for (let i = 0; i < message.length; i++) {
    const code = message.charCodeAt(i);
    size += code < 0x80 ? 1 : code < 0x800 ? 2 : 3;
  }
  return size;
}
