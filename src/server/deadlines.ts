/**
 * One timer for many deadlines of equal length: they expire in the order in which they began.
 *
 * @module
 */

import { inOutermostContext } from "../support/outermost_context.ts";
import { startTimer } from "../support/timer.ts";

/** Something with a deadline. */
export interface Due {
  /** Called when its time is over. */
  expired(): void;
}

/** A deadline. */
export interface Deadline {
  readonly due: Due;
  /** Milliseconds, of `performance.now()`. */
  readonly time: number;
  /** Neighbours in a linked list; a deadline that has ended links to itself. */
  previous: Deadline | undefined;
  next: Deadline | undefined;
}

// A timer that is later than this many milliseconds means that the process was suspended.
const STANDSTILL = 100;

/** The running deadlines. The timer exists only while there are any. */
export class Deadlines {
  readonly #span: number;
  // A linked list. Ended deadlines are unlinked, so that the garbage collector can free them.
  #first: Deadline | undefined;
  #last: Deadline | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  // Extended at most once: deadlines also hold in a process that is always late.
  #putOff = false;

  /** Each deadline is `span` milliseconds. */
  constructor(span: number) {
    this.#span = span;
  }

  /** Starts a deadline. */
  begin(due: Due): Deadline {
    const previous = this.#last;
    const deadline: Deadline = { due, time: performance.now() + this.#span, previous, next: undefined };
    this.#last = deadline;
    if (previous !== undefined) previous.next = deadline;
    else {
      this.#first = deadline;
      this.#wait(this.#span);
    }
    return deadline;
  }

  /** Ends a deadline. Does nothing the second time. */
  end(deadline: Deadline): void {
    const { previous, next } = deadline;
    if (previous === deadline) return;
    deadline.previous = deadline.next = deadline;
    if (previous === undefined) this.#first = next;
    else previous.next = next;
    if (next === undefined) this.#last = previous;
    else next.previous = previous;
    if (this.#first === undefined) clearTimeout(this.#timer);
  }

  #wait(milliseconds: number): void {
    clearTimeout(this.#timer);
    const due = performance.now() + milliseconds;
    this.#timer = inOutermostContext(() =>
      startTimer(milliseconds, () => this.#wake(performance.now() - due))
    );
  }

  /** After a suspension the awaited bytes may have arrived; they are read before the next timer. */
  #wake(overdue: number): void {
    this.#putOff = overdue > STANDSTILL && !this.#putOff;
    if (this.#putOff) this.#wait(1);
    else this.#expire();
  }

  #expire(): void {
    for (let first = this.#first; first !== undefined; first = this.#first) {
      const rest = first.time - performance.now();
      if (rest > 0) return this.#wait(rest);
      this.end(first);
      first.due.expired();
    }
  }
}
