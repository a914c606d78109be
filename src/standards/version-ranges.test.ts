import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { parseSpecifierSet, setContains } from "./specifiers.ts";
import { anySpecifierSet, anyVersion } from "./testing/generators.ts";
import { compareVersions, parseVersion } from "./version.ts";
import {
  complement,
  containsVersion,
  difference,
  equalRanges,
  intersect,
  isDisjoint,
  isEmpty,
  isFull,
  isSubset,
  onlyVersion,
  rangesOf,
  union,
  type VersionRanges,
} from "./version-ranges.ts";

const ranges = (text: string) => rangesOf(parseSpecifierSet(text));
const has = (text: string, version: string) => containsVersion(ranges(text), parseVersion(version));

/** Any set that the algebra can reach. */
const anyRanges: fc.Arbitrary<VersionRanges> = fc.letrec<{ set: VersionRanges }>((tie) => ({
  set: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    anySpecifierSet.map(ranges),
    anyVersion.map((text) => onlyVersion(parseVersion(text))),
    tie("set").map(complement),
    fc.tuple(tie("set"), tie("set")).map(([a, b]) => union(a, b)),
    fc.tuple(tie("set"), tie("set")).map(([a, b]) => intersect(a, b)),
  ),
})).set;

const anyParsed = anyVersion.map(parseVersion);

describe("the set of a specifier", () => {
  test.each([
    ["<1.0", "0.9", true],
    ["<1.0", "1.0rc1", false],
    ["<1.0", "1.0.dev0", false],
    ["<1.0rc2", "1.0rc1", true],
    [">1.0", "1.0.post1", false],
    [">1.0", "1.0+local", false],
    [">1.0", "1.0.0.1.dev0", true],
    [">1.0.post1", "1.0.post2", true],
    ["<=1.0", "1.0+local", true],
    ["<=1.0", "1.0.post0.dev0", false],
    ["==1.0", "1.0+local", true],
    ["==1.0+local", "1.0", false],
    ["!=1.0", "1.0+local", false],
    ["~=1.4", "2.0.dev0", false],
    ["~=1.4.2", "1.4.9", true],
    ["==1.2.*", "1.2.dev0", true],
    ["==1.2.*", "1.3.dev0", false],
    ["!=1.2.*", "1.2.post1", false],
    ["<0", "0.dev0", false],
  ])("%s %s: %p", (set, version, expected) => {
    expect(has(set, version)).toBe(expected);
  });

  test("holds what the specifiers admit", () => {
    fc.assert(
      fc.property(anySpecifierSet, anyVersion, (text, versionText) => {
        const set = parseSpecifierSet(text);
        const version = parseVersion(versionText);
        // `===` compares texts: of equal versions it admits those with the same text only.
        fc.pre(!set.specifiers.some((one) => one.operator === "===" && one.parsed?.text !== version.text));
        expect(containsVersion(rangesOf(set), version)).toBe(
          setContains(set, version, { prereleases: true }),
        );
      }),
      { seed: 440, numRuns: 20_000 },
    );
  });

  test("agrees for Python versions", () => {
    for (const text of [">=3.9,<3.13", ">=3.8", "!=3.9.7,>=3.8", "~=3.9", "==3.10.*", ">3.9", "<=3.12"]) {
      for (const version of [
        "3.8.18",
        "3.9",
        "3.9.0",
        "3.9.7",
        "3.10.13",
        "3.12.9",
        "3.13.0a1",
        "3.13",
        "4.0",
      ]) {
        const set = parseSpecifierSet(text);
        expect(has(text, version)).toBe(setContains(set, parseVersion(version)));
      }
    }
  });
});

describe("the algebra", () => {
  const check = (property: fc.IRawProperty<unknown>) => fc.assert(property, { seed: 7, numRuns: 2_000 });

  test("means what it says for every version", () => {
    check(
      fc.property(anyRanges, anyRanges, anyParsed, (a, b, v) => {
        const inA = containsVersion(a, v);
        const inB = containsVersion(b, v);
        expect(containsVersion(complement(a), v)).toBe(!inA);
        expect(containsVersion(union(a, b), v)).toBe(inA || inB);
        expect(containsVersion(intersect(a, b), v)).toBe(inA && inB);
        expect(containsVersion(difference(a, b), v)).toBe(inA && !inB);
      }),
    );
  });

  test("keeps the laws of sets, each set in one form", () => {
    check(
      fc.property(anyRanges, anyRanges, anyRanges, (a, b, c) => {
        expect(equalRanges(complement(complement(a)), a)).toBe(true);
        expect(equalRanges(complement(union(a, b)), intersect(complement(a), complement(b)))).toBe(true);
        expect(equalRanges(intersect(a, union(b, c)), union(intersect(a, b), intersect(a, c)))).toBe(true);
        expect(equalRanges(union(a, b), union(b, a))).toBe(true);
        expect(isEmpty(intersect(a, complement(a)))).toBe(true);
        expect(isFull(union(a, complement(a)))).toBe(true);
        expect(isSubset(intersect(a, b), a)).toBe(true);
        expect(isSubset(a, b)).toBe(isEmpty(difference(a, b)));
        expect(isDisjoint(a, b)).toBe(isEmpty(intersect(a, b)));
        expect(equalRanges(a, b)).toBe(isSubset(a, b) && isSubset(b, a));
      }),
    );
  });

  test("compares like the order of versions", () => {
    check(
      fc.property(anyParsed, anyParsed, (a, b) => {
        expect(isDisjoint(onlyVersion(a), onlyVersion(b))).toBe(compareVersions(a, b) !== 0);
      }),
    );
  });
});
