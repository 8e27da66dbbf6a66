/**
 * The closing handshake of one connection (RFC 6455, section 7): our Close frame, the deadline for the peer's answer,
 * and how the connection ended.
 *
 * @module
 */
import { type Close, ConnectionClosedError } from "../protocol/errors.ts";
import type { Protocol, ProtocolClose } from "../protocol/protocol.ts";
import { NO_STATUS_RECEIVED } from "../protocol/status_code.ts";
import { LONGEST_WAIT, startTimer } from "../support/timer.ts";
import type { ConnectionSettings } from "./options.ts";

/** What the closing handshake needs of its connection. */
export interface ClosingHandshakeOwner {
  /** Sends the Close frame, and owns the state. */
  readonly protocol: Protocol;
  /** Contains `closeTimeout`. */
  readonly settings: ConnectionSettings;
  /** Settles when no message waits for a stream any more; `undefined` if none does. */
  readonly streamUnderWay: Promise<unknown> | undefined;
  /** Total bytes handed to the operating system. */
  bytesGone(): number;
  /** `close()` was called: only messages accepted before still go out. */
  closeBegun(): void;
  /** The Close frame is about to be sent: waiting messages go out first, unless a stream was given up. */
  closeGoesOut(): void;
  /** The Close frame was sent: the peer's answer must be read. */
  closeSent(): void;
  /** Ends the connection without a closing handshake. */
  drop(error: Error): void;
  /** The peer did not end the connection in time. */
  closeTimedOut(message: string): void;
}

const LOOKS = 4;

/** The closing handshake of one connection, and how it ended. */
export class ClosingHandshake {
  readonly #owner: ClosingHandshakeOwner;
  /** Whether the connection stays open when its handler function returns. */
  outlivesHandler = false;
  // Code and reason of our Close frame as text, once they are decided.
  #sent: string | undefined;
  /** How the protocol ended, once it has. */
  protocolClose: ProtocolClose | undefined = undefined;
  /** How the connection ended, once it has. */
  close: Close | undefined = undefined;
  /** A transport error: the last bytes sent may not have arrived, whatever the protocol says. */
  broken: Error | undefined = undefined;
  #handlerError: Error | undefined;
  // Created for the first caller that waits.
  #waited: { readonly promise: Promise<Close>; readonly resolve: (close: Close) => void } | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Created at the first sign of an end. */
  constructor(owner: ClosingHandshakeOwner) {
    this.#owner = owner;
  }

  /** Sends a Close frame after the current streamed message. */
  start(code: number | null, reason: string): void {
    const owner = this.#owner;
    this.#sent = describeClose(code ?? NO_STATUS_RECEIVED, reason);
    owner.closeBegun();
    const stream = owner.streamUnderWay;
    if (stream === undefined) return this.send(code, reason);
    owner.protocol.awaitStream();
    this.awaitStream();
    void stream.then(() => this.send(code, reason));
  }

  /** Sends a Close frame now, unless one was sent. */
  send(code: number | null, reason: string): void {
    const owner = this.#owner;
    if (!owner.protocol.open) return;
    this.#sent ??= String(code);
    owner.closeGoesOut();
    this.stopTimer();
    owner.protocol.sendClose(code ?? undefined, reason);
    this.startDeadline();
    owner.closeSent();
  }

  /** The Close frame waits for the end of a streamed message, as long as that makes progress. */
  awaitStream(): void {
    const { closeTimeout } = this.#owner.settings;
    this.stopTimer();
    this.#startTimer(() => {
      const message =
        `A streamed message made no progress for ${closeTimeout} ms after close() (closeTimeout).`;
      this.#owner.drop(new ConnectionClosedError(message, undefined, "closeTimeout"));
    });
  }

  /** Starts the deadline for the peer to answer our Close frame and end the connection. */
  startDeadline(): void {
    const { closeTimeout } = this.#owner.settings;
    this.#startTimer(() => {
      const message =
        `The peer did not end the connection within ${closeTimeout} ms of our Close frame (closeTimeout).`;
      // Nobody knows whether the peer has read everything that we sent before answering its Close frame.
      this.broken = new ConnectionClosedError(message, undefined, "closeTimeout");
      this.#owner.closeTimedOut(message);
    });
  }

  /** The handler threw. The first error counts. */
  handlerFailed(error: unknown): void {
    this.#handlerError ??= error instanceof Error
      ? error
      : new Error("The handler threw a value that is not an Error.", { cause: error });
  }

  /**
   * Calls `over` after `closeTimeout`. The time starts anew while bytes still go out, since a slow peer is reading.
   * Checked four times per timeout.
   */
  #startTimer(over: () => void): void {
    if (this.#timer !== undefined) return;
    const { closeTimeout } = this.#owner.settings;
    const step = Math.min(closeTimeout / LOOKS, LONGEST_WAIT);
    let gone = this.#owner.bytesGone();
    let quiet = 0;
    const look = (): void => {
      const before = gone;
      gone = this.#owner.bytesGone();
      quiet = gone > before ? 0 : quiet + step;
      if (quiet < closeTimeout) this.#timer = startTimer(step, look);
      else over();
    };
    this.#timer = startTimer(step, look);
  }

  /** The awaited event came, or there was progress. */
  stopTimer(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** Resolves when all is over. */
  get closed(): Promise<Close> {
    if (this.#waited === undefined) {
      let resolve!: (close: Close) => void;
      const promise = new Promise<Close>((settle) => (resolve = settle));
      this.#waited = { promise, resolve };
      if (this.close !== undefined) resolve(this.close);
    }
    return this.#waited.promise;
  }

  /** Protocol and transport have ended. */
  finish(): Close {
    this.stopTimer();
    const { code, reason, wasClean, initiator, error } = this.protocolClose!;
    const close = {
      code,
      reason,
      wasClean,
      initiator,
      error: error ?? this.#handlerError ?? this.broken,
    };
    this.close = close;
    this.#waited?.resolve(close);
    return close;
  }

  /** The error for an operation that came too late. */
  error(what: string): ConnectionClosedError {
    if (this.protocolClose === undefined) {
      return new ConnectionClosedError(
        `Cannot ${what}: the connection is closing (${this.#sent ?? "a Close frame"} was sent).`,
      );
    }
    const { code, reason, initiator } = this.protocolClose;
    const side = initiator === "local" ? "this side" : "the peer";
    return new ConnectionClosedError(
      `Cannot ${what}: ${side} closed the connection (${describeClose(code, reason)}).`,
      this.close,
    );
  }
}

/** A Close frame as text. */
function describeClose(code: number, reason: string): string {
  return reason === "" ? String(code) : `${code} ${JSON.stringify(reason)}`;
}
