/**
 * Those that are there now, where many come and go. A `Set` would do, but V8 keeps what one has lost: each of its tables
 * that was outgrown still holds what was in it, and the next one, until a major collection. With all that hangs on a
 * connection, that cost more than half of what garbage collection did.
 *
 * @module
 */

/** Members, in no order. */
export class Roster<Member extends object> implements Iterable<Member> {
  readonly #places: (Member | undefined)[] = [];
  readonly #free: number[] = [];
  #set: Set<Member> | undefined;
  #emptied: (() => void) | undefined;

  /** Answers the member's place, by which it is removed. */
  add(member: Member): number {
    const place = this.#free.pop() ?? this.#places.length;
    this.#places[place] = member;
    this.#set?.add(member);
    return place;
  }

  /** Gives the place of a member to others. Answers whether it had that place. */
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

  /** How many there are. */
  get size(): number {
    return this.#places.length - this.#free.length;
  }

  /** Resolves when there are none, for the one who asked last. */
  empty(): Promise<void> {
    return new Promise((resolve) => {
      this.#emptied = resolve;
      if (this.size === 0) resolve();
    });
  }

  /** The members as a set that changes with them, kept from the first time that it is asked for. */
  get set(): ReadonlySet<Member> {
    return this.#set ??= new Set(this);
  }

  /** The members, as long as they are members. */
  *[Symbol.iterator](): IterableIterator<Member> {
    for (const member of this.#places) if (member !== undefined) yield member;
  }
}
