/** Counts promises that were begun and those that have settled, so that none can be forgotten. */

/** Promises under way. */
export class Settling {
  readonly #pending: Map<string, number> = new Map();
  #waiting: (() => void)[] = [];

  /** Counts a promise until it settles, and answers it. */
  track<T>(kind: string, promise: Promise<T>): Promise<T> {
    this.#pending.set(kind, (this.#pending.get(kind) ?? 0) + 1);
    const settled = (): void => {
      const left = this.#pending.get(kind)! - 1;
      if (left > 0) this.#pending.set(kind, left);
      else this.#pending.delete(kind);
      if (this.#pending.size > 0) return;
      const waiting = this.#waiting;
      this.#waiting = [];
      for (const wake of waiting) wake();
    };
    promise.then(settled, settled);
    return promise;
  }

  /** How many there are, by their kinds; `""` for none. */
  get pending(): string {
    return [...this.#pending].map(([kind, count]) => `${count} ${kind}`).join(", ");
  }

  /** Resolves when none is under way any more. */
  async all(): Promise<void> {
    while (this.#pending.size > 0) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }
}

/** Waits. */
export function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
