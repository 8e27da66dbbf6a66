/**
 * Where a transport stands, and how it may go on from there: the tables of that, one for each direction and one for the
 * whole, and the class that holds every transport to them.
 *
 * @module
 */

/** The whole. What `abort()` ends has no error to tell, and what ends by itself may have one. */
export type Life =
  /** Bytes go, at least in one direction. */
  | "open"
  /** `abort()` was called; the stream below still has to close. */
  | "aborting"
  /** The stream below is closed, after `abort()`. */
  | "aborted"
  /** The stream below is closed. */
  | "closed"
  /** `close()` was told: nothing follows. */
  | "over";

/** Our direction. */
export type Outgoing =
  /** `write()` takes bytes. */
  | "open"
  /** `closeWrite()` was called; what was accepted still goes out. */
  | "ending"
  /** Our end is handed to the stream below. */
  | "sending end"
  /** Our end has gone. */
  | "ended"
  /** The stream below takes nothing any more. */
  | "lost";

/** The peer's direction. */
export type Incoming =
  /** Bytes may come. */
  | "open"
  /** The peer's end has come; bytes before it may still wait to be delivered. */
  | "ended"
  /** `end()` was told. */
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

/** What every transport knows of itself. A move that does not follow is refused, so that each happens once. */
export abstract class Lifecycle {
  /** Where the whole stands. */
  protected life: Life = "open";
  /** Where our direction stands. */
  protected outgoing: Outgoing = "open";
  /** Where the peer's direction stands. */
  protected incoming: Incoming = "open";

  /** Answers `false`, and changes nothing, when the one does not follow from the other. */
  protected enter(next: Life): boolean {
    if (!LIFE[this.life].includes(next)) return false;
    this.life = next;
    return true;
  }

  /** As {@linkcode enter}, for our direction, which ends with the whole. */
  protected send(next: Outgoing): boolean {
    if (this.life !== "open" || !OUTGOING[this.outgoing].includes(next)) return false;
    this.outgoing = next;
    return true;
  }

  /** As {@linkcode enter}, for the peer's direction. */
  protected receive(next: Incoming): boolean {
    if (!INCOMING[this.incoming].includes(next)) return false;
    this.incoming = next;
    return true;
  }

  /** Whether `abort()` ends it. */
  protected get abandoned(): boolean {
    return this.life === "aborting" || this.life === "aborted";
  }

  /** Whether the stream below is closed, and `close()` is still to be told. */
  protected get closedBelow(): boolean {
    return this.life === "aborted" || this.life === "closed";
  }

  /** Whether `write()` takes bytes. */
  protected get writable(): boolean {
    return this.life === "open" && this.outgoing === "open";
  }
}
