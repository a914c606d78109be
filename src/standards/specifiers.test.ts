import { describe, expect, test } from "bun:test";
import { Failure } from "../platform/errors.ts";
import {
  formatSpecifierSet,
  parseSpecifierSet,
  setAdmitsPrereleases,
  setContains,
  tryParseSpecifierSet,
} from "./specifiers.ts";
import { parseVersion } from "./version.ts";

function failureOf(read: () => unknown): Failure {
  try {
    read();
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

describe("a set of specifiers", () => {
  test.each([
    ["~=2.2", "2.9", true],
    ["~=2.2", "3.0", false],
    ["~=2.2.post3", "2.2", false],
    ["==1.1", "1.1.0", true],
    ["==1.1", "1.1.post1", false],
    ["==1.1.*", "1.1a1", true],
    ["==1.1.*", "1.1.post1", true],
    ["!=1.1.*", "1.1.7", false],
    ["==1.0", "1.0+local", true],
    ["==1.0+a", "1.0+b", false],
    [">=1.0", "1.0+local", true],
    [">1.7", "1.7.0.post1", false],
    [">1.7.post2", "1.7.0.post3", true],
    ["<3.1", "3.1.dev0", false],
    ["<3.1.dev5", "3.1.dev4", true],
    ["===1.0", "1.0", true],
    ["===1.0", "1.0.0", false],
    ["", "0.dev0", true],
    [">=1,<2,!=1.5", "1.5.0", false],
  ])("%s, %s: %p", (set, version, expected) => {
    expect(setContains(parseSpecifierSet(set), parseVersion(version))).toBe(expected);
  });

  test("refuses pre-releases when told to, and only then", () => {
    const set = parseSpecifierSet(">=1.0a1");
    const v = parseVersion("1.0b1");
    expect(setContains(set, v)).toBe(true);
    expect(setContains(set, v, { prereleases: false })).toBe(false);
  });

  test.each([
    [">=1.0a1", true],
    ["<2.dev0", true],
    ["==1.0rc1", true],
    ["!=1.0rc1", false],
    ["==1.0.*", false],
    [">=1.0", false],
    ["===1.0a1", true],
    ["", false],
  ])("%s asks for pre-releases: %p", (set, expected) => {
    expect(setAdmitsPrereleases(parseSpecifierSet(set))).toBe(expected);
  });

  test("keeps what was written, and prints a normal form", () => {
    const set = parseSpecifierSet(" >= 1.0 , <2,>= 1.0");
    expect(set.text).toBe(">= 1.0 , <2,>= 1.0");
    expect(formatSpecifierSet(set)).toBe("<2,>=1.0");
  });

  test("that cannot be read is a failure that shows the place", () => {
    const failure = failureOf(() => parseSpecifierSet(">=1.0, ~=2, <3"));
    expect(failure.code).toBe("DXPY_BAD_SPECIFIER");
    expect(failure.message).toBe("`~=2` is not a version specifier");
    expect(failure.context.detail).toBe(">=1.0, ~=2, <3\n       ~~~^");
    expect(tryParseSpecifierSet("1.0")).toBeUndefined();
  });
});
