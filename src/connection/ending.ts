/**
 * How a connection ends: what is known of that, from the first sign of it on.
 *
 * @module
 */
import { type Close, ConnectionClosedError } from "../protocol/errors.ts";
import type { ProtocolClose } from "../protocol/protocol.ts";
import { LONGEST_WAIT, startTimer } from "../support/timer.ts";

const LOOKS = 4;

/** The end of one connection. */
export class Ending {
  /** The return of the application's handler does not bring it about. */
  outlivesHandler = false;
  /** Code and reason of our Close frame in words, once it is decided upon. */
  sent: string | undefined = undefined;
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

  /** The application's handler has failed: the first time is the one that counts. */
  handlerFailed(error: unknown): void {
    this.#handlerError ??= error instanceof Error
      ? error
      : new Error("The handler threw what is no Error.", { cause: error });
  }

  /**
   * Drops the connection if its end does not come in time. While bytes still go out, a slow peer is reading, and the time
   * begins anew: `bytesGone` tells how many ever went. It is looked at four times in the span.
   */
  startTimer(milliseconds: number, bytesGone: () => number, drop: () => void): void {
    if (this.#timer !== undefined) return;
    const step = Math.min(milliseconds / LOOKS, LONGEST_WAIT);
    let gone = bytesGone();
    let quiet = 0;
    const look = (): void => {
      const before = gone;
      gone = bytesGone();
      quiet = gone > before ? 0 : quiet + step;
      if (quiet < milliseconds) this.#timer = startTimer(step, look);
      else drop();
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
      return new ConnectionClosedError(`Cannot ${what}: the connection is closing (${this.sent} was sent).`);
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
export function describeClose(code: number, reason: string): string {
  return reason === "" ? String(code) : `${code} ${JSON.stringify(reason)}`;
}
