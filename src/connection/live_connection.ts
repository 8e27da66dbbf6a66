/**
 * What a connection does: it joins the protocol, the transport, their timers, and the messages between them and the
 * application. It implements the owner interface of each. Parts that an idle connection does not need are created on
 * first use, because servers hold many idle connections.
 *
 * @module
 */
import type { ConnectionHome, ConnectionInit } from "./home.ts";
import type { HandlerOf } from "./handler.ts";
import type { Message, ReadyState } from "./message.ts";
import type { ConnectionSettings } from "./options.ts";
import { ClosingHandshake, type ClosingHandshakeOwner } from "./closing_handshake.ts";
import { Liveness, type LivenessOwner } from "./liveness.ts";
import { ReceivedMessages, type ReceivedMessagesOwner } from "./received_messages.ts";
import { Outgoing } from "./outgoing.ts";
import { encodeClosePayload } from "../protocol/close_payload.ts";
import { type Close, ConnectionClosedError, ProtocolError, WebSocketError } from "../protocol/errors.ts";
import { Protocol, type ProtocolClose, type ProtocolSink } from "../protocol/protocol.ts";
import {
  INTERNAL_ERROR,
  MESSAGE_TOO_BIG,
  NORMAL_CLOSURE,
  POLICY_VIOLATION,
} from "../protocol/status_code.ts";
import { type FrameReader, Reading } from "./reading.ts";
import type { ConnectionTopics } from "./subscriptions.ts";
import type { Transport, TransportError, TransportHandler } from "../transport/transport.ts";

/** The private part of a {@linkcode Connection}. Methods of the same names are documented there. */
export class LiveConnection<Socket> extends Outgoing<Socket>
  implements
    ProtocolSink,
    TransportHandler,
    ReceivedMessagesOwner<Socket>,
    LivenessOwner,
    ClosingHandshakeOwner,
    FrameReader {
  /** Frames, messages, the closing handshake. */
  readonly protocol: Protocol;
  /** Signs of life. */
  readonly liveness: Liveness;
  /** Messages on their way to the application. */
  readonly receivedMessages: ReceivedMessages<Socket>;

  readonly #home: ConnectionHome<Socket>;
  readonly #transport: Transport;
  #place = 0;
  #oneAtATime = false;
  #request: string | Request | undefined;
  #closing: ClosingHandshake | undefined;
  // Created at the first pause.
  #reading: Reading | undefined;

  /** Does nothing until `begin()`. */
  constructor(socket: Socket, init: ConnectionInit<Socket, unknown>) {
    const { home, transport } = init;
    const { role, settings } = home;
    super(socket, transport);
    this.#home = home;
    this.#transport = transport;
    this.#request = init.request;
    this.receivedMessages = new ReceivedMessages(this);
    this.protocol = new Protocol(role, this, settings, init.compression);
    this.liveness = new Liveness(this);
    this.#reading = init.reading;
    this.#reading?.framesBegin(this);
  }

  /** Gives the connection to its handler, then starts reading with `early`. */
  begin(handler: HandlerOf<Socket> | undefined, early: Uint8Array): void {
    this.#place = this.#home.began?.(this.socket, this.protocol.compression) ?? 0;
    if (handler !== undefined) this.#handle(handler);
    this.#transport.attach(this);
    if (early.length > 0) this.data(early);
  }

  /** From now on the connection stays open when its handler function returns. */
  release(): void {
    this.#end.outlivesHandler = true;
  }

  /** From now on nothing after a message is parsed before `askForNext()`. */
  giveOneAtATime(): void {
    this.#oneAtATime = this.open;
  }

  /** The application has handled the current message. */
  askForNext(): void {
    this.#reading?.release("one at a time");
  }

  /** Limits and deadlines, shared by many connections. */
  get settings(): ConnectionSettings {
    return this.#home.settings;
  }

  protected get topics(): ConnectionTopics | undefined {
    return this.#home.topics;
  }

  get remoteAddress(): string {
    return this.#transport.remoteAddress;
  }

  get request(): Request | undefined {
    if (typeof this.#request === "string") {
      this.#request = this.#home.request?.(this.#request, this.#transport);
    }
    return this.#request;
  }

  get readyState(): ReadyState {
    const { state } = this.protocol;
    return state === "open" || state === "closed" ? state : "closing";
  }

  abort(): void {
    this.drop(new ConnectionClosedError("The connection was dropped by abort()."));
  }

  get closed(): Promise<Close> {
    return this.#end.closed;
  }

  /** {@linkcode Connection.close} without the promise. */
  startClosing(code: number | null, reason: string): void {
    // Throws now, even if the Close frame is sent later.
    encodeClosePayload(code ?? undefined, reason, this.#home.role);
    if (!this.open) return;
    this.#end.start(code, reason);
  }

  // Called by the transport.

  data(chunk: Uint8Array): void {
    this.#reading?.bytesCame();
    // All answers to one chunk go out in one write.
    this.framesToSend.hold();
    this.liveness.received();
    try {
      this.protocol.receive(chunk);
    } catch (error) {
      this.#failed(error);
    }
    this.framesToSend.release();
  }

  drain(): void {
    this.framesToSend.transportDrained();
  }

  written(bytes: Uint8Array): void {
    this.framesToSend.transportWrote(bytes);
  }

  end(): void {
    this.protocol.receiveEnd();
    // The end of the stream may come after messages that the application has no room for yet.
    if (this.protocol.finished) this.#transport.closeWrite();
  }

  close(error?: TransportError): void {
    const ending = this.#end;
    ending.broken ??= error;
    // Bytes held back for the application, perhaps including the Close frame, did arrive: read them now.
    this.#oneAtATime = false;
    this.#reading?.releaseAtOnce("one at a time");
    // After the transport has ended, orderly or not, nothing held back is waited for.
    if (error === undefined) this.protocol.receiveEnd();
    this.protocol.abandon("remote", error);
    this.protocol.transportClosed();
    const close = ending.finish();
    this.#home.ended?.(this.socket, this.protocol.compression, this.#place);
    this.receivedMessages.end(close);
  }

  // Called by the protocol.

  write(bytes: Uint8Array, start: number, end: number): boolean {
    return this.framesToSend.write(bytes, start, end);
  }

  message(message: Message, last: boolean): void {
    this.liveness.message();
    this.receivedMessages.push(message, last);
    // Not if a read still waits: it did not get this message, or not all of it, and nobody would ask for the next.
    if (this.#oneAtATime && last && !this.receivedMessages.awaited) {
      (this.#reading ??= new Reading(this.#transport, this)).hold("one at a time");
    }
  }

  ping(): void {
    this.#countControlFrame();
  }

  pong(payload: Uint8Array): void {
    this.#countControlFrame();
    this.liveness.pong(payload);
  }

  finish(close: ProtocolClose): void {
    this.#end.protocolClose = close;
    this.endOutgoing();
    // RFC 6455, section 7.1.1: "The server MUST close the TCP connection immediately, whereas the client SHOULD wait
    // for the server to close the connection". A client that fails the connection does not wait.
    if (this.#home.role === "server" || !close.wasClean || this.protocol.peerEnded) {
      this.#transport.closeWrite();
    }
    this.#end.stopTimer();
    this.#end.startDeadline();
    // From here on received bytes are read and discarded, so that our Close frame is not lost to a TCP reset.
    this.#reading?.discard();
    // Last, because the hook may act at once.
    const { error } = close;
    if (error instanceof WebSocketError && error.limit !== undefined) {
      this.#home.limitReached?.(error.limit, this.socket, () => error.message);
    }
  }

  // Called by the received messages.

  pauseReading(): void {
    if (this.protocol.finished) return;
    // If held-back bytes of the same chunk fill the queue again, that is no new event.
    if (!(this.#reading ??= new Reading(this.#transport, this)).hold("receive queue")) return;
    this.#home.limitReached?.("receiveQueue", this.socket, () => {
      const { messages, bytes } = this.settings.receiveQueue;
      return `${messages} messages or ${bytes} bytes wait for the application: reading pauses.`;
    });
  }

  resumeReading(): void {
    this.#reading?.release("receive queue");
  }

  // Called by the pause state (`Reading`).

  get keepsBytes(): boolean {
    return this.protocol.keepsBytes;
  }

  pauseFrames(): void {
    this.protocol.pause();
  }

  resumeFrames(): void {
    if (!this.protocol.keepsBytes) return this.protocol.resume();
    this.framesToSend.hold();
    try {
      this.protocol.resume();
    } catch (error) {
      this.#failed(error);
    }
    this.framesToSend.release();
  }

  streamFromNowOn(): void {
    this.protocol.streamFromNowOn();
  }

  handlerFailed(error: unknown): void {
    this.#end.handlerFailed(error);
    this.#home.handlerFailed(error);
    this.#end.send(INTERNAL_ERROR, "");
  }

  mayHold(size: number): boolean {
    const { maxMessageSize } = this.settings;
    if (size <= maxMessageSize) return true;
    const message = size !== Infinity
      ? `The message is longer than the limit of ${maxMessageSize} bytes: raise maxMessageSize to accept it.`
      : "The text is longer than a string can be in this runtime.";
    this.protocol.fail(
      MESSAGE_TOO_BIG,
      new ProtocolError(MESSAGE_TOO_BIG, "RFC 6455, section 7.4.1", message, "maxMessageSize"),
    );
    return false;
  }

  // Called by liveness.

  sendHeartbeat(payload: Uint8Array): void {
    if (this.protocol.open) this.protocol.sendPing(payload);
  }

  canSeePongs(): boolean {
    // RFC 6455, section 5.5.2: a peer that has received our Close frame need not answer pings.
    return !this.#reading?.held && this.protocol.open;
  }

  receivingFrame(): boolean {
    return !this.protocol.betweenFrames;
  }

  bytesTaken(): number {
    return this.framesToSend.bytesTaken;
  }

  bytesGone(): number {
    return this.framesToSend.bytesTaken - this.framesToSend.bufferedAmount;
  }

  drop(error: Error): void {
    if (this.protocol.state === "closed") return;
    this.framesToSend.clear();
    this.protocol.abandon("local", error);
    this.#transport.abort();
  }

  idleTooLong(): void {
    const { idleTimeout } = this.settings;
    this.#home.limitReached?.(
      "idleTimeout",
      this.socket,
      () => `There was no message in either direction for ${idleTimeout} ms.`,
    );
    this.startClosing(NORMAL_CLOSURE, "idle");
  }

  // Called by the closing handshake.

  closeSent(): void {
    // The peer's answer must be read, whatever messages come before it.
    this.#oneAtATime = false;
    this.askForNext();
    this.receivedMessages.closing();
  }

  closeTimedOut(message: string): void {
    this.#home.limitReached?.("closeTimeout", this.socket, () => message);
    this.#transport.abort();
  }

  // Called by messages that await a stream.

  fragmentGoesOut(): void {
    if (this.protocol.state === "awaiting stream") this.#end.awaitStream();
  }

  closedError(what: string): ConnectionClosedError {
    return this.#end.error(what);
  }

  /** An exception while handling a peer's bytes ends that connection and nothing else. */
  #failed(error: unknown): void {
    this.#home.handlerFailed(error);
    this.protocol.fail(INTERNAL_ERROR, error instanceof Error ? error : new Error(String(error)));
  }

  #handle(handler: HandlerOf<Socket>): void {
    if (typeof handler === "function") {
      // Called in a later turn, so that a handler never runs inside the opening handshake.
      Promise.resolve(this.socket).then(handler).then(
        () => void (this.#closing?.outlivesHandler || this.startClosing(NORMAL_CLOSURE, "")),
        (error: unknown) => this.handlerFailed(error),
      );
    } else {
      this.receivedMessages.deliverTo(handler);
    }
  }

  get #end(): ClosingHandshake {
    return this.#closing ??= new ClosingHandshake(this);
  }

  #countControlFrame(): void {
    if (!this.liveness.controlFrame()) return;
    const message =
      `More than ${this.settings.maxControlFrames} Ping and Pong frames came within a second (maxControlFrames).`;
    this.protocol.fail(
      POLICY_VIOLATION,
      new ProtocolError(POLICY_VIOLATION, "RFC 6455, section 7.4.1", message, "maxControlFrames"),
    );
  }
}
