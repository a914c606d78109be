import {
  compareSets,
  compareWithInterval as compareWithOneInterval,
  difference,
  emptySet,
  type IntegerSet,
  includesInterval,
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

/** 1: every selection that satisfies `a` satisfies `b`. -1: none does. 0: some do. */
export function compareTerms(a: Term, b: Term): -1 | 0 | 1 {
  if (!a.positive) {
    if (!isSubset(b.set, a.set)) return 0;
    return b.positive ? -1 : 1;
  }
  if (b.positive || a.set.length === 0) return compareSets(a.set, b.set);
  const order = compareSets(a.set, b.set);
  return order === 0 ? 0 : order === 1 ? -1 : 1;
}

/** The same with a term whose set is one interval. */
export function compareWithInterval(
  { positive, set }: Term,
  otherPositive: boolean,
  from: number,
  to: number,
): -1 | 0 | 1 {
  if (!positive) {
    if (!includesInterval(set, from, to)) return 0;
    return otherPositive ? -1 : 1;
  }
  const order = compareWithOneInterval(set, from, to);
  if (order === 0 || otherPositive || set.length === 0) return order;
  return order === 1 ? -1 : 1;
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
