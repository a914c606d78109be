import {
  difference,
  emptySet,
  type IntegerSet,
  intersection,
  isDisjoint,
  isSubset,
  setsEqual,
  union,
} from "../../standards/marker-algebra/integer-set.ts";

/**
 * A statement about one package that is true or false for a given selection of versions. Positive: "a version in the
 * set is selected". Negative: "no version in the set is selected", which is also true when none is selected at all.
 */
export interface Term {
  readonly positive: boolean;
  readonly set: IntegerSet;
}

export function positiveTerm(set: IntegerSet): Term {
  return { positive: true, set };
}

export function negativeTerm(set: IntegerSet): Term {
  return { positive: false, set };
}

export function negate(term: Term): Term {
  return { positive: !term.positive, set: term.set };
}

/** True for every selection. */
export function isAlwaysTrue(term: Term): boolean {
  return !term.positive && term.set.length === 0;
}

export function intersectTerms(a: Term, b: Term): Term {
  if (a.positive) return positiveTerm(b.positive ? intersection(a.set, b.set) : difference(a.set, b.set));
  return b.positive ? positiveTerm(difference(b.set, a.set)) : negativeTerm(union(a.set, b.set));
}

export function uniteTerms(a: Term, b: Term): Term {
  if (a.positive)
    return b.positive ? positiveTerm(union(a.set, b.set)) : negativeTerm(difference(b.set, a.set));
  return negativeTerm(b.positive ? difference(a.set, b.set) : intersection(a.set, b.set));
}

/** Whether every selection that satisfies `a` satisfies `b`. */
export function impliesTerm(a: Term, b: Term): boolean {
  if (a.positive) return b.positive ? isSubset(a.set, b.set) : isDisjoint(a.set, b.set);
  return !b.positive && isSubset(b.set, a.set);
}

/** Whether no selection satisfies both. */
export function termsDisjoint(a: Term, b: Term): boolean {
  if (a.positive) return b.positive ? isDisjoint(a.set, b.set) : isSubset(a.set, b.set);
  return b.positive && isSubset(b.set, a.set);
}

export function termsEqual(a: Term, b: Term): boolean {
  return a.positive === b.positive && setsEqual(a.set, b.set);
}

/** The term that no selection satisfies. */
export const neverTerm: Term = positiveTerm(emptySet);
