import { type IntegerSet, singleton } from "../../standards/marker-algebra/integer-set.ts";
import type { Arena, Incompatibility, IncompatibilityId, PackageId } from "./incompatibility.ts";
import { termOf } from "./incompatibility.ts";
import { PriorityList } from "./priority-list.ts";
import {
  compareTerms,
  compareWithInterval,
  intersectTerms,
  negate,
  positiveTerm,
  type Term,
  termsDisjoint,
} from "./term.ts";
import { type IncompatibilityRows, isInterval, isPositive, KnownEnds, unclear } from "./term-table.ts";

/** What one package is known to be, and by what steps: derivations in order, then perhaps a decision. */
interface Assignment {
  /** The solution that may change it; copies share it until they do. */
  owner: object;
  /** Decision level of the first and of the last step. */
  smallestLevel: number;
  highestLevel: number;
  /** Parallel arrays, one entry for each derivation: when, at what level, why, and all until then together. */
  indices: number[];
  levels: number[];
  causes: IncompatibilityId[];
  accumulated: Term[];
  /** The intersection of all steps. */
  term: Term;
  /** The version decided on, and when; -1: undecided. */
  decision: number;
  decisionIndex: number;
}

/** The assignment that made an incompatibility's term true. */
interface Satisfier {
  /** -1: a decision. */
  cause: IncompatibilityId;
  index: number;
  level: number;
}

export type SatisfierSearch =
  | { package: PackageId; sameLevel: true; cause: IncompatibilityId }
  | { package: PackageId; sameLevel: false; previousLevel: number };

/**
 * How the steps so far stand to an incompatibility: one of `relations`, or, from 0 on, the package whose term alone is
 * open while all others are satisfied.
 */
export type Relation = number;
export const relations = { satisfied: -1, contradicted: -2, inconclusive: -3 } as const;

/** How urgent it is to decide on a package: the greatest number first. Must differ between packages. */
export type Prioritizer = (id: PackageId) => number;

/** Everything decided and derived so far, step by step, so that it can be taken back to any decision. */
export class PartialSolution {
  #nextIndex = 0;
  /** Stands for this solution, since it was last copied, in what it owns. */
  #owner: object = {};
  #level = 0;
  #assignments: (Assignment | undefined)[] = [];
  readonly #ends: KnownEnds;
  /** Packages that have an assignment, in no particular order. */
  #assigned: PackageId[] = [];
  /** Decided packages by level: `#decided[0]` is level 1. */
  #decided: PackageId[] = [];
  /** Undecided packages that must be decided on, with the priority they had when they last changed. */
  #queue = new PriorityList();
  #outdated = new Set<PackageId>();
  #hasBacktracked = false;

  constructor(ends = new KnownEnds()) {
    this.#ends = ends;
  }

  get level(): number {
    return this.#level;
  }

  clone(): PartialSolution {
    const copy = new PartialSolution(this.#ends.clone());
    copy.#nextIndex = this.#nextIndex;
    copy.#level = this.#level;
    copy.#assignments = this.#assignments.slice();
    // From here on the steps belong to neither: whoever adds or takes back one copies them first.
    this.#owner = {};
    copy.#assigned = this.#assigned.slice();
    copy.#decided = this.#decided.slice();
    copy.#queue = this.#queue.clone();
    copy.#outdated = new Set(this.#outdated);
    copy.#hasBacktracked = this.#hasBacktracked;
    return copy;
  }

  /** What is known of a package; `undefined`: nothing. */
  term(id: PackageId): Term | undefined {
    return this.#assignments[id]?.term;
  }

  /** The version decided on, or -1. */
  decision(id: PackageId): number {
    return this.#assignments[id]?.decision ?? -1;
  }

  /** Decided packages and their versions, in the order of the decisions. */
  decisions(): [PackageId, number][] {
    return this.#decided.map((id) => [id, this.#assignments[id]!.decision]);
  }

  /** Packages that must be selected and are not decided yet. */
  undecided(): PackageId[] {
    return this.#assigned.filter((id) => isPotential(this.#assignments[id]));
  }

  decide(id: PackageId, version: number): void {
    const assignment = this.#own(id);
    this.#level += 1;
    assignment.highestLevel = this.#level;
    assignment.decision = version;
    assignment.decisionIndex = this.#nextIndex++;
    assignment.term = positiveTerm(singleton(version));
    this.#ends.set(id, assignment.term);
    this.#decided.push(id);
  }

  derive(id: PackageId, cause: IncompatibilityId, arena: Arena): void {
    const term = negate(termOf(arena[cause]!, id)!);
    const assignment = this.#assignments[id];
    let known: Assignment;
    if (assignment === undefined) {
      known = {
        owner: this.#owner,
        smallestLevel: this.#level,
        highestLevel: this.#level,
        indices: [],
        levels: [],
        causes: [],
        accumulated: [],
        term,
        decision: -1,
        decisionIndex: -1,
      };
      // Filled up, not left with holes: arrays with holes are slow.
      while (this.#assignments.length < id) this.#assignments.push(undefined);
      this.#assignments[id] = known;
      this.#assigned.push(id);
    } else {
      known = this.#own(id);
      known.highestLevel = this.#level;
      known.term = intersectTerms(known.term, term);
    }
    this.#ends.set(id, known.term);
    known.indices.push(this.#nextIndex++);
    known.levels.push(this.#level);
    known.causes.push(cause);
    known.accumulated.push(known.term);
    if (known.term.positive) this.#outdated.add(id);
  }

  #own(id: PackageId): Assignment {
    const assignment = this.#assignments[id]!;
    if (assignment.owner === this.#owner) return assignment;
    const own = {
      ...assignment,
      owner: this.#owner,
      indices: assignment.indices.slice(),
      levels: assignment.levels.slice(),
      causes: assignment.causes.slice(),
      accumulated: assignment.accumulated.slice(),
    };
    this.#assignments[id] = own;
    return own;
  }

  /**
   * Takes the most urgent undecided package out of the queue; `undefined` when all are decided. A priority is asked
   * for when what is known of the package changed, not whenever it would come out differently.
   */
  pick(prioritize: Prioritizer): PackageId | undefined {
    for (const id of this.#outdated) {
      if (isPotential(this.#assignments[id])) this.#queue.set(id, prioritize(id));
    }
    if (this.#outdated.size > 0) this.#outdated.clear();
    while (true) {
      const best = this.#queue.takeGreatest();
      if (best === undefined || isPotential(this.#assignments[best])) return best;
    }
  }

  /** Forgets every step above `level`. */
  backtrack(level: number): void {
    this.#level = level;
    this.#decided.length = Math.min(this.#decided.length, level);
    let kept = 0;
    for (const id of this.#assigned) {
      let assignment = this.#assignments[id]!;
      if (assignment.smallestLevel > level) {
        this.#assignments[id] = undefined;
        this.#ends.delete(id);
        continue;
      }
      this.#assigned[kept++] = id;
      if (assignment.highestLevel <= level) {
        if (isPotential(assignment) && !this.#queue.has(id)) this.#outdated.add(id);
        continue;
      }
      assignment = this.#own(id);
      let last = assignment.levels.length;
      while (assignment.levels[last - 1]! > level) last -= 1;
      assignment.indices.length = last;
      assignment.levels.length = last;
      assignment.causes.length = last;
      assignment.accumulated.length = last;
      assignment.highestLevel = assignment.levels[last - 1]!;
      assignment.term = assignment.accumulated[last - 1]!;
      this.#ends.set(id, assignment.term);
      assignment.decision = -1;
      assignment.decisionIndex = -1;
      this.#queue.delete(id);
      if (assignment.term.positive) this.#outdated.add(id);
    }
    this.#assigned.length = kept;
    this.#hasBacktracked = true;
  }

  /** Takes back the decision on a package and all later ones. Returns how many; 0 when it was not decided. */
  backtrackPackage(id: PackageId): number {
    const at = this.#decided.indexOf(id);
    if (at < 0) return 0;
    const before = this.#level;
    this.backtrack(at);
    return before - at;
  }

  /**
   * Decides on a version unless one of its dependencies conflicts with what is known; then returns that dependency.
   * As long as nothing ever went wrong the check is left out: unit propagation finds a conflict all the same.
   */
  decideWithDependencies(
    id: PackageId,
    version: number,
    dependencies: readonly IncompatibilityId[],
    arena: Arena,
  ): IncompatibilityId | undefined {
    if (this.#hasBacktracked) {
      const exact = positiveTerm(singleton(version));
      const satisfied = dependencies.find((one) => this.#isSatisfiedWith(arena[one]!, id, exact));
      if (satisfied !== undefined) return satisfied;
    }
    this.decide(id, version);
    return undefined;
  }

  /** How the steps so far stand to an incompatibility. */
  relation(id: IncompatibilityId, arena: Arena, { starts, rows }: IncompatibilityRows): Relation {
    let almost = -1;
    let at = starts[id]!;
    const end = at + 1 + 4 * rows[at]!;
    for (at += 1; at < end; at += 4) {
      const one = rows[at]!;
      let order = this.#ends.compare(one, rows[at + 1]!, rows[at + 2]!, rows[at + 3]!);
      if (order === unclear) {
        const known = this.#assignments[one]!.term;
        order = isInterval(rows[at + 1]!)
          ? compareWithInterval(known, isPositive(rows[at + 1]!), rows[at + 2]!, rows[at + 3]!)
          : compareTerms(known, arena[id]!.terms[(at - starts[id]! - 1) >> 2]!);
      }
      if (order === 1) continue;
      if (order === -1) return relations.contradicted;
      if (almost >= 0) return relations.inconclusive;
      almost = one;
    }
    return almost < 0 ? relations.satisfied : almost;
  }

  /** Whether an incompatibility would be satisfied if this were known of one package. */
  #isSatisfiedWith({ packages, terms }: Incompatibility, assumedId: PackageId, assumed: Term): boolean {
    for (let i = 0; i < packages.length; i++) {
      const id = packages[i]!;
      const known = id === assumedId ? assumed : this.#assignments[id]?.term;
      if (known === undefined || compareTerms(known, terms[i]!) !== 1) return false;
    }
    return true;
  }

  /** Finds the step that made the incompatibility true, and the level before which it was not inevitable. */
  satisfierSearch(incompatibility: Incompatibility, arena: Arena): SatisfierSearch {
    const { packages, terms } = incompatibility;
    const satisfiers = packages.map((id, i) => this.#satisfier(id, negate(terms[i]!)));
    let at = 0;
    for (let i = 1; i < satisfiers.length; i++) if (satisfiers[i]!.index > satisfiers[at]!.index) at = i;
    const satisfier = satisfiers[at]!;
    const id = packages[at]!;
    const own =
      satisfier.cause >= 0 ? negate(termOf(arena[satisfier.cause]!, id)!) : this.#assignments[id]!.term;
    satisfiers[at] = this.#satisfier(id, intersectTerms(own, negate(terms[at]!)));
    let previous = satisfiers[0]!;
    for (const one of satisfiers) if (one.index > previous.index) previous = one;
    const previousLevel = Math.max(previous.level, 1);
    return previousLevel >= satisfier.level
      ? { package: id, sameLevel: true, cause: satisfier.cause }
      : { package: id, sameLevel: false, previousLevel };
  }

  /** The first step after which the package's assignment is disjoint with `excluded`. */
  #satisfier(id: PackageId, excluded: Term): Satisfier {
    const assignment = this.#assignments[id]!;
    const { accumulated } = assignment;
    let low = 0;
    let high = accumulated.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (termsDisjoint(accumulated[middle]!, excluded)) high = middle;
      else low = middle + 1;
    }
    if (low < accumulated.length) {
      return {
        cause: assignment.causes[low]!,
        index: assignment.indices[low]!,
        level: assignment.levels[low]!,
      };
    }
    return { cause: -1, index: assignment.decisionIndex, level: assignment.highestLevel };
  }
}

function isPotential(assignment: Assignment | undefined): boolean {
  return assignment !== undefined && assignment.decision < 0 && assignment.term.positive;
}

/** The versions that are still possible for a package that must be selected. */
export function possibleVersions(solution: PartialSolution, id: PackageId): IntegerSet {
  return solution.term(id)!.set;
}
