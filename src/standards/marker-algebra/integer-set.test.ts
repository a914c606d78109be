import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  compareSets,
  compareWithInterval,
  complement,
  contains,
  difference,
  emptySet,
  fullSet,
  type IntegerSet,
  includesInterval,
  intersection,
  interval,
  isDisjoint,
  isSubset,
  limit,
  setsEqual,
  union,
} from "./integer-set.ts";

const top = 24;

/** A set made of a few intervals, and the same as plain members below `top`. */
const sets = fc
  .tuple(fc.array(fc.tuple(fc.nat(top), fc.nat(6))), fc.boolean())
  .map(([pieces, open]): { set: IntegerSet; members: Set<number> } => {
    let set: IntegerSet = open ? interval(top - 3, limit) : emptySet;
    for (const [from, length] of pieces) set = union(set, interval(from, from + length));
    const members = new Set<number>();
    for (let i = 0; i < top; i++) {
      if ((open && i >= top - 3) || pieces.some(([from, length]) => i >= from && i < from + length))
        members.add(i);
    }
    return { set, members };
  });

function membersOf(set: IntegerSet): number[] {
  return Array.from({ length: top }, (_, i) => i).filter((i) => contains(set, i));
}

/** Hundreds of intervals, which operations step over in leaps. */
const longSets = fc.uniqueArray(fc.nat(2000), { maxLength: 400, size: "max" }).map((cuts): IntegerSet => {
  const sorted = cuts.sort((a, b) => a - b);
  return sorted.length % 2 === 0 ? sorted : sorted.slice(1);
});

describe("integer sets", () => {
  test("comparisons of long sets with short ones agree with intersection", () => {
    fc.assert(
      fc.property(
        longSets,
        fc.oneof(
          longSets,
          sets.map(({ set }) => set),
        ),
        fc.nat(2000),
        (a, b, from) => {
          const one = interval(from, from + 3);
          for (const [x, y] of [
            [a, b],
            [b, a],
            [a, one],
            [one, a],
            [intersection(a, one), a],
            [intersection(a, b), a],
          ] as const) {
            const common = intersection(x, y);
            expect(isSubset(x, y)).toBe(setsEqual(common, x));
            expect(isDisjoint(x, y)).toBe(common.length === 0);
            expect(compareSets(x, y)).toBe(setsEqual(common, x) ? 1 : common.length === 0 ? -1 : 0);
            expect(difference(x, y)).toEqual(intersection(x, complement(y)));
          }
          expect(compareWithInterval(a, from, from + 3)).toBe(compareSets(a, one));
          expect(includesInterval(a, from, from + 3)).toBe(isSubset(one, a));
        },
      ),
    );
  });

  test("hold what was put in", () => {
    fc.assert(
      fc.property(sets, ({ set, members }) =>
        expect(membersOf(set)).toEqual(Array.from(members).sort((a, b) => a - b)),
      ),
    );
  });

  test("union, intersection, difference and complement are those of sets", () => {
    fc.assert(
      fc.property(sets, sets, (a, b) => {
        const all = Array.from({ length: top }, (_, i) => i);
        expect(membersOf(union(a.set, b.set))).toEqual(
          all.filter((i) => a.members.has(i) || b.members.has(i)),
        );
        expect(membersOf(intersection(a.set, b.set))).toEqual(
          all.filter((i) => a.members.has(i) && b.members.has(i)),
        );
        expect(membersOf(difference(a.set, b.set))).toEqual(
          all.filter((i) => a.members.has(i) && !b.members.has(i)),
        );
        expect(membersOf(complement(a.set))).toEqual(all.filter((i) => !a.members.has(i)));
      }),
    );
  });

  test("each set has one form", () => {
    fc.assert(
      fc.property(sets, sets, (a, b) => {
        expect(complement(complement(a.set))).toEqual(Array.from(a.set));
        expect(setsEqual(union(a.set, b.set), union(b.set, a.set))).toBe(true);
        expect(complement(union(a.set, b.set))).toEqual(
          intersection(complement(a.set), complement(b.set)) as number[],
        );
      }),
    );
  });

  test("subset and disjoint agree with intersection", () => {
    fc.assert(
      fc.property(sets, sets, ({ set: a }, { set: b }) => {
        expect(isDisjoint(a, b)).toBe(intersection(a, b).length === 0);
        expect(isSubset(a, b)).toBe(setsEqual(intersection(a, b), a));
      }),
    );
  });

  test("the empty and the full set", () => {
    expect(complement(emptySet)).toEqual(fullSet);
    expect(complement(fullSet)).toEqual([]);
    expect(isSubset(emptySet, emptySet)).toBe(true);
    expect(interval(5, 5)).toEqual(emptySet);
  });
});
