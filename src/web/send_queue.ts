/**
 * The messages sent by a {@linkcode WebSocket}, in order: a `Blob` must be read first, and later messages wait for
 * it.
 *
 * @module
 */
import type { Connection } from "../connection/connection.ts";
import { copyOf } from "../protocol/bytes.ts";
import { ConnectionClosedError } from "../protocol/errors.ts";
import type { BufferedAmount } from "./buffered_amount.ts";
import type { CloseRequest } from "./establish.ts";

/** A message that `send()` has read from its argument. */
export type QueuedMessage = string | Uint8Array | Blob;

/** Counted for each waiting message besides its bytes, so that empty ones are not free. */
const OVERHEAD = 16;

/** The outgoing messages of one WebSocket. */
export class SendQueue {
  readonly #connection: Pick<Connection<unknown>, "send" | "close" | "readyState" | "bufferedAmount">;
  readonly #limit: number;
  readonly #failed: (error: unknown) => void;
  readonly #amount: BufferedAmount;
  // A Blob that is being read, and what was sent after it.
  #waiting: QueuedMessage[] = [];
  #waitingSize = 0;
  #closeRequest: CloseRequest | undefined;

  /**
   * Counts in `amount`. `limit` is the most bytes that may wait for a `Blob`. `failed` is called when a message
   * cannot be sent after all.
   */
  constructor(
    connection: Pick<Connection<unknown>, "send" | "close" | "readyState" | "bufferedAmount">,
    amount: BufferedAmount,
    limit: number,
    failed: (error: unknown) => void,
  ) {
    this.#connection = connection;
    this.#amount = amount;
    this.#limit = limit;
    this.#failed = failed;
  }

  /** Sends a message, now or in its turn. */
  send(message: QueuedMessage): void {
    if (this.#waiting.length === 0 && !(message instanceof Blob)) return this.#transmit(message);
    const size = payloadSize(message);
    const cost = this.#waitingSize + OVERHEAD * this.#waiting.length + size;
    if (this.#waiting.length > 0 && cost > this.#limit) {
      this.#amount.unsendable(size);
      return this.#failed(
        new ConnectionClosedError(
          `Cannot send: ${cost} bytes would wait for a Blob that is being read, more than maxBufferedAmount.`,
        ),
      );
    }
    this.#waitingSize += size;
    this.#waiting.push(message instanceof Uint8Array ? copyOf(message, 0, message.length) : message);
    if (this.#waiting.length === 1) void this.#readBlobs();
  }

  /** Starts the closing handshake after everything sent has gone out. */
  close(request: CloseRequest): void {
    this.#closeRequest = request;
    if (this.#waiting.length === 0) this.#close();
  }

  /** Payload bytes that have not been handed to the network. */
  get bufferedAmount(): number {
    if (this.#connection.readyState !== "closed") this.#amount.waiting(this.#connection.bufferedAmount);
    return this.#amount.value + this.#waitingSize;
  }

  /** The connection has ended. */
  end(clean: boolean): void {
    this.#amount.end(clean);
    this.#amount.unsendable(this.#waitingSize);
    this.#waiting = [];
    this.#waitingSize = 0;
  }

  async #readBlobs(): Promise<void> {
    while (this.#waiting.length > 0) {
      const message = this.#waiting[0]!;
      let data: string | Uint8Array;
      try {
        data = message instanceof Blob ? new Uint8Array(await message.arrayBuffer()) : message;
      } catch (error) {
        return this.#failed(error);
      }
      // The connection may have ended meanwhile.
      if (this.#waiting.shift() === undefined) return;
      this.#waitingSize -= payloadSize(message);
      this.#transmit(data);
    }
    if (this.#closeRequest !== undefined) this.#close();
  }

  #close(): void {
    const { code, reason } = this.#closeRequest!;
    void this.#connection.close(code, reason);
  }

  #transmit(message: string | Uint8Array): void {
    const connection = this.#connection;
    const before = connection.bufferedAmount;
    this.#amount.waiting(before);
    // WebSockets Standard, send(): what comes after the start of the closing handshake is not sent, without an error.
    if (connection.readyState !== "open") return this.#amount.unsendable(payloadSize(message));
    try {
      connection.send(message);
    } catch (error) {
      this.#amount.unsendable(payloadSize(message));
      return this.#failed(error instanceof ConnectionClosedError ? tooMuch(before) : error);
    }
    this.#amount.sent(payloadSize(message), connection.bufferedAmount - before);
  }
}

/** The connection's own message gives advice that does not apply here. */
function tooMuch(waiting: number): ConnectionClosedError {
  return new ConnectionClosedError(
    `Cannot send: ${waiting} bytes wait for a peer that does not read, and this message would pass maxBufferedAmount. ` +
      "Check bufferedAmount before each send().",
    undefined,
    "maxBufferedAmount",
  );
}

/** Payload size in bytes. */
export function payloadSize(message: QueuedMessage): number {
  if (typeof message === "string") return new TextEncoder().encode(message).length;
  return message instanceof Blob ? message.size : message.length;
}
