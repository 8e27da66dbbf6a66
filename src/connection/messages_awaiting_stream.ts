/**
 * Messages on their way out while one of them is streamed: the fragments of two must not be mixed (RFC 6455,
 * section 5.4), so that whatever is sent meanwhile waits for its turn.
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

/** What the connection lends. */
export interface MessagesAwaitingStreamOwner {
  readonly protocol: Protocol;
  readonly framesToSend: FramesToSend;
  readonly liveness: Liveness;
  /** Why nothing more can be sent. */
  closedError(what: string): Error;
  /** A fragment of a streamed message goes out. */
  fragmentGoesOut(): void;
  /** A message that was accepted can be sent no more. */
  messageLost(): void;
  /** No message is in the midst of its fragments any more; others may follow at once. */
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

// What a message costs beside its bytes while it waits, so that many empty ones do not wait for nothing.
const DEFERRED_OVERHEAD = 64;

/** What a message that waits for a streamed one counts, in bytes. */
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
  // Ends the streamed message at hand, even while its source is waited for.
  #stop: ((error: Error) => void) | undefined;

  /** Nothing waits yet. */
  constructor(owner: MessagesAwaitingStreamOwner) {
    this.#owner = owner;
  }

  /** Settles when nothing waits any more; `undefined` while nothing does, and messages may be sent directly. */
  get busy(): Promise<void> | undefined {
    return this.#run;
  }

  /** Whether others must wait: for their turn, or lest they are mixed with fragments (RFC 6455, section 5.4). */
  get occupied(): boolean {
    return this.#run !== undefined && !this.#between;
  }

  /** Settles when the compressed message that is being streamed has ended; `undefined` unless one is. */
  get compressing(): Promise<void> | undefined {
    return this.#compressing;
  }

  /** Bytes that wait, and what it costs to keep them. */
  get size(): number {
    return this.#size;
  }

  /** Sends a message when its turn comes; bytes are copied. */
  defer(message: string | Uint8Array, compress: boolean | undefined): void {
    const data = typeof message === "string" ? message : copyOf(message, 0, message.length);
    this.#waiting.push({ data, compress });
    this.#size += deferredSize(data);
  }

  /** Sends a streamed message when its turn comes. Settles when its last fragment has been accepted, or it failed. */
  stream(source: FragmentSource, compress: boolean | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ source, compress, resolve, reject });
      this.#run ??= this.#work();
    });
  }

  /** Nothing can be sent any more: the streamed message at hand is given up. */
  end(): void {
    this.#stop?.(this.#owner.closedError("send the rest of the message"));
  }

  async #work(): Promise<void> {
    const { protocol, liveness } = this.#owner;
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      if ("source" in next) {
        // One stream may follow the other without end: what others have to send goes between them.
        this.#between = true;
        this.#owner.betweenMessages();
        this.#between = false;
        await this.#stream(next);
      } else {
        // What the peer's Close has overtaken stays in bufferedAmount, so that its loss can be seen.
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
        // Another may follow at once: then this is the only moment for the pings that had to wait.
        liveness.pingIfDue();
        ended();
      }
    }
  }
}
