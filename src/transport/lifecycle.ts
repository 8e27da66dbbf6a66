/**
 * The states of a transport and the allowed transitions: one table for the whole and one for each direction, and the
 * class that enforces them.
 *
 * @module
 */

/** The whole transport. After `abort()` there is no error to report; otherwise there may be one. */
export type Life =
  /** Open in at least one direction. */
  | "open"
  /** `abort()` was called; the underlying stream has not closed yet. */
  | "aborting"
  /** The underlying stream has closed after `abort()`. */
  | "aborted"
  /** The underlying stream has closed. */
  | "closed"
  /** `close()` was called on the handler: nothing follows. */
  | "over";

/** The sending side. */
export type Outgoing =
  /** `write()` accepts bytes. */
  | "open"
  /** `closeWrite()` was called; accepted bytes still go out. */
  | "ending"
  /** Our end was given to the underlying stream. */
  | "sending end"
  /** Our end was sent. */
  | "ended"
  /** The underlying stream accepts nothing any more. */
  | "lost";

/** The receiving side. */
export type Incoming =
  /** Bytes may arrive. */
  | "open"
  /** The peer's end has arrived; earlier bytes may still wait to be delivered. */
  | "ended"
  /** `end()` was called on the handler. */
  | "told";

const LIFE: Readonly<Record<Life, readonly Life[]>> = {
  open: ["aborting", "aborted", "closed"],
  aborting: ["aborted"],
  aborted: ["over"],
  closed: ["over"],
  over: [],
};

const OUTGOING: Readonly<Record<Outgoing, readonly Outgoing[]>> = {
  "open": ["ending", "lost"],
  "ending": ["sending end", "ended", "lost"],
  "sending end": ["ended", "lost"],
  "ended": [],
  "lost": [],
};

const INCOMING: Readonly<Record<Incoming, readonly Incoming[]>> = {
  open: ["ended"],
  ended: ["told"],
  told: [],
};

/** The state of every transport. A transition that is not allowed is refused, so that each happens only once. */
export abstract class Lifecycle {
  /** State of the whole. */
  protected life: Life = "open";
  /** State of the sending side. */
  protected outgoing: Outgoing = "open";
  /** State of the receiving side. */
  protected incoming: Incoming = "open";

  /** Changes the state. Returns `false`, and changes nothing, if that transition is not allowed. */
  protected enter(next: Life): boolean {
    if (!LIFE[this.life].includes(next)) return false;
    this.life = next;
    return true;
  }

  /** As {@linkcode enter}, for the sending side, which ends with the whole. */
  protected send(next: Outgoing): boolean {
    if (this.life !== "open" || !OUTGOING[this.outgoing].includes(next)) return false;
    this.outgoing = next;
    return true;
  }

  /** As {@linkcode enter}, for the receiving side. */
  protected receive(next: Incoming): boolean {
    if (!INCOMING[this.incoming].includes(next)) return false;
    this.incoming = next;
    return true;
  }

  /** Whether `abort()` was called and the handler's `close()` has not been called yet. */
  protected get abandoned(): boolean {
    return this.life === "aborting" || this.life === "aborted";
  }

  /** Whether the underlying stream has closed, but the handler's `close()` has not been called yet. */
  protected get closedBelow(): boolean {
    return this.life === "aborted" || this.life === "closed";
  }

  /** Whether `write()` accepts bytes. */
  protected get writable(): boolean {
    return this.life === "open" && this.outgoing === "open";
  }
}
