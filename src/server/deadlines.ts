/**
 * One timer for many that all must be done within the same time: who began first is due first.
 *
 * @module
 */

import { inOutermostContext } from "../support/outermost_context.ts";
import { startTimer } from "../support/timer.ts";

/** What has a deadline. */
export interface Due {
  /** Called once its time is over. */
  expired(): void;
}

/** The deadline of one. */
export interface Deadline {
  readonly due: Due;
  /** Milliseconds, of `performance.now()`. */
  readonly time: number;
  /** The one before it, and the one after; itself once it has ended. */
  previous: Deadline | undefined;
  next: Deadline | undefined;
}

// A timer that is late by more milliseconds than this says that the process stood still.
const STANDSTILL = 100;

/** Those that are not done yet. The timer lives no longer than there are any. */
export class Deadlines {
  readonly #span: number;
  // Linked to one another, and no longer when they have ended, so that the garbage collector sees them go.
  #first: Deadline | undefined;
  #last: Deadline | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  // Once, and no more often: a process that is always late has deadlines, too.
  #putOff = false;

  /** Each has `span` milliseconds. */
  constructor(span: number) {
    this.#span = span;
  }

  /** Its time begins now. */
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

  /** It is done, or no longer of interest. Does nothing the second time. */
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

  /** When the process stood still, what is waited for may have come, and is read before the next timer. */
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
