/**
 * Collections whose members come and go by the thousand. A `Map` or `Set` of the engine that is full of short lives leaves
 * tables behind, each of which keeps alive what was in it and the next, until the next major collection: a third of the
 * time of small calls went there.
 *
 * @module
 */

/**
 * Members that know their own place.
 *
 * @template {{ place: number }} T
 */
export class Bag {
  /** @type {T[]} */
  #members = [];

  get size() {
    return this.#members.length;
  }

  /** @param {T} member */
  add(member) {
    member.place = this.#members.push(member) - 1;
  }

  /** @param {T} member */
  delete(member) {
    const { place } = member;
    if (place < 0) return;
    member.place = -1;
    const last = /** @type {T} */ (this.#members.pop());
    if (last === member) return;
    this.#members[place] = last;
    last.place = place;
  }

  /** All of them, as they are now. */
  [Symbol.iterator]() {
    return [...this.#members][Symbol.iterator]();
  }
}

/**
 * Members in the order in which they came; each knows its neighbours.
 *
 * @template {{ before: T | null, behind: T | null }} T
 */
export class Line {
  /** @type {T | null} */
  first = null;
  /** @type {T | null} */
  last = null;
  size = 0;

  /** @param {T} member */
  add(member) {
    member.before = this.last;
    if (this.last) this.last.behind = member;
    else this.first = member;
    this.last = member;
    this.size++;
  }

  /** @param {T} member one that is in it */
  delete(member) {
    const { before, behind } = member;
    if (before) before.behind = behind;
    else this.first = behind;
    if (behind) behind.before = before;
    else this.last = before;
    member.before = member.behind = null;
    this.size--;
  }
}

/**
 * Members by their id, a whole number: a hash table with linear probing. Ids of one kind follow one another, so that
 * probes are short.
 *
 * @template {{ id: number }} T
 */
export class Table {
  /** @type {(T | null)[]} */
  #slots = new Array(64).fill(null);
  size = 0;

  /** @param {number} id */
  #home(id) {
    return ((id % 4) * 21 + id / 4) & (this.#slots.length - 1);
  }

  /** The slot of `id`, or the empty one where it would be. @param {number} id */
  #find(id) {
    const slots = this.#slots;
    let at = this.#home(id);
    for (;;) {
      const member = slots[at];
      if (member === null || member.id === id) return at;
      at = (at + 1) & (slots.length - 1);
    }
  }

  /** @param {number} id @returns {T | undefined} */
  get(id) {
    return this.#slots[this.#find(id)] ?? undefined;
  }

  /** @param {T} member */
  add(member) {
    if (this.size * 2 >= this.#slots.length) this.#grow();
    this.#slots[this.#find(member.id)] = member;
    this.size++;
  }

  /** @param {number} id @returns {boolean} whether it was there */
  delete(id) {
    const slots = this.#slots;
    const mask = slots.length - 1;
    let hole = this.#find(id);
    if (slots[hole] === null) return false;
    this.size--;
    // What was pushed on by it moves back, so that no search ends early.
    for (let at = hole; ; ) {
      at = (at + 1) & mask;
      const member = slots[at];
      if (member === null) break;
      if (((at - this.#home(member.id)) & mask) < ((at - hole) & mask)) continue;
      slots[hole] = member;
      hole = at;
    }
    slots[hole] = null;
    return true;
  }

  /** All of them, as they are now. @returns {T[]} */
  values() {
    return /** @type {T[]} */ (this.#slots.filter((member) => member !== null));
  }

  #grow() {
    const members = this.values();
    this.#slots = new Array(this.#slots.length * 2).fill(null);
    this.size = 0;
    for (const member of members) this.add(member);
  }
}
