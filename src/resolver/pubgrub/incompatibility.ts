import { type IntegerSet, setsEqual, union } from "../../standards/marker-algebra/integer-set.ts";
import {
  intersectTerms,
  isAlwaysTrue,
  negativeTerm,
  positiveTerm,
  type Term,
  termsEqual,
  uniteTerms,
} from "./term.ts";

/** A package, as the number that the provider gave it. */
export type PackageId = number;
/** An incompatibility, as its index in the arena. */
export type IncompatibilityId = number;

/** Why an incompatibility holds. `note` is the provider's: the algorithm never looks at it. */
export type Cause =
  | { kind: "root" }
  | { kind: "no-versions"; set: IntegerSet; note?: unknown }
  | { kind: "unavailable"; set: IntegerSet; note: unknown }
  | {
      kind: "dependency";
      dependent: PackageId;
      versions: IntegerSet;
      on: PackageId;
      range: IntegerSet;
      note?: unknown;
    }
  | { kind: "derived"; left: IncompatibilityId; right: IncompatibilityId };

/**
 * A set of terms, at most one for each package, that are never all true together in a valid selection. A dependency
 * of `a` 1 on `b` 2 is the incompatibility of "`a` 1" with "not `b` 2".
 */
export interface Incompatibility {
  readonly packages: readonly PackageId[];
  /** Parallel to `packages`. */
  readonly terms: readonly Term[];
  readonly cause: Cause;
}

/** All incompatibilities of a resolution and its forks. Grows only; an id stays valid in every copy of a state. */
export type Arena = Incompatibility[];

export function termOf(incompatibility: Incompatibility, id: PackageId): Term | undefined {
  const { packages } = incompatibility;
  // Nearly all have one or two: a loop is faster than `indexOf`.
  for (let i = 0; i < packages.length; i++) if (packages[i] === id) return incompatibility.terms[i];
  return undefined;
}

/** "The root must be selected": the reason for the first decision. */
export function rootIncompatibility(root: PackageId, version: IntegerSet): Incompatibility {
  return { packages: [root], terms: [negativeTerm(version)], cause: { kind: "root" } };
}

export function noVersions(id: PackageId, set: IntegerSet, note?: unknown): Incompatibility {
  return { packages: [id], terms: [positiveTerm(set)], cause: { kind: "no-versions", set, note } };
}

export function unavailable(id: PackageId, set: IntegerSet, note: unknown): Incompatibility {
  return { packages: [id], terms: [positiveTerm(set)], cause: { kind: "unavailable", set, note } };
}

/** "These versions of `dependent` need `on` in `range`". An empty range makes the versions impossible. */
export function dependency(
  dependent: PackageId,
  versions: IntegerSet,
  on: PackageId,
  range: IntegerSet,
  note?: unknown,
): Incompatibility {
  const cause: Cause = { kind: "dependency", dependent, versions, on, range, note };
  if (range.length === 0) return { packages: [dependent], terms: [positiveTerm(versions)], cause };
  return { packages: [dependent, on], terms: [positiveTerm(versions), negativeTerm(range)], cause };
}

/** Whether two dependencies are of the same package on the same versions of the same other package. */
export function canMerge(a: Incompatibility, b: Incompatibility): boolean {
  return (
    a.cause.kind === "dependency" &&
    b.cause.kind === "dependency" &&
    a.cause.dependent === b.cause.dependent &&
    a.cause.on === b.cause.on &&
    a.cause.dependent !== a.cause.on &&
    setsEqual(a.cause.range, b.cause.range)
  );
}

/**
 * One dependency for what two that `canMerge` say: the same range, the versions of both. Keeps the number of
 * incompatibilities small when many versions of a package need the same.
 */
export function mergeDependents(a: Incompatibility, b: Incompatibility): Incompatibility {
  if (a.cause.kind !== "dependency" || b.cause.kind !== "dependency") throw new Error("not dependencies");
  const { dependent, versions, on, range, note } = a.cause;
  return dependency(dependent, union(versions, b.cause.versions), on, range, note);
}

/** The rule of resolution: what follows from two incompatibilities when `pivot` is cut out of both. */
export function priorCause(
  arena: Arena,
  left: IncompatibilityId,
  right: IncompatibilityId,
  pivot: PackageId,
): Incompatibility {
  const a = arena[left]!;
  const b = arena[right]!;
  const packages: PackageId[] = [];
  const terms: Term[] = [];
  let pivotTerm: Term | undefined;
  for (let i = 0; i < a.packages.length; i++) {
    if (a.packages[i] === pivot) {
      pivotTerm = a.terms[i]!;
    } else {
      packages.push(a.packages[i]!);
      terms.push(a.terms[i]!);
    }
  }
  for (let i = 0; i < b.packages.length; i++) {
    const id = b.packages[i]!;
    if (id === pivot) {
      pivotTerm = uniteTerms(pivotTerm!, b.terms[i]!);
      continue;
    }
    const at = packages.indexOf(id);
    if (at < 0) {
      packages.push(id);
      terms.push(b.terms[i]!);
    } else {
      terms[at] = intersectTerms(terms[at]!, b.terms[i]!);
    }
  }
  if (pivotTerm !== undefined && !isAlwaysTrue(pivotTerm)) {
    packages.push(pivot);
    terms.push(pivotTerm);
  }
  return { packages, terms, cause: { kind: "derived", left, right } };
}

export function sameTerms(a: Incompatibility, b: Incompatibility): boolean {
  return (
    a.packages.length === b.packages.length &&
    a.packages.every((id, i) => {
      const other = termOf(b, id);
      return other !== undefined && termsEqual(a.terms[i]!, other);
    })
  );
}
