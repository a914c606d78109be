import type { Arena, PackageId } from "./pubgrub/incompatibility.ts";
import type { Conflict } from "./pubgrub/solver-state.ts";
import type { PackageTable } from "./virtual-packages.ts";

/** After so many conflicts a package is decided earlier, or later, than it was discovered. */
const threshold = 5;

/** Counts which packages stand in each other's way. */
export class ConflictTracker {
  #affected = new Map<PackageId, number>();
  #culprit = new Map<PackageId, number>();
  /** To be decided earlier, and later, from now on; whoever acts on them empties the lists. */
  readonly prioritize: PackageId[] = [];
  readonly deprioritize: PackageId[] = [];

  clone(): ConflictTracker {
    const copy = new ConflictTracker();
    copy.#affected = new Map(this.#affected);
    copy.#culprit = new Map(this.#culprit);
    copy.prioritize.push(...this.prioritize);
    copy.deprioritize.push(...this.deprioritize);
    return copy;
  }

  /** `deciding` is the package that was being decided on. */
  record(
    { affected, incompatibility }: Conflict,
    deciding: PackageId,
    arena: Arena,
    table: PackageTable,
  ): void {
    let real = false;
    const name = table.name(affected);
    for (const id of arena[incompatibility]!.packages) {
      // Variants of one project hand obligations to each other by conflicts: that says nothing.
      if (id === affected || table.name(id) === name) continue;
      real = true;
      const count = (this.#culprit.get(id) ?? 0) + 1;
      this.#culprit.set(id, count);
      if (count === threshold) this.deprioritize.push(id);
    }
    if (!real) return;
    const count = (this.#affected.get(deciding) ?? 0) + 1;
    this.#affected.set(deciding, count);
    if (count === threshold) this.prioritize.push(deciding);
  }
}
