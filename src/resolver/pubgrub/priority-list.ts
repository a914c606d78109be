import type { PackageId } from "./incompatibility.ts";

/** Packages with priorities, of which the greatest is taken. A plain list: it is searched rarely and stays short. */
export class PriorityList {
  #ids: PackageId[] = [];
  #priorities: number[] = [];
  /** By id, its place in the lists plus one; 0: not in them. */
  #places: number[] = [];

  has(id: PackageId): boolean {
    return (this.#places[id] ?? 0) > 0;
  }

  /** Adds a package, or gives it another priority. */
  set(id: PackageId, priority: number): void {
    const place = this.#places[id] ?? 0;
    if (place > 0) {
      this.#priorities[place - 1] = priority;
      return;
    }
    this.#ids.push(id);
    this.#priorities.push(priority);
    this.#places[id] = this.#ids.length;
  }

  delete(id: PackageId): void {
    const place = this.#places[id] ?? 0;
    if (place === 0) return;
    const last = this.#ids.length - 1;
    const moved = this.#ids[last]!;
    this.#ids[place - 1] = moved;
    this.#priorities[place - 1] = this.#priorities[last]!;
    this.#places[moved] = place;
    this.#places[id] = 0;
    this.#ids.length = last;
    this.#priorities.length = last;
  }

  /** Removes the package with the greatest priority; `undefined` when there is none. */
  takeGreatest(): PackageId | undefined {
    let best = -1;
    let greatest = Number.NEGATIVE_INFINITY;
    for (let i = 0; i < this.#priorities.length; i++) {
      if (this.#priorities[i]! > greatest) {
        greatest = this.#priorities[i]!;
        best = i;
      }
    }
    if (best < 0) return undefined;
    const id = this.#ids[best]!;
    this.delete(id);
    return id;
  }

  clone(): PriorityList {
    const copy = new PriorityList();
    copy.#ids = this.#ids.slice();
    copy.#priorities = this.#priorities.slice();
    copy.#places = this.#places.slice();
    return copy;
  }
}
