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
import { PartialSolution } from "./partial-solution.ts";

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
  /** By package, oldest first. */
  #byPackage: IncompatibilityId[][] = [];
  /** By "dependent, dependency", the incompatibilities that express it. */
  #dependencies = new Map<number, IncompatibilityId[]>();
  /** The decision level at which an incompatibility was found contradicted; 0: not. */
  #contradictedAt: number[] = [];
  #contradicted: IncompatibilityId[] = [];

  constructor(root: PackageId, rootVersion: number, arena: Arena = [], solution = new PartialSolution()) {
    this.root = root;
    this.rootVersion = rootVersion;
    this.arena = arena;
    this.solution = solution;
  }

  static start(root: PackageId, rootVersion: number): SolverState {
    const state = new SolverState(root, rootVersion);
    state.#add(rootIncompatibility(root, singleton(rootVersion)));
    return state;
  }

  clone(): SolverState {
    const copy = new SolverState(this.root, this.rootVersion, this.arena, this.solution.clone());
    copy.#byPackage = this.#byPackage.map((ids) => ids.slice());
    copy.#dependencies = new Map(Array.from(this.#dependencies, ([key, ids]) => [key, ids.slice()]));
    copy.#contradictedAt = this.#contradictedAt.slice();
    copy.#contradicted = this.#contradicted.slice();
    return copy;
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
      const ids = this.#byPackage[current] ?? [];
      let conflict = -1;
      for (let i = ids.length - 1; i >= 0; i--) {
        const one = ids[i]!;
        if (this.#contradictedAt[one]! > 0) continue;
        const relation = this.solution.relation(this.arena[one]!);
        if (relation === "inconclusive") continue;
        if (relation === "satisfied") {
          conflict = one;
          break;
        }
        if (relation !== "contradicted") {
          if (!changed.includes(relation.almost)) changed.push(relation.almost);
          this.solution.derive(relation.almost, one, this.arena);
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
        const at = siblings.findIndex((past) => canMerge(this.arena[id]!, this.arena[past]!));
        if (at < 0) {
          siblings.push(id);
        } else {
          const past = siblings[at]!;
          this.arena.push(mergeDependents(this.arena[id]!, this.arena[past]!));
          id = this.arena.length - 1;
          siblings[at] = id;
          for (const one of this.arena[id]!.packages) {
            this.#byPackage[one] = (this.#byPackage[one] ?? []).filter((other) => other !== past);
          }
        }
      }
    }
    for (const one of this.arena[id]!.packages) {
      const ids = this.#byPackage[one];
      if (ids === undefined) this.#byPackage[one] = [id];
      else ids.push(id);
    }
    return id;
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
