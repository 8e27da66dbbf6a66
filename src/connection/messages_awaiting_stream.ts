/**
 * Outgoing messages while one of them is streamed. The fragments of two messages must not be mixed (RFC 6455, section
 * 5.4), so later messages wait.
 *
 * @module
 */
import { utf8Length } from "../protocol/utf8.ts";
import type { Liveness } from "./liveness.ts";
import type { FramesToSend } from "./frames_to_send.ts";
import { type FragmentSource, sendFragments } from "./outgoing_stream.ts";
import { copyOf } from "../protocol/bytes.ts";
import type { Protocol } from "../protocol/protocol.ts";
import { INTERNAL_ERROR } from "../protocol/status_code.ts";

/** What this needs of the connection. */
export interface MessagesAwaitingStreamOwner {
  readonly protocol: Protocol;
  readonly framesToSend: FramesToSend;
  readonly liveness: Liveness;
  /** The error for an operation on a closed connection. */
  closedError(what: string): Error;
  /** A fragment of a streamed message is about to be sent. */
  fragmentGoesOut(): void;
  /** An accepted message can no longer be sent. */
  messageLost(): void;
  /** No message is in the middle of its fragments; others may be sent at once. */
  betweenMessages(): void;
}

/** A message that waits for a streamed one. */
interface DeferredMessage {
  readonly data: string | Uint8Array;
  readonly compress: boolean | undefined;
}

interface StreamedMessage {
  readonly source: FragmentSource;
  readonly compress: boolean | undefined;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

// Counted for each waiting message beside its bytes, so that many empty ones are not free.
const DEFERRED_OVERHEAD = 64;

/** The size in bytes that a waiting message counts. */
export function deferredSize(message: string | Uint8Array): number {
  return DEFERRED_OVERHEAD + (typeof message === "string" ? utf8Length(message) : message.length);
}

/** The messages of one connection that wait for a streamed one. */
export class MessagesAwaitingStream {
  readonly #owner: MessagesAwaitingStreamOwner;
  readonly #waiting: (DeferredMessage | StreamedMessage)[] = [];
  #size = 0;
  #between = false;
  #compressing: Promise<void> | undefined;
  #run: Promise<void> | undefined;
  // Ends the current streamed message, even while its source is being awaited.
  #stop: ((error: Error) => void) | undefined;

  /** Starts empty. */
  constructor(owner: MessagesAwaitingStreamOwner) {
    this.#owner = owner;
  }

  /** Settles when nothing waits any more; `undefined` if nothing waits and messages may be sent directly. */
  get busy(): Promise<void> | undefined {
    return this.#run;
  }

  /** Whether other messages must wait for a stream (RFC 6455, section 5.4). */
  get occupied(): boolean {
    return this.#run !== undefined && !this.#between;
  }

  /** Settles when the current compressed stream has ended; `undefined` if there is none. */
  get compressing(): Promise<void> | undefined {
    return this.#compressing;
  }

  /** Bytes that wait, plus the overhead of each message. */
  get size(): number {
    return this.#size;
  }

  /** Sends a message in its turn; bytes are copied. */
  defer(message: string | Uint8Array, compress: boolean | undefined): void {
    const data = typeof message === "string" ? message : copyOf(message, 0, message.length);
    this.#waiting.push({ data, compress });
    this.#size += deferredSize(data);
  }

  /** Sends a streamed message in its turn. Settles when its last fragment was accepted, or when it failed. */
  stream(source: FragmentSource, compress: boolean | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ source, compress, resolve, reject });
      this.#run ??= this.#work();
    });
  }

  /** The connection has ended: the current stream is given up. */
  end(): void {
    this.#stop?.(this.#owner.closedError("send the rest of the message"));
  }

  async #work(): Promise<void> {
    const { protocol, liveness } = this.#owner;
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      if ("source" in next) {
        // Streams may follow each other without a pause: other waiting data goes out between them.
        this.#between = true;
        this.#owner.betweenMessages();
        this.#between = false;
        await this.#stream(next);
      } else {
        // A message overtaken by the peer's Close frame stays in bufferedAmount, so that its loss can be seen.
        if (!protocol.open) {
          this.#owner.messageLost();
          continue;
        }
        const { data, compress } = next;
        this.#size -= deferredSize(data);
        liveness.message();
        if (typeof data === "string") protocol.sendText(data, compress);
        else protocol.sendBinary(data, compress);
      }
    }
    this.#run = undefined;
    this.#owner.betweenMessages();
  }

  async #stream({ source, compress, resolve, reject }: StreamedMessage): Promise<void> {
    const { protocol, framesToSend, liveness } = this.#owner;
    let begun = false;
    let ended!: () => void;
    const end = new Promise<void>((resolve) => (ended = resolve));
    try {
      await sendFragments(source, async (type, data, first, last) => {
        if (!protocol.open) throw this.#owner.closedError("send the rest of the message");
        begun = true;
        if (compress && protocol.compression !== undefined) this.#compressing = end;
        liveness.message();
        this.#owner.fragmentGoesOut();
        if (!protocol.sendFragment(type, data, first, last, compress)) await framesToSend.drained();
      }, (stop) => {
        this.#stop = stop;
        if (!protocol.open) stop(this.#owner.closedError("send the message"));
      });
      resolve();
    } catch (error) {
      if (begun && protocol.open) {
        const cause = error instanceof Error
          ? error
          : new Error("The source of a message failed.", { cause: error });
        protocol.fail(INTERNAL_ERROR, cause);
      }
      reject(error);
    } finally {
      this.#stop = undefined;
      if (this.#compressing !== undefined) {
        this.#compressing = undefined;
        // Another stream may follow at once: this is the only moment for an overdue ping.
        liveness.pingIfDue();
        ended();
      }
    }
  }
}
