/**
 * The outgoing half of a connection: from the application's messages to the frames on their way to the transport. A
 * message waits for a streamed one, or is encoded by the protocol at once; published messages come from the subscriber.
 *
 * @module
 */
import type { Message, Sendable, SendOptions } from "./message.ts";
import type { ConnectionSettings } from "./options.ts";
import { FramesToSend, type FramesToSendOwner } from "./frames_to_send.ts";
import type { Liveness } from "./liveness.ts";
import {
  deferredSize,
  MessagesAwaitingStream,
  type MessagesAwaitingStreamOwner,
} from "./messages_awaiting_stream.ts";
import { bytesOf, type FragmentSource } from "./outgoing_stream.ts";
import type { ConnectionTopics, SubscribeOptions, SubscriberOwner, Subscriptions } from "./subscriptions.ts";
import { ConnectionClosedError } from "../protocol/errors.ts";
import type { Protocol } from "../protocol/protocol.ts";
import { TRY_AGAIN_LATER } from "../protocol/status_code.ts";
import { utf8Length } from "../protocol/utf8.ts";
import type { Transport } from "../transport/transport.ts";

/** What one connection sends. A base class, not a part, because servers hold many connections that send nothing. */
export abstract class Outgoing<Socket>
  implements FramesToSendOwner, MessagesAwaitingStreamOwner, SubscriberOwner {
  /** The object that the application holds. */
  readonly socket: Socket;
  /** Frames on their way to the transport. */
  readonly framesToSend: FramesToSend;
  // Messages that could not be sent any more.
  #lost = 0;
  #awaitingStream: MessagesAwaitingStream | undefined;
  #subscriber: Subscriptions | undefined;

  /** Encodes messages, and owns the state. */
  abstract readonly protocol: Protocol;
  /** Notified of each message. */
  abstract readonly liveness: Liveness;
  /** Limits and deadlines. */
  abstract readonly settings: ConnectionSettings;
  /** The topics to subscribe to; none on a client. */
  protected abstract readonly topics: ConnectionTopics | undefined;

  constructor(socket: Socket, transport: Transport) {
    this.socket = socket;
    this.framesToSend = new FramesToSend(transport, this);
  }

  /** Whether the application may send: no Close frame was sent or received, and none waits for the end of a stream. */
  get open(): boolean {
    return this.protocol.state === "open";
  }

  get lost(): number {
    return this.#lost;
  }

  get bufferedAmount(): number {
    return this.framesToSend.bufferedAmount + (this.#awaitingStream?.size ?? 0) +
      (this.#subscriber?.bufferedAmount ?? 0);
  }

  send(data: Sendable, options: SendOptions | undefined): boolean {
    const message: Message = typeof data === "string" ? data : bytesOf(data);
    if (!this.open) {
      this.messageLost();
      return false;
    }
    const compress = options?.compress;
    if (this.#awaitingStream?.busy !== undefined) {
      this.#checkRoom(deferredSize(message));
      this.#awaitingStream.defer(message, compress);
      return false;
    }
    const most = typeof message === "string" ? 3 * message.length : message.length;
    if (this.bufferedAmount + most > this.settings.maxBufferedAmount) {
      this.#checkRoom(typeof message === "string" ? utf8Length(message) : most);
    }
    this.liveness.message();
    return typeof message === "string"
      ? this.protocol.sendText(message, compress)
      : this.protocol.sendBinary(message, compress);
  }

  sendStream(source: FragmentSource, options: SendOptions): Promise<void> {
    if (!this.open) return lookedAt(Promise.reject(this.closedError("send")));
    this.#awaitingStream ??= new MessagesAwaitingStream(this);
    return this.#awaitingStream.stream(source, options.compress);
  }

  /** {@linkcode Connection.ping}: sends a ping and waits for its pong. */
  measureRoundTrip(): Promise<number> {
    if (!this.open) return lookedAt(Promise.reject(this.closedError("send a ping")));
    return lookedAt(
      this.#awaitingStream?.compressing?.then(() => this.measureRoundTrip()) ?? this.liveness.ping(),
    );
  }

  /** Whether a ping may be sent now: not within a compressed stream. */
  mayPing(): boolean {
    return this.#awaitingStream?.compressing === undefined;
  }

  drained(): Promise<void> {
    if (!this.open) return lookedAt(Promise.reject(this.closedError("wait for the buffer to drain")));
    return lookedAt(this.#awaitingStream?.busy?.then(() => this.drained()) ?? this.framesToSend.drained());
  }

  subscribe(topic: string, options: SubscribeOptions): void {
    if (this.topics === undefined) {
      throw new TypeError(
        "Cannot subscribe on a client: only accepted connections of a server have topics.",
      );
    }
    this.#subscriber ??= this.topics.subscriber(this);
    this.#subscriber.subscribe(topic, options);
  }

  /** Its subscriptions; created by the first one. */
  get subscriber(): Subscriptions | undefined {
    return this.#subscriber;
  }

  // Called by the frames to send.

  /** Everything was written, or at most the high-water mark still waits. */
  framesDrained(): void {
    this.protocol.drained();
    this.#subscriber?.drained();
  }

  // Called by messages that await a stream.

  /** The error for an operation on a closed connection. */
  abstract closedError(what: string): ConnectionClosedError;

  abstract fragmentGoesOut(): void;

  messageLost(): void {
    this.#lost++;
  }

  betweenMessages(): void {
    this.#subscriber?.drained();
  }

  // Called by the subscriptions.

  streaming(): boolean {
    return this.#awaitingStream?.occupied ?? false;
  }

  // The end, as the closing handshake sees it.

  /** Settles when no message waits for a stream any more; `undefined` if none does. */
  get streamUnderWay(): Promise<unknown> | undefined {
    return this.#awaitingStream?.busy;
  }

  /** `close()` was called: only messages accepted before still go out. */
  closeBegun(): void {
    this.#subscriber?.leave();
  }

  /** The Close frame is about to be sent: waiting messages go out first, unless a stream was given up. */
  closeGoesOut(): void {
    this.#subscriber?.end(this.#awaitingStream?.busy === undefined);
  }

  /** Nothing more can be sent; frames already written go to the transport. */
  protected endOutgoing(): void {
    this.#subscriber?.end(false);
    this.framesToSend.fail(() => this.closedError("wait for the buffer to drain"));
    this.liveness.end();
    this.#awaitingStream?.end();
    this.framesToSend.flush();
  }

  #checkRoom(size: number): void {
    const { maxBufferedAmount } = this.settings;
    if (this.bufferedAmount + size <= maxBufferedAmount) return;
    if (this.#subscriber?.makeRoom(size)) return;
    if (size > maxBufferedAmount) {
      throw new RangeError(
        `Cannot send ${size} bytes in one message: raise maxBufferedAmount, which is ${maxBufferedAmount}, or use sendStream().`,
      );
    }
    const error = new ConnectionClosedError(
      `Cannot send: ${this.bufferedAmount} bytes wait for a peer that does not read, and ${size} more would pass ` +
        `maxBufferedAmount. Await drained() whenever send() returns false.`,
      undefined,
      "maxBufferedAmount",
    );
    this.protocol.fail(TRY_AGAIN_LATER, error);
    throw error;
  }
}

/**
 * A promise that rejects only because the connection ended, which `closed` reports as well. Nobody has to handle it, so an
 * unhandled rejection must not end the process.
 */
function lookedAt<Value>(promise: Promise<Value>): Promise<Value> {
  promise.catch(() => {});
  return promise;
}
