import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  complement,
  contains,
  difference,
  emptySet,
  fullSet,
  type IntegerSet,
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

describe("integer sets", () => {
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
