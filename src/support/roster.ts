/**
 * A collection of members that come and go often. V8's `Set` keeps deleted members alive: each outgrown table still
 * references its old content, and the next table, until a major collection. With everything that a connection holds,
 * that was more than half of the cost of garbage collection.
 *
 * @module
 */

/** Members, in no particular order. */
export class Roster<Member extends object> implements Iterable<Member> {
  readonly #places: (Member | undefined)[] = [];
  readonly #free: number[] = [];
  #set: Set<Member> | undefined;
  #emptied: (() => void) | undefined;

  /** Returns the member's place, needed to remove it. */
  add(member: Member): number {
    const place = this.#free.pop() ?? this.#places.length;
    this.#places[place] = member;
    this.#set?.add(member);
    return place;
  }

  /** Removes a member; its place may be reused. Returns whether it was there. */
  remove(member: Member, place: number): boolean {
    if (this.#places[place] !== member) return false;
    this.#places[place] = undefined;
    this.#free.push(place);
    this.#set?.delete(member);
    if (this.size === 0) {
      this.#places.length = this.#free.length = 0;
      this.#emptied?.();
    }
    return true;
  }

  /** The number of members. */
  get size(): number {
    return this.#places.length - this.#free.length;
  }

  /** Resolves when there are no members; only for the latest caller. */
  empty(): Promise<void> {
    return new Promise((resolve) => {
      this.#emptied = resolve;
      if (this.size === 0) resolve();
    });
  }

  /** The members as a live set, maintained from the first access on. */
  get set(): ReadonlySet<Member> {
    return this.#set ??= new Set(this);
  }

  /** The current members. */
  *[Symbol.iterator](): IterableIterator<Member> {
    for (const member of this.#places) if (member !== undefined) yield member;
  }
}
