import {
  contains,
  emptySet,
  type IntegerSet,
  singleton,
} from "../../standards/marker-algebra/integer-set.ts";
import {
  type Arena,
  canMerge,
  dependency,
  type Incompatibility,
  type IncompatibilityId,
  mergeDependents,
  noVersions,
  type PackageId,
  priorCause,
  rootIncompatibility,
  unavailable,
} from "./incompatibility.ts";
import { PartialSolution, relations } from "./partial-solution.ts";
import { compareTerms, type Term, uniteTerms } from "./term.ts";
import { IncompatibilityRows } from "./term-table.ts";

/** A dependency as the provider states it. */
export interface Dependency {
  on: PackageId;
  range: IntegerSet;
  /** Kept with the incompatibility, for explanations. */
  note?: unknown;
}

/** A conflict that was resolved: the package whose assignment gave way, and the incompatibility it gave way to. */
export interface Conflict {
  affected: PackageId;
  incompatibility: IncompatibilityId;
}

/** A point in the history of the shared memory. */
export interface Mark {
  incompatibilities: number;
  rows: number;
}

/** Thrown when what was asked for is impossible: `cause` is the incompatibility that says so. */
export class NoSolution extends Error {
  override readonly name = "NoSolution";
  readonly incompatibility: IncompatibilityId;
  constructor(incompatibility: IncompatibilityId) {
    super("no solution");
    this.incompatibility = incompatibility;
  }
}

/**
 * The state of the PubGrub algorithm (https://github.com/dart-lang/pub/blob/master/doc/solver.md): what is known to
 * be incompatible, and the partial solution. Whoever drives it decides which version comes next. A copy can go on
 * independently; the arena is shared.
 */
export class SolverState {
  readonly root: PackageId;
  readonly rootVersion: number;
  readonly arena: Arena;
  readonly solution: PartialSolution;
  readonly #rows: IncompatibilityRows;
  /** By package, oldest first. */
  #byPackage: IncompatibilityId[][] = [];
  /** The same without those of one positive term; and all that these say cannot be, as one term. */
  #byPackageWithoutUnits: IncompatibilityId[][] = [];
  #units: (Term | undefined)[] = [];
  /** Packages whose two lists belong to this state alone. */
  #owned = new Set<PackageId>();
  /** By "dependent, dependency", the incompatibilities that express it. */
  #dependencies = new Map<number, readonly IncompatibilityId[]>();
  /** The decision level at which an incompatibility was found contradicted; 0: not. */
  #contradictedAt: Int32Array<ArrayBuffer>;
  #contradicted: IncompatibilityId[] = [];

  private constructor(
    root: PackageId,
    rootVersion: number,
    shared: { arena: Arena; rows: IncompatibilityRows },
    solution: PartialSolution,
    contradictedAt: Int32Array<ArrayBuffer>,
  ) {
    this.root = root;
    this.rootVersion = rootVersion;
    this.arena = shared.arena;
    this.#rows = shared.rows;
    this.solution = solution;
    this.#contradictedAt = contradictedAt;
  }

  static start(root: PackageId, rootVersion: number): SolverState {
    const shared = { arena: [], rows: new IncompatibilityRows() };
    const state = new SolverState(root, rootVersion, shared, new PartialSolution(), new Int32Array(1024));
    state.#add(rootIncompatibility(root, singleton(rootVersion)));
    return state;
  }

  clone(): SolverState {
    const shared = { arena: this.arena, rows: this.#rows };
    const contradictedAt = this.#contradictedAt.slice();
    const copy = new SolverState(this.root, this.rootVersion, shared, this.solution.clone(), contradictedAt);
    copy.#byPackage = this.#byPackage.slice();
    copy.#byPackageWithoutUnits = this.#byPackageWithoutUnits.slice();
    this.#owned = new Set();
    copy.#units = this.#units.slice();
    copy.#dependencies = new Map(this.#dependencies);
    copy.#contradicted = this.#contradicted.slice();
    return copy;
  }

  /** Where the memory that all copies share ends now. */
  get mark(): Mark {
    return { incompatibilities: this.arena.length, rows: this.#rows.end };
  }

  /** Forgets what was added after a mark. To be called when every copy that added or has seen any of it is done with. */
  rewind({ incompatibilities, rows }: Mark): void {
    this.arena.length = incompatibilities;
    this.#rows.end = rows;
  }

  /** The incompatibilities that mention a package. */
  incompatibilitiesOf(id: PackageId): readonly IncompatibilityId[] {
    return this.#byPackage[id] ?? [];
  }

  addNoVersions(id: PackageId, set: IntegerSet, note?: unknown): void {
    this.#add(noVersions(id, set, note));
  }

  addUnavailable(id: PackageId, set: IntegerSet, note: unknown): void {
    this.#add(unavailable(id, set, note));
  }

  addDependency(dependent: PackageId, versions: IntegerSet, one: Dependency): IncompatibilityId {
    return this.#add(dependency(dependent, versions, one.on, one.range, one.note));
  }

  /**
   * Adds what a version needs and decides on it, unless that conflicts already: then the conflicting dependency is
   * returned. `versions` may be wider than the one version as long as no other version that exists is in it.
   */
  decide(
    id: PackageId,
    version: number,
    versions: IntegerSet,
    dependencies: readonly Dependency[],
  ): IncompatibilityId | undefined {
    const added: IncompatibilityId[] = [];
    for (const one of dependencies) {
      const first = this.arena.length;
      if (one.on !== id) this.#add(dependency(id, versions, one.on, one.range, one.note));
      // What a version asks of its own package it has, or the version is impossible.
      else if (contains(one.range, version)) continue;
      else this.#add(dependency(id, singleton(version), id, emptySet, one.note));
      added.push(first);
    }
    return this.solution.decideWithDependencies(id, version, added, this.arena);
  }

  /** Decides on a version whose dependencies were added before. */
  decideAgain(id: PackageId, version: number): void {
    this.solution.decide(id, version);
  }

  /** Takes back the decision on a package and all later ones; returns how many. */
  backtrackPackage(id: PackageId): number {
    const count = this.solution.backtrackPackage(id);
    if (count > 0) this.#forgetContradictions();
    return count;
  }

  /**
   * Unit propagation: derives all that follows from what changed for `id`. Resolves conflicts on the way and returns
   * them; throws `NoSolution` when one cannot be.
   */
  propagate(id: PackageId): Conflict[] {
    const conflicts: Conflict[] = [];
    const changed: PackageId[] = [id];
    while (changed.length > 0) {
      const current = changed.pop()!;
      const known = this.solution.term(current);
      const units = this.#units[current];
      // What is known already rules out all that is impossible by itself: then it need not be looked at one by one.
      const ids =
        (known !== undefined && units !== undefined && compareTerms(known, units) === -1
          ? this.#byPackageWithoutUnits[current]
          : this.#byPackage[current]) ?? [];
      let conflict = -1;
      for (let i = ids.length - 1; i >= 0; i--) {
        const one = ids[i]!;
        if (this.#contradictedAt[one] !== 0) continue;
        const relation = this.solution.relation(one, this.arena, this.#rows);
        if (relation === relations.inconclusive) continue;
        if (relation === relations.satisfied) {
          conflict = one;
          break;
        }
        if (relation >= 0) {
          if (!changed.includes(relation)) changed.push(relation);
          this.solution.derive(relation, one, this.arena);
        }
        this.#markContradicted(one);
      }
      if (conflict < 0) continue;
      const resolved = this.#resolveConflict(conflict, conflicts);
      changed.length = 0;
      changed.push(resolved.affected);
      this.solution.derive(resolved.affected, resolved.incompatibility, this.arena);
      this.#markContradicted(resolved.incompatibility);
    }
    return conflicts;
  }

  /** Conflict-driven learning: finds the root cause, goes back before it, and remembers it. */
  #resolveConflict(conflict: IncompatibilityId, conflicts: Conflict[]): Conflict {
    let current = conflict;
    while (true) {
      const incompatibility = this.arena[current]!;
      if (this.#isTerminal(incompatibility)) throw new NoSolution(current);
      const search = this.solution.satisfierSearch(incompatibility, this.arena);
      if (search.sameLevel) {
        this.arena.push(priorCause(this.arena, current, search.cause, search.package));
        current = this.arena.length - 1;
        conflicts.push({ affected: search.package, incompatibility: current });
        continue;
      }
      this.solution.backtrack(search.previousLevel);
      this.#forgetContradictions();
      if (current !== conflict) this.#index(current);
      const resolved = { affected: search.package, incompatibility: current };
      conflicts.push(resolved);
      return resolved;
    }
  }

  #isTerminal({ packages, terms }: Incompatibility): boolean {
    if (packages.length === 0) return true;
    if (packages.length > 1 || packages[0] !== this.root) return false;
    const term = terms[0]!;
    return contains(term.set, this.rootVersion) === term.positive;
  }

  #add(incompatibility: Incompatibility): IncompatibilityId {
    this.arena.push(incompatibility);
    return this.#index(this.arena.length - 1);
  }

  /** Files an incompatibility under its packages, merged with an earlier one where both say the same. */
  #index(added: IncompatibilityId): IncompatibilityId {
    let id = added;
    const { cause } = this.arena[id]!;
    if (cause.kind === "dependency" && cause.dependent !== cause.on) {
      const key = cause.dependent * 0x400_0000 + cause.on;
      const siblings = this.#dependencies.get(key);
      if (siblings === undefined) {
        this.#dependencies.set(key, [id]);
      } else {
        const { arena } = this;
        const incompatibility = arena[id]!;
        let at = siblings.length - 1;
        while (at >= 0 && !canMerge(incompatibility, arena[siblings[at]!]!)) at -= 1;
        if (at < 0) {
          this.#dependencies.set(key, [...siblings, id]);
        } else {
          const past = siblings[at]!;
          arena.push(mergeDependents(incompatibility, arena[past]!));
          id = arena.length - 1;
          this.#dependencies.set(key, siblings.with(at, id));
          for (const one of arena[id]!.packages) {
            this.#own(one);
            remove(this.#byPackage[one]!, past);
            remove(this.#byPackageWithoutUnits[one]!, past);
          }
        }
      }
    }
    this.#rows.put(id, this.arena[id]!);
    const { packages, terms } = this.arena[id]!;
    const isUnit = packages.length === 1 && terms[0]!.positive;
    for (const one of packages) {
      this.#own(one);
      this.#byPackage[one]!.push(id);
      if (!isUnit) {
        this.#byPackageWithoutUnits[one]!.push(id);
      } else {
        const units = this.#units[one];
        this.#units[one] = units === undefined ? terms[0]! : uniteTerms(units, terms[0]!);
      }
    }
    if (id >= this.#contradictedAt.length) {
      const larger = new Int32Array(Math.max(this.#contradictedAt.length * 2, id + 1));
      larger.set(this.#contradictedAt);
      this.#contradictedAt = larger;
    }
    return id;
  }

  /** Makes the lists of a package this state's own, before they change: copies share them. */
  #own(one: PackageId): void {
    if (this.#owned.has(one)) return;
    this.#owned.add(one);
    while (this.#byPackage.length <= one) {
      this.#byPackage.push([]);
      this.#byPackageWithoutUnits.push([]);
    }
    this.#byPackage[one] = this.#byPackage[one]!.slice();
    this.#byPackageWithoutUnits[one] = this.#byPackageWithoutUnits[one]!.slice();
  }

  #markContradicted(id: IncompatibilityId): void {
    // A level of 0 says "not contradicted", and nothing is ever derived before the first level without being final.
    this.#contradictedAt[id] = this.solution.level + 1;
    this.#contradicted.push(id);
  }

  #forgetContradictions(): void {
    const highest = this.solution.level + 1;
    while (this.#contradicted.length > 0) {
      const id = this.#contradicted[this.#contradicted.length - 1]!;
      if (this.#contradictedAt[id]! <= highest) return;
      this.#contradictedAt[id] = 0;
      this.#contradicted.pop();
    }
  }
}

function remove(ids: IncompatibilityId[], id: IncompatibilityId): void {
  const at = ids.lastIndexOf(id);
  if (at >= 0) ids.splice(at, 1);
}
