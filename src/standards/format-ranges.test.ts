import { expect, test } from "bun:test";
import { formatRanges } from "./format-ranges.ts";
import { parseSpecifierSet } from "./specifiers.ts";
import { allVersions, complement, noVersions, rangesOf, union } from "./version-ranges.ts";

const ranges = (text: string) => rangesOf(parseSpecifierSet(text));

test.each([
  [">=1,<3", ">=1,<3"],
  [">=1.0,!=1.5,<2,!=1.7.*", ">=1.0,!=1.5,!=1.7.*,<2"],
  ["==1.2.*", "==1.2.*"],
  ["==1.2", "==1.2"],
  ["==1.2+cpu", "==1.2+cpu"],
  ["~=1.4.2", ">=1.4.2,<1.5"],
  [">1.0", ">1.0"],
  ["<=1.0", "<=1.0"],
  ["<1.0rc1", "<1.0rc1"],
  [">=2,<1", "∅"],
  ["", "*"],
])("%s reads %s", (set, shown) => {
  expect(formatRanges(ranges(set))).toBe(shown);
});

test("a union reads as alternatives, a complement as its opposite", () => {
  expect(formatRanges(union(ranges("<1"), ranges(">=3,<4")))).toBe("<1 | >=3,<4");
  expect(formatRanges(complement(ranges("<2")))).toBe(">=2");
  expect(formatRanges(complement(ranges("<=2")))).toBe(">2");
  expect(formatRanges(complement(ranges("==2")))).toBe("!=2");
  expect(formatRanges(allVersions)).toBe("*");
  expect(formatRanges(noVersions)).toBe("∅");
});
