/**
 * A set of non-negative integers below `limit`, as the sorted list of the places where membership changes: the set
 * holds `[s[0], s[1])`, `[s[2], s[3])`, and so on. Immutable. Complements are as small as the set itself, and the few
 * intervals that version requirements make cost a few comparisons in each operation.
 */
export type IntegerSet = readonly number[];

/** One more than the greatest integer that a set can hold. */
export const limit = 0x3fff_ffff;

export const emptySet: IntegerSet = [];
export const fullSet: IntegerSet = [0, limit];

/** The integers from `from` to before `to`. */
export function interval(from: number, to: number): IntegerSet {
  return from < to ? [from, to] : emptySet;
}

export function singleton(value: number): IntegerSet {
  return [value, value + 1];
}

export function complement(set: IntegerSet): IntegerSet {
  if (set.length === 0) return fullSet;
  const starts = set[0] === 0 ? 1 : 0;
  const ends = set[set.length - 1] === limit ? 1 : 0;
  const inner = set.slice(starts, set.length - ends);
  if (starts === 0) inner.unshift(0);
  if (ends === 0) inner.push(limit);
  return inner;
}

export function intersection(a: IntegerSet, b: IntegerSet): IntegerSet {
  if (a === b || b === fullSet) return a;
  if (a === fullSet) return b;
  const out: number[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length && j < b.length) {
    const from = Math.max(a[i]!, b[j]!);
    const aTo = a[i + 1]!;
    const bTo = b[j + 1]!;
    const to = aTo < bTo ? aTo : bTo;
    if (from < to) out.push(from, to);
    if (aTo <= bTo) i += 2;
    if (bTo <= aTo) j += 2;
  }
  return out.length === 0 ? emptySet : out;
}

export function union(a: IntegerSet, b: IntegerSet): IntegerSet {
  if (a === b || b.length === 0) return a;
  if (a.length === 0) return b;
  const out: number[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    const useA = j >= b.length || (i < a.length && a[i]! <= b[j]!);
    const from = useA ? a[i]! : b[j]!;
    const to = useA ? a[i + 1]! : b[j + 1]!;
    if (useA) i += 2;
    else j += 2;
    const last = out.length - 1;
    if (last >= 0 && from <= out[last]!) {
      if (to > out[last]!) out[last] = to;
    } else {
      out.push(from, to);
    }
  }
  return out;
}

/** The members of `a` that `b` does not have. */
export function difference(a: IntegerSet, b: IntegerSet): IntegerSet {
  if (b.length === 0 || a.length === 0) return a;
  if (b.length > 2) return intersection(a, complement(b));
  // What is taken away most often is one version.
  const from = b[0]!;
  const to = b[1]!;
  const first = intervalBeyond(a, 0, from);
  const last = intervalBeyond(a, first, to);
  const cutsFirst = first < a.length && a[first]! < from;
  const cutsLast = last < a.length && a[last]! < to;
  if (first === last && !cutsLast) return a;
  const out = a.slice();
  const removed = (cutsLast ? last + 2 : last) - first;
  if (cutsFirst && cutsLast) out.splice(first, removed, a[first]!, from, to, a[last + 1]!);
  else if (cutsFirst) out.splice(first, removed, a[first]!, from);
  else if (cutsLast) out.splice(first, removed, to, a[last + 1]!);
  else out.splice(first, removed);
  return out.length === 0 ? emptySet : out;
}

export function contains(set: IntegerSet, value: number): boolean {
  let low = 0;
  let high = set.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (set[middle]! <= value) low = middle + 1;
    else high = middle;
  }
  return (low & 1) === 1;
}

/** The first position of an interval, from `from` on, that ends after `value`. */
function intervalBeyond(set: IntegerSet, from: number, value: number): number {
  const { length } = set;
  if (from >= length || set[from + 1]! > value) return from;
  // Sets of a few intervals meet sets of thousands: steps that double, then halves, skip what is not asked for.
  let low = from;
  let step = 2;
  while (low + step < length && set[low + step + 1]! <= value) {
    low += step;
    step *= 2;
  }
  let high = Math.min(low + step, length);
  low += 2;
  while (low < high) {
    const middle = ((low + high) >>> 2) << 1;
    if (set[middle + 1]! <= value) low = middle + 2;
    else high = middle;
  }
  return low;
}

export function isSubset(a: IntegerSet, b: IntegerSet): boolean {
  if (a === b) return true;
  let i = 0;
  let j = 0;
  while (i < a.length) {
    const from = a[i]!;
    j = intervalBeyond(b, j, from);
    if (j >= b.length || b[j]! > from) return false;
    const to = b[j + 1]!;
    i = intervalBeyond(a, i, to);
    // The interval of `a` that ends last within this one of `b`, or goes beyond it.
    if (i < a.length && a[i]! < to) return false;
  }
  return true;
}

export function isDisjoint(a: IntegerSet, b: IntegerSet): boolean {
  let i = 0;
  let j = 0;
  while (i < a.length) {
    j = intervalBeyond(b, j, a[i]!);
    if (j >= b.length) return true;
    if (b[j]! < a[i + 1]!) return false;
    i = intervalBeyond(a, i, b[j]!);
  }
  return true;
}

/** 1: `a` is a subset of `b`, as the empty set always is. -1: they are disjoint. 0: they overlap. */
export function compareSets(a: IntegerSet, b: IntegerSet): -1 | 0 | 1 {
  if (a === b || a.length === 0) return 1;
  const from = a[0]!;
  const to = a[1]!;
  const at = intervalBeyond(b, 0, from);
  if (at >= b.length || b[at]! >= to) return a.length === 2 || isDisjoint(a, b) ? -1 : 0;
  if (b[at]! > from || b[at + 1]! < to) return 0;
  return a.length === 2 || isSubset(a, b) ? 1 : 0;
}

/** Whether all integers from `from` to before `to` are in the set. */
export function includesInterval(set: IntegerSet, from: number, to: number): boolean {
  const at = intervalBeyond(set, 0, from);
  return at < set.length && set[at]! <= from && set[at + 1]! >= to;
}

/** `compareSets` of a set and the integers from `from` to before `to`. */
export function compareWithInterval(set: IntegerSet, from: number, to: number): -1 | 0 | 1 {
  if (set.length === 0 || (set[0]! >= from && set[set.length - 1]! <= to)) return 1;
  const at = intervalBeyond(set, 0, from);
  return at >= set.length || set[at]! >= to ? -1 : 0;
}

export function setsEqual(a: IntegerSet, b: IntegerSet): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
