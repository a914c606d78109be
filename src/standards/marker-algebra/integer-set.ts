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
  return b.length === 0 ? a : intersection(a, complement(b));
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

export function isSubset(a: IntegerSet, b: IntegerSet): boolean {
  if (a === b) return true;
  let j = 0;
  for (let i = 0; i < a.length; i += 2) {
    while (j < b.length && b[j + 1]! < a[i + 1]!) j += 2;
    if (j >= b.length || b[j]! > a[i]!) return false;
  }
  return true;
}

export function isDisjoint(a: IntegerSet, b: IntegerSet): boolean {
  let i = 0;
  let j = 0;
  while (i < a.length && j < b.length) {
    if (a[i + 1]! <= b[j]!) i += 2;
    else if (b[j + 1]! <= a[i]!) j += 2;
    else return false;
  }
  return true;
}

export function setsEqual(a: IntegerSet, b: IntegerSet): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
