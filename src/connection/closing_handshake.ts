/**
 * The closing handshake of one connection (RFC 6455, section 7), and how the connection ends: our Close frame, the deadline
 * of the peer's answer, and what is known of the end from the first sign of it on.
 *
 * @module
 */
import { type Close, ConnectionClosedError } from "../protocol/errors.ts";
import type { Protocol, ProtocolClose } from "../protocol/protocol.ts";
import { NO_STATUS_RECEIVED } from "../protocol/status_code.ts";
import { LONGEST_WAIT, startTimer } from "../support/timer.ts";
import type { ConnectionSettings } from "./options.ts";

/** The connection, as its closing handshake works with it. */
export interface ClosingHandshakeOwner {
  /** Sends the Close frame, and has the state. */
  readonly protocol: Protocol;
  /** The deadline. */
  readonly settings: ConnectionSettings;
  /** Settles when the streamed message that is on its way has ended; `undefined` while there is none. */
  readonly streamUnderWay: Promise<unknown> | undefined;
  /** How many bytes have ever gone out to the system. */
  bytesGone(): number;
  /** `close()` was called: no message follows but those that were given before. */
  closeBegun(): void;
  /** The Close frame is about to be sent: what waits goes out before it, unless a stream was given up. */
  closeGoesOut(): void;
  /** The Close frame was sent: the peer's answer must be read. */
  closeSent(): void;
  /** Ends the connection without a closing handshake. */
  drop(error: Error): void;
  /** The peer has not ended the connection in time. */
  closeTimedOut(message: string): void;
}

const LOOKS = 4;

/** The closing handshake of one connection, and its end. */
export class ClosingHandshake {
  readonly #owner: ClosingHandshakeOwner;
  /** The return of the application's handler does not bring it about. */
  outlivesHandler = false;
  // Code and reason of our Close frame in words, once it is decided upon.
  #sent: string | undefined;
  /** How the protocol ended, once it has. */
  protocolClose: ProtocolClose | undefined = undefined;
  /** How it was, once all is over. */
  close: Close | undefined = undefined;
  /** What went wrong below, if anything did: what was sent last may not have arrived, whatever the protocol says. */
  broken: Error | undefined = undefined;
  #handlerError: Error | undefined;
  // Made for the first who waits.
  #waited: { readonly promise: Promise<Close>; readonly resolve: (close: Close) => void } | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Made for the first sign of an end. */
  constructor(owner: ClosingHandshakeOwner) {
    this.#owner = owner;
  }

  /** Sends a Close frame, behind the streamed message that is on its way. */
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

  /** Sends a Close frame now, if none has been sent. */
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

  /** The Close frame waits for the end of a streamed message: as long as that goes on, but not for ever. */
  awaitStream(): void {
    const { closeTimeout } = this.#owner.settings;
    this.stopTimer();
    this.#startTimer(() => {
      const message = `A streamed message did not go on for ${closeTimeout} ms after close() (closeTimeout).`;
      this.#owner.drop(new ConnectionClosedError(message, undefined, "closeTimeout"));
    });
  }

  /** The peer is to answer our Close frame, and to end the connection, in time. */
  startDeadline(): void {
    const { closeTimeout } = this.#owner.settings;
    this.#startTimer(() => {
      const message =
        `The peer had not ended the connection ${closeTimeout} ms after our Close frame (closeTimeout).`;
      // Whether the peer has read all that went before our answer to its Close, nobody knows.
      this.broken = new ConnectionClosedError(message, undefined, "closeTimeout");
      this.#owner.closeTimedOut(message);
    });
  }

  /** The application's handler has failed: the first time is the one that counts. */
  handlerFailed(error: unknown): void {
    this.#handlerError ??= error instanceof Error
      ? error
      : new Error("The handler threw what is no Error.", { cause: error });
  }

  /**
   * Calls back when `closeTimeout` has gone by. While bytes still go out, a slow peer is reading, and the time begins anew. It
   * is looked at four times in the span.
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

  /** What is waited for has come, or has gone on. */
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

  /** All is over: the protocol, and the transport. */
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

  /** Why something can no longer be done. */
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

/** A Close frame in words. */
function describeClose(code: number, reason: string): string {
  return reason === "" ? String(code) : `${code} ${JSON.stringify(reason)}`;
}
