/**
 * `bufferedAmount` as the WebSockets Standard defines it: only payload, while the connection counts frames.
 *
 * @module
 */
import { nextTask } from "./task.ts";

interface SentMessage {
  /** Bytes of payload. */
  readonly payload: number;
  /** Bytes of payload and framing. */
  readonly framed: number;
}

/** Payload bytes that one WebSocket has sent and that have not been handed to the network. */
export class BufferedAmount {
  // Waiting messages, the next one first.
  #messages: SentMessage[] = [];
  #payload = 0;
  #framed = 0;
  // Payload bytes of the first message that have gone out.
  #partlySent = 0;
  #sentInThisTask = 0;
  #unsendable = 0;

  /** A message was given to the connection, as a frame of `framed` bytes. */
  sent(payload: number, framed: number): void {
    this.#messages.push({ payload, framed });
    this.#payload += payload;
    this.#framed += framed;
    if (payload === 0) return;
    // WebSockets Standard, bufferedAmount: "This thus includes any text sent during the execution of the current task,
    // regardless of whether the user agent is able to transmit text in the background".
    if (this.#sentInThisTask === 0) void nextTask().then(() => (this.#sentInThisTask = 0));
    this.#sentInThisTask += payload;
  }

  /** A message came too late to be sent: it counts forever. */
  unsendable(payload: number): void {
    this.#unsendable += payload;
  }

  /** This many bytes of frames wait in the connection now. */
  waiting(framed: number): void {
    let gone = 0;
    for (const message of this.#messages) {
      if (this.#framed - message.framed < framed) break;
      this.#framed -= message.framed;
      this.#payload -= message.payload;
      gone++;
    }
    if (gone > 0) this.#messages.splice(0, gone);
    const first = this.#messages[0];
    const header = first === undefined ? 0 : first.framed - first.payload;
    this.#partlySent = Math.max(0, this.#framed - framed - header);
  }

  /** The connection has ended: if cleanly, everything sent before has gone out; if not, what waited still counts. */
  end(clean: boolean): void {
    if (!clean) this.#unsendable += this.#payload - this.#partlySent;
    this.#messages = [];
    this.#payload = 0;
    this.#framed = 0;
    this.#partlySent = 0;
    this.#sentInThisTask = 0;
  }

  /** The amount as of the last {@linkcode waiting}. */
  get value(): number {
    return Math.max(this.#payload - this.#partlySent, this.#sentInThisTask) + this.#unsendable;
  }
}
